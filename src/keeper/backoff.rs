//! How long to wait before a daemon that died is started again.

use std::time::Duration;

/// A daemon that lived shorter than this died too early.
const EARLY: Duration = Duration::from_secs(1);
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// Counts deaths that follow each other closely.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Backoff {
    /// Deaths since the last daemon that lived long enough, that one's included.
    pub(super) deaths: u32,
}

impl Backoff {
    /// A daemon died after having lived so long; returns how long to wait.
    pub(super) fn died(&mut self, lived: Duration) -> Duration {
        if lived >= EARLY {
            self.deaths = 1;
            return Duration::ZERO;
        }
        self.deaths = self.deaths.saturating_add(1);
        match self.deaths {
            1 => Duration::ZERO,
            // Seven doublings pass the longest.
            deaths => (FIRST * 2_u32.pow((deaths - 2).min(7))).min(LONGEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restart_is_at_once_and_early_deaths_double_the_wait() {
        let mut backoff = Backoff::default();
        let early = Duration::from_millis(10);
        let waits: Vec<u128> = (0..10).map(|_| backoff.died(early).as_millis()).collect();
        assert_eq!(
            waits,
            [0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]
        );
        assert_eq!(backoff.died(EARLY), Duration::ZERO);
        assert_eq!(backoff.died(early).as_millis(), 100);
    }
}
