//! Coming to rest: when no client has asked for anything for a moment, and once after the start, what is not needed any
//! more goes back to the system. While nobody comes, nothing wakes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::context::Daemon;
use crate::sys::{allocator, code};

/// So long nobody must come, leave or ask.
const QUIET: Duration = Duration::from_millis(500);
/// The same when rests are short: what is given back is needed again at once.
const LONG_QUIET: Duration = Duration::from_secs(30);
/// A rest that ends sooner was short.
const SHORT: Duration = Duration::from_secs(5);
/// Short rests in a row until the longer wait.
const SHORT_RESTS: u32 = 8;

/// Told when a client comes, asks or leaves.
#[derive(Debug, Clone, Default)]
pub(super) struct Traffic(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// How often it was told.
    told: AtomicU64,
    resting: AtomicBool,
    back: Notify,
}

impl Traffic {
    /// A client has come, asked or left. Costs next to nothing while the daemon does not rest.
    pub(super) fn tell(&self) {
        self.0.told.fetch_add(1, Ordering::SeqCst);
        if self.0.resting.swap(false, Ordering::SeqCst) {
            self.0.back.notify_one();
        }
    }

    /// Done when nothing was told for so long; how often it was told until then.
    async fn quiet(&self, wait: Duration) -> u64 {
        let told = || self.0.told.load(Ordering::SeqCst);
        let mut seen = told();
        loop {
            tokio::time::sleep(wait).await;
            let now = told();
            if now == seen {
                return seen;
            }
            seen = now;
        }
    }

    /// Done when it is told again, or was since it had been told `seen` times.
    async fn back(&self, seen: u64) {
        self.0.resting.store(true, Ordering::SeqCst);
        if self.0.told.load(Ordering::SeqCst) != seen {
            self.0.resting.store(false, Ordering::SeqCst);
            return;
        }
        while self.0.resting.load(Ordering::SeqCst) {
            self.0.back.notified().await;
        }
    }
}

/// How long to wait for the next rest.
#[derive(Debug, Default)]
struct Pace {
    short_rests: u32,
}

impl Pace {
    fn wait(&self) -> Duration {
        if self.short_rests < SHORT_RESTS {
            QUIET
        } else {
            LONG_QUIET
        }
    }

    fn rested(&mut self, time: Duration) {
        self.short_rests = if time < SHORT {
            self.short_rests.saturating_add(1)
        } else {
            0
        };
    }
}

/// Does that for ever.
pub(super) async fn come_to_rest(daemon: Daemon) {
    let traffic = daemon.traffic().clone();
    let mut pace = Pace::default();
    loop {
        let seen = traffic.quiet(pace.wait()).await;
        allocator::return_now();
        code::release();
        let begun = Instant::now();
        traffic.back(seen).await;
        pace.rested(begun.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rest_comes_after_the_last_word_and_ends_with_the_next() {
        let traffic = Traffic::default();
        let begun = Instant::now();
        let talk = async {
            for _ in 0..3 {
                tokio::time::sleep(QUIET * 3 / 4).await;
                traffic.tell();
            }
        };
        let (seen, ()) = tokio::join!(traffic.quiet(QUIET), talk);
        assert_eq!(seen, 3);
        let waited = begun.elapsed();
        assert!(
            waited >= QUIET * 13 / 4 && waited <= QUIET * 17 / 4,
            "{waited:?}"
        );
        let word = async {
            tokio::time::sleep(SHORT * 100).await;
            traffic.tell();
        };
        tokio::join!(traffic.back(seen), word);
        assert!(begun.elapsed() >= SHORT * 100);
        // What was told meanwhile ends the next one at once.
        traffic.back(seen).await;
    }

    #[test]
    fn who_comes_again_and_again_is_waited_for_longer() {
        let mut pace = Pace::default();
        for _ in 0..SHORT_RESTS {
            assert_eq!(pace.wait(), QUIET);
            pace.rested(SHORT / 2);
        }
        assert_eq!(pace.wait(), LONG_QUIET);
        pace.rested(SHORT);
        assert_eq!(pace.wait(), QUIET);
    }
}
