//! What waits to be handed to JavaScript: replies, in batches, on the script's own thread.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use napi::{
    bindgen_prelude::{Either3, Function, Null},
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};

/// Deliveries of one batch, so that many replies leave the script time for other things.
const BATCH: usize = 512;

/// An id, a text or nothing.
pub(super) type Item = Either3<u32, String, Null>;
/// Three items for each delivery.
pub(super) type Batch = Vec<Item>;
/// The script's function for batches. It does not keep the script alive: js/hold.js does.
type Deliver = ThreadsafeFunction<(), (), Batch, napi::Status, false, true>;

/// One call of a handler in js/native.js.
struct Delivery {
    id: u32,
    first: Option<String>,
    second: Option<String>,
}

#[derive(Default)]
struct Waiting {
    queue: VecDeque<Delivery>,
    /// Whether the script has been asked to come for them.
    called: bool,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    deliver: OnceLock<Deliver>,
}

/// A cheap handle to the queue towards one script.
#[derive(Clone)]
pub(super) struct Deliveries {
    shared: Arc<Shared>,
}

impl Deliveries {
    /// A queue whose batches go to `deliver`.
    pub(super) fn to(deliver: &Function<'_, Batch, ()>) -> napi::Result<Self> {
        let shared = Arc::new(Shared::default());
        // Weak, or the script's function and the queue would keep each other.
        let source = Arc::downgrade(&shared);
        let function = deliver
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .callee_handled::<false>()
            .build_callback(move |_| {
                Ok(source
                    .upgrade()
                    .map_or_else(Vec::new, |shared| shared.take()))
            })?;
        // Empty until here, as `shared` was made above.
        let _ = shared.deliver.set(function);
        Ok(Self { shared })
    }

    /// Hands over at the script's next chance; never waits.
    pub(super) fn send(&self, id: u32, first: Option<String>, second: Option<String>) {
        self.shared.push(Delivery { id, first, second });
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, delivery: Delivery) {
        let mut waiting = self.lock();
        waiting.queue.push_back(delivery);
        let first = !std::mem::replace(&mut waiting.called, true);
        drop(waiting);
        if first {
            self.call();
        }
    }

    fn call(&self) {
        if let Some(deliver) = self.deliver.get() {
            // Refused only when the script is ending: then nobody waits for these any more.
            deliver.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// On the script's thread: the next batch.
    fn take(&self) -> Batch {
        let mut waiting = self.lock();
        let count = waiting.queue.len().min(BATCH);
        let batch: Vec<Delivery> = waiting.queue.drain(..count).collect();
        waiting.called = !waiting.queue.is_empty();
        let more = waiting.called;
        drop(waiting);
        if more {
            self.call();
        }
        batch.into_iter().flat_map(items).collect()
    }
}

fn items(delivery: Delivery) -> [Item; 3] {
    let text = |text: Option<String>| text.map_or(Either3::C(Null), Either3::B);
    [
        Either3::A(delivery.id),
        text(delivery.first),
        text(delivery.second),
    ]
}
