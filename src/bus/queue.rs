//! One subscriber's queue.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

use super::MISSED;
use crate::protocol::{FRAME_LIMIT, event};

/// Bytes that wait for one subscriber at most: one largest frame always fits.
const QUEUE_LIMIT: usize = FRAME_LIMIT;
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
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Bytes>,
    bytes: usize,
    missed: u64,
    /// `None` wants everything.
    patterns: Option<Vec<String>>,
}

impl Subscriber {
    pub(super) fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                queue: Mutex::default(),
                filled: Notify::new(),
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

    /// Queues a frame, or counts it as missed. Once one was missed nothing is queued until the word of it is: events
    /// that a subscriber does get are in order, the gap in its place.
    fn push(&mut self, frame: &Bytes) {
        let size = frame.len() + FRAME_OVERHEAD;
        if self.missed > 0 || (self.bytes > 0 && self.bytes + size > QUEUE_LIMIT) {
            self.missed += 1;
        } else {
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
