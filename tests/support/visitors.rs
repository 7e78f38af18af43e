//! Visitors of a web server who come again and again, each in a thread.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use super::web::{Kept, get};

/// Makes one request after the other, each on a connection of its own, until it is dropped.
pub(crate) struct Visitors {
    stopped: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
    answered: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
}

impl Visitors {
    pub(crate) fn of(port: u16) -> Self {
        Self::who(move || {
            move || std::panic::catch_unwind(|| get(port)).is_ok_and(|body| !body.is_empty())
        })
    }

    /// The same on connections that they keep, and without a pause.
    pub(crate) fn that_stay(port: u16) -> Self {
        Self::who(move || {
            let mut kept = Kept::to(port);
            move || {
                let is_answered = kept.get().is_ok_and(|body| !body.is_empty());
                if !is_answered {
                    kept = Kept::to(port);
                }
                is_answered
            }
        })
    }

    fn who<V: FnMut() -> bool>(arrive: impl Fn() -> V + Copy + Send + 'static) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicUsize::new(0));
        let failed = Arc::new(AtomicUsize::new(0));
        let visit = || {
            let (stopped, answered, failed) = (stopped.clone(), answered.clone(), failed.clone());
            std::thread::spawn(move || {
                let mut is_answered = arrive();
                while !stopped.load(Ordering::Relaxed) {
                    let is_answered = is_answered();
                    let count = if is_answered { &answered } else { &failed };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        Self {
            threads: (0..4).map(|_| visit()).collect(),
            stopped,
            answered,
            failed,
        }
    }

    /// How many were answered and how many not.
    pub(crate) fn leave(self) -> (usize, usize) {
        self.stopped.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        let count = |counter: Arc<AtomicUsize>| counter.load(Ordering::Relaxed);
        (count(self.answered), count(self.failed))
    }
}
