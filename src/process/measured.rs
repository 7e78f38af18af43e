//! What an app uses, told from two looks: pure.

use std::time::{Duration, Instant};

use crate::sys::usage::{Usage, ticks_per_second};

/// The system counts processor time in hundredths of a second: over less than ten of them, percents say nothing but how
/// often somebody looks. A look also costs more than all else of a list.
const FRESH: Duration = Duration::from_millis(100);

/// One look at an app, and what it told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    at: Instant,
    usage: Usage,
    /// Of one processor, since the look before; one decimal.
    percent: f64,
}

impl Measured {
    /// What is seen at `at`; `before` is the last look at the same run.
    pub(super) fn new(at: Instant, usage: Usage, before: Option<&Self>) -> Self {
        let percent = before.map_or(0.0, |before| {
            let seconds = at.duration_since(before.at).as_secs_f64();
            let ticks = usage.ticks.saturating_sub(before.usage.ticks);
            #[expect(
                clippy::cast_precision_loss,
                reason = "ticks since the last look are few"
            )]
            let used = ticks as f64 / ticks_per_second() as f64;
            if seconds > 0.0 {
                (used / seconds * 1000.0).round() / 10.0
            } else {
                0.0
            }
        });
        Self { at, usage, percent }
    }

    /// Whether another look would tell nothing more.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now.duration_since(self.at) < FRESH
    }

    /// Resident memory in bytes, and percents.
    pub(super) fn figures(&self) -> (u64, f64) {
        (self.usage.memory, self.percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_are_of_the_time_between_two_looks() {
        let begun = Instant::now();
        let usage = |seconds: u64, memory| Usage {
            memory,
            ticks: seconds * ticks_per_second(),
        };
        let first = Measured::new(begun, usage(5, 10), None);
        assert_eq!(first.figures(), (10, 0.0));
        let second = Measured::new(begun + Duration::from_secs(4), usage(6, 20), Some(&first));
        assert_eq!(second.figures(), (20, 25.0));
        let same = Measured::new(begun, usage(6, 20), Some(&first));
        assert_eq!(same.figures(), (20, 0.0));
        let less = Measured::new(begun + Duration::from_secs(1), usage(1, 20), Some(&first));
        assert_eq!(less.figures(), (20, 0.0));
    }

    #[test]
    fn a_look_stands_for_a_tenth_of_a_second() {
        let begun = Instant::now();
        let usage = Usage::default();
        let look = Measured::new(begun, usage, None);
        for (age, fresh) in [(0, true), (99, true), (100, false), (5000, false)] {
            let now = begun + Duration::from_millis(age);
            assert_eq!(look.is_fresh(now), fresh, "{age}");
        }
    }
}
