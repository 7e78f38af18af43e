//! How many connections each worker has open, for least connections. We see them come but not go, so the system is
//! asked: only when a connection comes, and so seldom that it costs next to nothing. In between, what was given since
//! is added.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

use super::{
    record::Policy,
    served::place,
    state::{State, lock},
};
use crate::sys::{connections::Served, established};

/// The system is not asked more often than this.
const OFTEN: Duration = Duration::from_millis(100);
/// And at most this part of the time: it takes longer the more connections there are.
const SHARE: u32 = 20;
/// Without knowing better than this, nobody is given anything.
const OLD: Duration = Duration::from_secs(1);

/// When the system is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Not yet again.
    Later,
    /// Now, while connections are given on.
    Beside,
    /// Now, before the next connection is given.
    First,
}

/// When to ask, given how long ago that was done and how long it took.
fn next_look(age: Option<Duration>, took: Duration) -> Look {
    let pause = OFTEN.max(took * SHARE);
    match age {
        Some(age) if age < pause => Look::Later,
        Some(age) if age < OLD.max(pause * 2) => Look::Beside,
        _ => Look::First,
    }
}

/// What is known of the workers of one listener.
#[derive(Debug, Default)]
pub(super) struct Counts {
    workers: HashMap<u32, Count>,
    looked: Option<Instant>,
    took: Duration,
    is_looking: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    /// Open when the system was last asked.
    seen: usize,
    /// Taken from then until it is being asked again.
    before: usize,
    /// Taken since it is being asked.
    since: usize,
}

impl Counts {
    /// How many connections a worker has open, but for those that it has not answered for.
    pub(super) fn open(&self, worker: u32) -> usize {
        let count = self.workers.get(&worker).copied().unwrap_or_default();
        count.seen + count.before + count.since
    }

    /// The worker has taken a connection.
    pub(super) fn taken(&mut self, worker: u32) {
        self.workers.entry(worker).or_default().since += 1;
    }

    fn begin(&mut self) {
        self.is_looking = true;
        for count in self.workers.values_mut() {
            count.before += std::mem::take(&mut count.since);
        }
    }

    fn end(&mut self, found: &[(u32, usize)], at: Instant, took: Duration) {
        let before = std::mem::take(&mut self.workers);
        let count = |(worker, seen): &(u32, usize)| {
            let since = before.get(worker).map_or(0, |count| count.since);
            let (seen, before) = (*seen, 0);
            let count = Count {
                seen,
                before,
                since,
            };
            (*worker, count)
        };
        self.workers = found.iter().map(count).collect();
        // Those that came while the system was asked.
        for (worker, count) in before {
            self.workers.entry(worker).or_insert(Count {
                seen: 0,
                before: 0,
                ..count
            });
        }
        self.looked = Some(at);
        self.took = took;
        self.is_looking = false;
    }
}

impl State {
    /// A connection has come. Whether it must wait until it is known how many each worker has.
    pub(super) fn must_look_first(&mut self, key: &Arc<str>) -> bool {
        let Some(group) = self.listeners.get_mut(key) else {
            return false;
        };
        let Some(listener) = group.any() else {
            return false;
        };
        let is_asked = listener.record.mode == Policy::LeastConnections;
        let Some(served) = place(listener).filter(|_| is_asked) else {
            return false;
        };
        let Counts { looked, took, .. } = group.counts;
        let look = next_look(looked.map(|looked| looked.elapsed()), took);
        if look == Look::Later {
            return false;
        }
        if !group.counts.is_looking {
            let pid = |id| Some((id, self.workers.get(&id)?.pid?));
            let pids: Vec<(u32, i32)> = group.members().filter_map(pid).collect();
            let Some(runtime) = &self.runtime else {
                return false;
            };
            group.counts.begin();
            runtime.spawn(look_at(self.shared.clone(), Arc::clone(key), served, pids));
        }
        look == Look::First
    }

    fn looked(&mut self, key: &Arc<str>, found: &[(u32, usize)], at: Instant) {
        let took = at.elapsed();
        if let Some(group) = self.listeners.get_mut(key) {
            group.counts.end(found, at, took);
        }
        self.serve_waiting(key);
    }
}

/// Counts the connections of these processes, beside everything else that we do.
async fn look_at(shared: Weak<Mutex<State>>, key: Arc<str>, served: Served, pids: Vec<(u32, i32)>) {
    let at = Instant::now();
    // Of one that cannot be looked at nothing is known: what it is given from here on counts.
    let (ids, pids): (Vec<u32>, Vec<i32>) = pids.into_iter().unzip();
    let counted = tokio::task::spawn_blocking(move || established::held(&pids, &served));
    let held = counted.await.unwrap_or_default().into_iter();
    let counts = held.map(Option::unwrap_or_default);
    let found: Vec<(u32, usize)> = ids.into_iter().zip(counts).collect();
    if let Some(shared) = shared.upgrade() {
        lock(&shared).looked(&key, &found, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_asked_seldom_and_before_anything_is_decided_on_old_figures() {
        let millis = Duration::from_millis;
        let table = [
            (None, 0, Look::First),
            (Some(0), 0, Look::Later),
            (Some(99), 1, Look::Later),
            (Some(100), 1, Look::Beside),
            (Some(999), 1, Look::Beside),
            (Some(1000), 1, Look::First),
            (Some(100), 30, Look::Later),
            (Some(599), 30, Look::Later),
            (Some(600), 30, Look::Beside),
            (Some(1199), 30, Look::Beside),
            (Some(1200), 30, Look::First),
        ];
        for (age, took, expected) in table {
            let look = next_look(age.map(millis), millis(took));
            assert_eq!(look, expected, "{age:?} {took}");
        }
    }

    #[test]
    fn what_was_taken_since_is_added_to_what_was_seen() {
        let mut counts = Counts::default();
        let open = |counts: &Counts| [1, 2, 3].map(|worker| counts.open(worker));
        counts.taken(1);
        counts.taken(1);
        assert_eq!(open(&counts), [2, 0, 0]);
        counts.begin();
        counts.taken(1);
        counts.taken(2);
        assert_eq!(open(&counts), [3, 1, 0], "nothing is forgotten meanwhile");
        // Of the first worker's only one was left; the second came while it was looked.
        counts.end(&[(1, 1)], Instant::now(), Duration::ZERO);
        assert_eq!(open(&counts), [2, 1, 0]);
        counts.begin();
        counts.end(&[(2, 4)], Instant::now(), Duration::ZERO);
        assert_eq!(open(&counts), [0, 4, 0], "one that has gone has none");
    }
}
