//! What a later daemon needs to know of a process to go on with it. Written after every change into memory that the
//! keeper keeps; read once, by the daemon that takes over. Old versions stay readable: new members have defaults.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{
    outlet::now,
    packed::Packed,
    place::RunName,
    record::{Pm2Env, Record},
    reload::Reloading,
    restart::Counters,
    stages::Stage,
    stop::{Stopping, Then},
    task::{Phase, lock},
    tree::Mark,
};

/// Version of the layout.
const VERSION: u32 = 1;

/// One process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    version: u32,
    /// Its number.
    pub pm_id: u32,
    /// Attributes, environment and state.
    pub(super) env: Packed,
    /// Process id; 0 when there is none.
    pub(super) pid: i32,
    /// Number as a cluster worker.
    #[serde(default)]
    pub(super) worker: Option<u32>,
    /// What the agent in the present run can be asked to do, if it has one.
    #[serde(default)]
    pub(super) agent: Option<Vec<String>>,
    /// When the present run began, in milliseconds since 1970.
    #[serde(default)]
    pub(super) started: i64,
    /// Which run it is: how many reloads there were before.
    #[serde(default)]
    pub(super) serial: u32,
    #[serde(default)]
    pub(super) last_serial: u32,
    #[serde(default)]
    unstable_restarts: u32,
    #[serde(default)]
    previous_backoff: u64,
    /// Where it is in its life.
    pub(super) phase: SavedPhase,
}

/// [`Phase`] without what only lives in a daemon; times in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SavedPhase {
    Resting,
    Launching {
        deadline: i64,
    },
    Online,
    Reloading {
        deadline: i64,
        replacement: Box<SavedReplacement>,
    },
    Stopping {
        deadline: Option<i64>,
        killed: bool,
        exited: bool,
        then: SavedThen,
        /// The processes that are waited for.
        #[serde(default)]
        tree: Vec<Mark>,
    },
    Pausing {
        until: i64,
    },
}

/// A replacement that comes up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedReplacement {
    pub serial: u32,
    pub env: Pm2Env,
    /// 0 while it is being started.
    pub pid: i32,
    pub worker: Option<u32>,
    pub started: i64,
    #[serde(default)]
    pub agent: Option<Vec<String>>,
    pub online: bool,
    pub ready: bool,
    pub gently: bool,
}

/// A run on its way out; kept beside the process's own state. It counts if that is about another run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedRetirement {
    pub serial: u32,
    pub env: Pm2Env,
    pub pid: i32,
    pub worker: Option<u32>,
    pub started: i64,
    #[serde(default)]
    pub agent: Option<Vec<String>>,
    pub stage: Stage,
    pub gently: bool,
    pub silent: bool,
    /// Whom the stop signal went to.
    #[serde(default)]
    pub tree: Vec<Mark>,
}

/// What comes after a stop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SavedThen {
    Rest,
    Start { set: Map<String, Value> },
    Forget,
}

impl Saved {
    /// What is to be kept of a process.
    pub(super) fn of(record: &Record, phase: &Phase, counters: Counters) -> Self {
        Self {
            version: VERSION,
            pm_id: record.pm_id,
            env: record.packed().clone(),
            pid: record.pid,
            worker: record.worker,
            agent: record.agent.clone(),
            started: record.started,
            serial: record.serial,
            last_serial: record.last_serial,
            unstable_restarts: counters.unstable_restarts,
            previous_backoff: u64::try_from(counters.previous_backoff.as_millis())
                .unwrap_or(u64::MAX),
            phase: SavedPhase::of(phase),
        }
    }

    /// Which run it is.
    pub fn run_name(&self) -> RunName {
        self.named(self.serial)
    }

    /// Which run is coming up in its place, if one is.
    pub fn replacement_name(&self) -> Option<RunName> {
        match &self.phase {
            SavedPhase::Reloading { replacement, .. } => Some(self.named(replacement.serial)),
            _ => None,
        }
    }

    /// Whether the exit of this process is news about the replacement.
    pub fn awaits_replacement(&self, pid: i32) -> bool {
        match &self.phase {
            // Noted before the start: the number was not known yet.
            SavedPhase::Reloading { replacement, .. } => {
                replacement.pid == 0 || replacement.pid == pid
            }
            _ => false,
        }
    }

    fn named(&self, serial: u32) -> RunName {
        let pm_id = self.pm_id;
        RunName { pm_id, serial }
    }

    /// Whether the exit of this process is news to the state.
    pub fn awaits(&self, pid: i32) -> bool {
        match self.phase {
            SavedPhase::Resting
            | SavedPhase::Pausing { .. }
            | SavedPhase::Stopping { exited: true, .. } => false,
            // Noted before the start: the number was not known yet.
            SavedPhase::Launching { .. } if self.pid == 0 => true,
            _ => self.pid == pid,
        }
    }

    /// The text to keep.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what was kept; a version from the future is read as far as it is understood.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            unstable_restarts: self.unstable_restarts,
            previous_backoff: Duration::from_millis(self.previous_backoff),
        }
    }
}

impl SavedPhase {
    fn of(phase: &Phase) -> Self {
        match phase {
            Phase::Resting => Self::Resting,
            Phase::Launching { deadline, .. } => Self::Launching {
                deadline: to_clock(*deadline),
            },
            Phase::Online => Self::Online,
            Phase::Reloading(reloading) => Self::Reloading {
                deadline: to_clock(reloading.deadline),
                replacement: Box::new(SavedReplacement::of(reloading)),
            },
            Phase::Stopping(stopping) => Self::of_stopping(stopping),
            Phase::Pausing { until } => Self::Pausing {
                until: to_clock(*until),
            },
        }
    }

    fn of_stopping(stopping: &Stopping) -> Self {
        Self::Stopping {
            deadline: stopping.deadline.map(to_clock),
            killed: stopping.killed,
            exited: stopping.exited,
            then: match &stopping.then {
                Then::Rest => SavedThen::Rest,
                Then::Start(restart, _) => SavedThen::Start {
                    set: restart.change.set.clone(),
                },
                Then::Forget => SavedThen::Forget,
            },
            tree: stopping.tree.marks(),
        }
    }
}

impl SavedReplacement {
    fn of(reloading: &Reloading) -> Self {
        let record = lock(&reloading.record);
        Self {
            serial: record.serial,
            env: record.env(),
            pid: record.pid,
            worker: record.worker,
            started: record.started,
            agent: record.agent.clone(),
            online: reloading.online,
            ready: reloading.ready,
            gently: reloading.gently,
        }
    }
}

/// A moment as milliseconds since 1970, for a daemon whose own clock starts later.
fn to_clock(moment: Instant) -> i64 {
    let ahead = moment.saturating_duration_since(Instant::now());
    now().saturating_add(i64::try_from(ahead.as_millis()).unwrap_or(i64::MAX))
}

/// The moment again; one that is past is now.
pub(super) fn from_clock(milliseconds: i64) -> Instant {
    Instant::now() + Duration::from_millis(u64::try_from(milliseconds - now()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_is_read_for_ever() {
        let bytes = include_bytes!("../../tests/fixtures/process-v1.json");
        let saved = Saved::from_bytes(bytes).unwrap();
        assert_eq!((saved.pm_id, saved.pid, saved.worker), (3, 4711, Some(2)));
        assert_eq!(saved.env.get("name").unwrap(), "app");
        assert_eq!(
            saved.counters().previous_backoff,
            Duration::from_millis(150)
        );
        let SavedPhase::Stopping {
            then: SavedThen::Start { set },
            killed: true,
            tree,
            ..
        } = saved.phase
        else {
            panic!("{:?}", saved.phase)
        };
        assert_eq!(set["args"], "x");
        assert_eq!(tree, []);
    }

    #[test]
    fn a_reload_of_version_1_is_read_for_ever() {
        let bytes = include_bytes!("../../tests/fixtures/process-v1-reloading.json");
        let saved = Saved::from_bytes(bytes).unwrap();
        assert_eq!((saved.run_name().serial, saved.last_serial), (4, 5));
        assert_eq!(saved.replacement_name().unwrap().serial, 5);
        assert!(
            saved.agent.is_some()
                && saved.awaits_replacement(4712)
                && !saved.awaits_replacement(4711)
        );
        let SavedPhase::Reloading { replacement, .. } = &saved.phase else {
            panic!("{:?}", saved.phase)
        };
        assert_eq!((replacement.worker, replacement.online), (Some(3), true));
        let again = Saved::from_bytes(&saved.to_bytes()).unwrap();
        assert_eq!(again, saved);
        let bytes = include_bytes!("../../tests/fixtures/retirement-v1.json");
        let retirement: SavedRetirement = serde_json::from_slice(bytes).unwrap();
        assert_eq!((retirement.serial, retirement.pid), (4, 4711));
        assert_eq!(
            retirement.stage,
            Stage::Signalled {
                until: 1_790_000_001_600
            }
        );
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut record = Record::new(1, &Map::new());
        record.pid = 7;
        record.agent = Some(vec!["km:heapdump".to_owned()]);
        let phase = Phase::Pausing {
            until: Instant::now() + Duration::from_secs(5),
        };
        let saved = Saved::of(
            &record,
            &phase,
            Counters {
                unstable_restarts: 2,
                ..Counters::default()
            },
        );
        assert_eq!(Saved::from_bytes(&saved.to_bytes()).unwrap(), saved);
        let SavedPhase::Pausing { until } = saved.phase else {
            panic!("{:?}", saved.phase)
        };
        let ahead = from_clock(until).duration_since(Instant::now());
        assert!(ahead > Duration::from_secs(4) && ahead <= Duration::from_secs(5));
    }
}
