//! One subscriber's queue.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use super::MISSED;
use crate::protocol::{FRAME_LIMIT, event};

/// Bytes that wait for one subscriber at most: one largest frame always fits.
const QUEUE_LIMIT: usize = FRAME_LIMIT;
/// Bytes from which on those who publish wait for a subscriber that reads.
const CROWDED: usize = 8 * 1024 * 1024;
/// A subscriber that has not read for so long is not waited for.
const PATIENCE: Duration = Duration::from_millis(500);
/// What a queued frame costs besides its bytes.
const FRAME_OVERHEAD: usize = 64;
/// Bytes handed to a subscriber at a time, so that a large backlog does not all leave the bound at once.
const BATCH: usize = 256 * 1024;

/// The receiving end of a subscription.
pub struct Subscriber {
    shared: Arc<Shared>,
}

/// What the bus and the subscriber share.
pub(super) struct Shared {
    queue: Mutex<Queue>,
    filled: Notify,
    emptied: Notify,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Bytes>,
    bytes: usize,
    missed: u64,
    /// When something was last taken, or first waited.
    moved: Option<Instant>,
    /// `None` wants everything.
    patterns: Option<Vec<String>>,
}

impl Subscriber {
    pub(super) fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                queue: Mutex::default(),
                filled: Notify::new(),
                emptied: Notify::new(),
            }),
        }
    }

    pub(super) fn shared(&self) -> Weak<Shared> {
        Arc::downgrade(&self.shared)
    }

    /// From now on only events whose name matches one of `patterns`.
    pub fn want(&self, patterns: Vec<String>) {
        self.shared.lock().patterns = Some(patterns);
    }

    /// Waits for events and appends their frames to `batch`. Cancel-safe.
    pub async fn next(&self, batch: &mut Vec<Bytes>) {
        while !self.shared.take(batch) {
            self.shared.filled.notified().await;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, topic: &str, frame: &Bytes) {
        let mut queue = self.lock();
        if queue.wants(topic) {
            queue.push(frame);
            drop(queue);
            self.filled.notify_one();
        }
    }

    /// Returns once there is room again, or the subscriber has not read for a while.
    pub(super) async fn room(&self) {
        loop {
            let emptied = self.emptied.notified();
            let mut emptied = std::pin::pin!(emptied);
            // Listens before it looks, so that no word is missed in between.
            emptied.as_mut().enable();
            let Some(until) = self.lock().worth_waiting() else {
                return;
            };
            let _ = timeout_at(until, emptied).await;
        }
    }

    fn take(&self, batch: &mut Vec<Bytes>) -> bool {
        let mut queue = self.lock();
        let mut taken = 0;
        while taken < BATCH
            && let Some(frame) = queue.frames.pop_front()
        {
            taken += frame.len();
            queue.bytes -= frame.len() + FRAME_OVERHEAD;
            batch.push(frame);
        }
        queue.moved = Some(Instant::now());
        if queue.bytes < CROWDED {
            self.emptied.notify_waiters();
        }
        if queue.frames.is_empty() {
            queue.frames.shrink_to(BATCH / 1024);
            batch.extend(queue.take_missed());
        }
        !batch.is_empty()
    }
}

impl Queue {
    fn wants(&self, topic: &str) -> bool {
        self.patterns.as_ref().is_none_or(|patterns| {
            patterns
                .iter()
                .any(|pattern| event::captures(pattern, topic).is_some())
        })
    }

    /// Until when a full queue of a subscriber that reads is worth waiting for.
    fn worth_waiting(&self) -> Option<Instant> {
        let until = self.moved? + PATIENCE;
        (self.bytes >= CROWDED && self.missed == 0 && Instant::now() < until).then_some(until)
    }

    /// Queues a frame, or counts it as missed. Once one was missed nothing is queued until the word of it is: events
    /// that a subscriber does get are in order, the gap in its place.
    fn push(&mut self, frame: &Bytes) {
        let size = frame.len() + FRAME_OVERHEAD;
        if self.missed > 0 || (self.bytes > 0 && self.bytes + size > QUEUE_LIMIT) {
            self.missed += 1;
        } else {
            if self.frames.is_empty() {
                self.moved = Some(Instant::now());
            }
            self.bytes += size;
            self.frames.push_back(frame.clone());
        }
    }

    fn take_missed(&mut self) -> Option<Bytes> {
        let count = std::mem::take(&mut self.missed);
        let mut frame = BytesMut::new();
        (count > 0
            && event::encode_event(
                MISSED,
                &[format!("{{\"count\":{count}}}").as_bytes()],
                &mut frame,
            )
            .is_ok())
        .then(|| frame.freeze())
    }
}
