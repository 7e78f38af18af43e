//! The stages of a retirement and their order: pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What is left of a process after SIGKILL has this long to go.
const LAST_PATIENCE: Duration = Duration::from_secs(2);
/// How long an app that was asked gently has before it is signalled, as in pm2.
const GENTLE: Duration = Duration::from_secs(8);

/// Where a run is on its way out, and until when, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stage {
    /// It gets no new connections, and those it has may end.
    Draining {
        /// When patience ends.
        until: i64,
    },
    /// It was told to close its servers and its channel.
    Leaving {
        /// When patience ends.
        until: i64,
    },
    /// It was sent the message `shutdown`.
    Asked {
        /// When patience ends.
        until: i64,
    },
    /// It was sent its stop signal.
    Signalled {
        /// When patience ends.
        until: i64,
    },
    /// It was sent SIGKILL.
    Killed {
        /// When it is given up.
        until: i64,
    },
}

/// How a run is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// With its stop signal.
    Signal,
    /// With the message `shutdown`.
    Message,
    /// With the message, and if that is not enough with its stop signal.
    Both,
}

/// What the way out of a run depends on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Way {
    /// We give it its connections, and can wait until they are over.
    pub drains: bool,
    /// It is told to leave: it accepts connections itself, or has some left that do not end. Or its agent keeps it until
    /// it is signalled; without one, a worker that leaves may end before its own handler of the signal has run.
    pub leaves: bool,
    /// How it is asked to end.
    pub asked: Asked,
    /// How long its connections may take.
    pub drain_timeout: Duration,
    /// From being told to being killed.
    pub kill_timeout: Duration,
}

impl Stage {
    /// When it is over at the latest.
    pub(super) fn until(self) -> i64 {
        match self {
            Self::Draining { until }
            | Self::Leaving { until }
            | Self::Asked { until }
            | Self::Signalled { until }
            | Self::Killed { until } => until,
        }
    }
}

/// The stage to begin with.
pub(super) fn first(way: &Way, now: i64) -> Stage {
    if way.drains {
        Stage::Draining {
            until: after(now, way.drain_timeout),
        }
    } else if way.leaves {
        // It ends what it serves only once it is told to, and has the same time for that.
        Stage::Leaving {
            until: after(now, way.drain_timeout),
        }
    } else {
        stopping(way, now)
    }
}

/// The stage after `stage`; `None` when nothing more can be done.
pub(super) fn next(stage: Stage, way: &Way, hurried: bool, now: i64) -> Option<Stage> {
    Some(match stage {
        Stage::Draining { .. } if way.leaves && !hurried => leaving(way, now),
        Stage::Draining { .. } | Stage::Leaving { .. } => stopping(way, now),
        Stage::Asked { .. } if way.asked == Asked::Both => signalled(way, now),
        Stage::Asked { .. } | Stage::Signalled { .. } => Stage::Killed {
            until: after(now, way.kill_timeout.max(LAST_PATIENCE)),
        },
        Stage::Killed { .. } => return None,
    })
}

/// The stage in which a run is stopped without further ado.
pub(super) fn at_once(kill_timeout: Duration, now: i64) -> Stage {
    Stage::Signalled {
        until: after(now, kill_timeout),
    }
}

fn leaving(way: &Way, now: i64) -> Stage {
    Stage::Leaving {
        until: after(now, way.kill_timeout),
    }
}

fn stopping(way: &Way, now: i64) -> Stage {
    let patience = match way.asked {
        Asked::Signal => return signalled(way, now),
        Asked::Message => way.kill_timeout,
        Asked::Both => GENTLE,
    };
    Stage::Asked {
        until: after(now, patience),
    }
}

fn signalled(way: &Way, now: i64) -> Stage {
    at_once(way.kill_timeout, now)
}

fn after(now: i64, patience: Duration) -> i64 {
    now.saturating_add(i64::try_from(patience.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way() -> Way {
        Way {
            drains: true,
            leaves: true,
            asked: super::Asked::Signal,
            drain_timeout: Duration::from_millis(70),
            kill_timeout: Duration::from_millis(16),
        }
    }

    /// Every stage of a way out whose patience always ends.
    fn stages(way: &Way, hurried: bool) -> Vec<Stage> {
        let mut stages = vec![first(way, 0)];
        while let Some(stage) = next(stages[stages.len() - 1], way, hurried, 0) {
            stages.push(stage);
        }
        stages
    }

    #[test]
    fn the_table_of_ways() {
        use Stage::{Asked, Draining, Killed, Leaving, Signalled};
        let (draining, leaving) = (Draining { until: 70 }, Leaving { until: 16 });
        let (signalled, killed) = (Signalled { until: 16 }, Killed { until: 2000 });
        let no_agent = Way {
            leaves: false,
            ..way()
        };
        let shared = Way {
            drains: false,
            ..way()
        };
        let alone = Way {
            drains: false,
            leaves: false,
            ..way()
        };
        let message = Way {
            asked: super::Asked::Message,
            ..alone.clone()
        };
        let gentle = Way {
            asked: super::Asked::Both,
            ..alone.clone()
        };
        let table = [
            (way(), false, vec![draining, leaving, signalled, killed]),
            (way(), true, vec![draining, signalled, killed]),
            (no_agent, false, vec![draining, signalled, killed]),
            (
                shared,
                false,
                vec![Leaving { until: 70 }, signalled, killed],
            ),
            (alone, false, vec![signalled, killed]),
            (message, false, vec![Asked { until: 16 }, killed]),
            (
                gentle,
                false,
                vec![Asked { until: 8000 }, signalled, killed],
            ),
        ];
        for (way, hurried, expected) in table {
            assert_eq!(stages(&way, hurried), expected, "{way:?} {hurried}");
        }
    }

    #[test]
    fn a_run_that_must_go_at_once_is_signalled() {
        assert_eq!(
            at_once(Duration::from_millis(5), 1),
            Stage::Signalled { until: 6 }
        );
    }
}
