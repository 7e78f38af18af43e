//! Whether and when a process that has ended is started again: a pure function of its settings, counters and exit.

use std::time::Duration;

use super::settings::RestartSettings;
use crate::sys::proc::Exit;

/// The longest pause of a growing one.
const LONGEST_BACKOFF: Duration = Duration::from_secs(15);
/// A run this long makes a growing pause start over.
const BACKOFF_RESET: Duration = Duration::from_secs(30);

/// What is counted over the runs of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counters {
    /// Exits shortly after a start.
    pub unstable_restarts: u32,
    /// The last growing pause; zero when there was none.
    pub previous_backoff: Duration,
}

/// The end of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// How.
    pub exit: Exit,
    /// How long it ran.
    pub uptime: Duration,
    /// How long ago the process was created or restarted by hand.
    pub age: Duration,
    /// Whether it was asked to end.
    pub asked: bool,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Leave it stopped.
    Stop,
    /// Give it up: errored.
    GiveUp,
    /// Start it again after a pause (zero: at once).
    Restart(Duration),
}

/// Decides what follows an exit, and the counters after it.
pub(crate) fn next_step(
    settings: &RestartSettings,
    mut counters: Counters,
    ended: &Ended,
) -> (Verdict, Counters) {
    let young = ended.age < settings.min_uptime.saturating_mul(settings.max_restarts);
    if young && ended.uptime < settings.min_uptime {
        counters.unstable_restarts = counters.unstable_restarts.saturating_add(1);
    }
    let meant = matches!(ended.exit, Exit::Code(code) if settings.stop_exit_codes.contains(&i64::from(code)));
    if ended.asked || meant || !settings.autorestart {
        return (Verdict::Stop, counters);
    }
    if counters.unstable_restarts >= settings.max_restarts {
        return (Verdict::GiveUp, Counters::default());
    }
    if !settings.backoff.is_zero() {
        counters.previous_backoff =
            next_backoff(settings.backoff, counters.previous_backoff, ended.uptime);
        return (Verdict::Restart(counters.previous_backoff), counters);
    }
    (Verdict::Restart(settings.delay), counters)
}

fn next_backoff(first: Duration, previous: Duration, uptime: Duration) -> Duration {
    if previous.is_zero() || uptime >= BACKOFF_RESET {
        first
    } else {
        // Whole milliseconds, as pm2 counts them.
        Duration::from_millis(u64::try_from(previous.as_millis() * 3 / 2).unwrap_or(u64::MAX))
            .min(LONGEST_BACKOFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn settings() -> RestartSettings {
        RestartSettings {
            autorestart: true,
            stop_exit_codes: vec![0, 7],
            max_restarts: 3,
            min_uptime: MS(1000),
            delay: MS(0),
            backoff: MS(0),
        }
    }

    fn crash(code: i32, uptime: u64, age: u64) -> Ended {
        Ended {
            exit: Exit::Code(code),
            uptime: MS(uptime),
            age: MS(age),
            asked: false,
        }
    }

    /// Settings, unstable exits before, the exit, the verdict, unstable exits after.
    type Case = (RestartSettings, u32, Ended, Verdict, u32);

    fn assert_cases(cases: &[(&str, Case)]) {
        for (what, (settings, before, ended, verdict, after)) in cases {
            let counters = Counters {
                unstable_restarts: *before,
                ..Counters::default()
            };
            let (found, counters) = next_step(settings, counters, ended);
            assert_eq!(
                (found, counters.unstable_restarts),
                (*verdict, *after),
                "{what}"
            );
        }
    }

    #[test]
    fn the_table_of_restarts() {
        let delayed = RestartSettings {
            delay: MS(250),
            ..settings()
        };
        let killed = Ended {
            exit: Exit::Signal(9),
            ..crash(0, 5000, 5000)
        };
        let at_once = Verdict::Restart(MS(0));
        assert_cases(&[
            (
                "a crash restarts at once",
                (settings(), 0, crash(1, 5000, 5000), at_once, 0),
            ),
            (
                "a delay is kept",
                (
                    delayed,
                    0,
                    crash(1, 5000, 5000),
                    Verdict::Restart(MS(250)),
                    0,
                ),
            ),
            (
                "a short run counts",
                (settings(), 0, crash(1, 10, 10), at_once, 1),
            ),
            ("a signal is no code", (settings(), 0, killed, at_once, 0)),
            (
                "an old app never gives up",
                (settings(), 2, crash(1, 10, 3000), at_once, 2),
            ),
        ]);
    }

    #[test]
    fn the_table_of_ends() {
        let no_restart = RestartSettings {
            autorestart: false,
            ..settings()
        };
        let asked = Ended {
            asked: true,
            ..crash(1, 10, 10)
        };
        assert_cases(&[
            (
                "the last one gives up",
                (settings(), 2, crash(1, 10, 10), Verdict::GiveUp, 0),
            ),
            (
                "a listed code stops",
                (settings(), 0, crash(7, 5000, 5000), Verdict::Stop, 0),
            ),
            (
                "no autorestart stops",
                (no_restart, 0, crash(1, 5000, 5000), Verdict::Stop, 0),
            ),
            (
                "asked to end stops, and counts",
                (settings(), 2, asked, Verdict::Stop, 3),
            ),
        ]);
    }

    #[test]
    fn backoff_grows_by_half_to_its_limit_and_starts_over_after_a_long_run() {
        let settings = RestartSettings {
            backoff: MS(100),
            max_restarts: 1000,
            ..settings()
        };
        let mut counters = Counters::default();
        let mut pauses = Vec::new();
        for _ in 0..16 {
            let (verdict, next) = next_step(&settings, counters, &crash(1, 10, 10));
            counters = next;
            let Verdict::Restart(pause) = verdict else {
                panic!("{verdict:?}")
            };
            pauses.push(pause.as_millis());
        }
        assert_eq!(pauses[..5], [100, 150, 225, 337, 505]);
        assert_eq!(pauses[15], 15_000);
        let (verdict, _) = next_step(&settings, counters, &crash(1, 30_000, 60_000));
        assert_eq!(verdict, Verdict::Restart(MS(100)));
    }

    #[test]
    fn max_restarts_of_zero_gives_up_at_once() {
        let settings = RestartSettings {
            max_restarts: 0,
            ..settings()
        };
        assert_eq!(
            next_step(&settings, Counters::default(), &crash(1, 10, 10)).0,
            Verdict::GiveUp
        );
    }
}
