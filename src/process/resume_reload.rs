//! Taking over what a reload was doing when the daemon died: the replacement that comes up, and the runs on their way
//! out.

use std::{
    os::fd::OwnedFd,
    sync::{Arc, Mutex},
};

use super::{
    launch::{self, Context, KeptRun, Resumed, Run, SavedRun},
    place::RunName,
    record::{Live, Pm2Env, Record, Status},
    reload::Reloading,
    retire::Retiree,
    saved::{SavedReplacement, SavedRetirement, from_clock},
    settings::Settings,
    task::{Phase, Shared, Task, lock},
    tree::Tree,
};
use crate::slot::StateSlot;

/// What the keeper has of one run.
#[derive(Default)]
pub struct Inherited {
    /// Our ends of its pipes and channel, if a run was under way.
    pub kept: Option<KeptRun>,
    /// The process, alive or with its exit, if there is one.
    pub process: Option<Resumed>,
}

/// A run on its way out, as an earlier daemon kept it.
pub struct OldRun {
    saved: SavedRetirement,
    slot: StateSlot,
    slot_name: String,
    /// What the keeper has of it.
    pub inherited: Inherited,
}

impl OldRun {
    /// Reads what was kept under `slot_name`; gives the slot back if it is about no run, or about the run `current`.
    pub fn read(fd: OwnedFd, slot_name: &str, current: RunName) -> Result<Self, StateSlot> {
        let slot = StateSlot::open(fd);
        let saved = slot
            .read()
            .and_then(|bytes| serde_json::from_slice::<SavedRetirement>(&bytes).ok());
        match saved {
            Some(saved) if saved.serial != current.serial => Ok(Self {
                saved,
                slot,
                slot_name: slot_name.to_owned(),
                inherited: Inherited::default(),
            }),
            _ => Err(slot),
        }
    }

    /// The serial number of the run.
    pub fn serial(&self) -> u32 {
        self.saved.serial
    }

    /// Whether the exit of this process is news to the state.
    pub fn awaits(&self, pid: i32) -> bool {
        self.saved.pid == pid
    }
}

/// A record of a run, as it was kept.
fn record_of(
    run: RunName,
    env: &Pm2Env,
    (pid, worker, started, agent): (i32, Option<u32>, i64, Option<Vec<String>>),
) -> Record {
    let mut record = Record::new(run.pm_id, env);
    record.status = Status::of(&record.text("status"));
    record.pid = pid;
    record.worker = worker;
    record.serial = run.serial;
    record.last_serial = run.serial;
    record.started = started;
    record.agent = agent;
    record
}

impl Task {
    /// Goes on with the runs on their way out.
    pub(super) fn take_over_retirements(&mut self, old_runs: Vec<OldRun>) {
        for old in old_runs {
            let OldRun {
                saved,
                slot,
                slot_name,
                inherited,
            } = old;
            let run = RunName {
                pm_id: lock(&self.shared).pm_id,
                serial: saved.serial,
            };
            let state = (saved.pid, saved.worker, saved.started, saved.agent.clone());
            let record = self.own_or(record_of(run, &saved.env, state), &saved.env);
            let Some((run, live)) = self.resume_run(run, &record, &saved.env, inherited) else {
                self.around.keeper.forget(&run.kept());
                self.around.keeper.forget(&slot_name);
                continue;
            };
            let retiree = Retiree {
                run,
                live: Some(live),
                record,
                slot: Arc::new(slot),
                slot_name,
                around: self.around.clone(),
                settings: Settings::read(&saved.env),
                gently: saved.gently,
                silent: saved.silent,
                tree: Tree::marked(&saved.tree),
            };
            self.retiring.push(retiree.go_on(saved.stage));
        }
    }

    /// A process that is retired as a whole has no other record than the process's own.
    fn own_or(&self, record: Record, env: &Pm2Env) -> Shared {
        let is_parked = env.get("pm_id").is_some_and(serde_json::Value::is_string);
        let is_replacement = record.serial > lock(&self.shared).serial;
        if is_parked || is_replacement {
            Arc::new(Mutex::new(record))
        } else {
            Arc::clone(&self.shared)
        }
    }

    /// Goes on with a replacement that comes up. If it is not there, the old run goes on alone.
    pub(super) fn take_over_replacement(
        &mut self,
        saved: &SavedReplacement,
        deadline: i64,
        slot: Option<StateSlot>,
        inherited: Inherited,
    ) {
        let run = RunName {
            pm_id: lock(&self.shared).pm_id,
            serial: saved.serial,
        };
        let state = (saved.pid, saved.worker, saved.started, saved.agent.clone());
        let record = Arc::new(Mutex::new(record_of(run, &saved.env, state)));
        let resumed = self.resume_run(run, &record, &saved.env, inherited);
        let (Some(slot), Some((run, live))) = (slot, resumed) else {
            let name = lock(&self.shared).name().to_owned();
            self.around.journal.error(format!(
                "the reload of {name} was undone: the daemon died before its new process was started"
            ));
            self.around.keeper.forget(&run.kept());
            return;
        };
        {
            let mut record = lock(&record);
            record.pid = run.pid;
            record.live = Some(live);
        }
        self.phase = Phase::Reloading(Box::new(Reloading {
            run: Some(run),
            record,
            slot: Arc::new(slot),
            deadline: from_clock(deadline),
            look: from_clock(deadline),
            online: saved.online,
            ready: saved.ready,
            gently: saved.gently,
            told: None,
        }));
    }

    fn resume_run(
        &self,
        name: RunName,
        record: &Shared,
        env: &Pm2Env,
        inherited: Inherited,
    ) -> Option<(Run, Live)> {
        let (process, kept) = (inherited.process?, inherited.kept?);
        let (worker, started) = {
            let record = lock(record);
            (record.worker, record.started)
        };
        let saved = SavedRun {
            name,
            env,
            worker,
            started,
        };
        let context = Context {
            shared: Arc::clone(record),
            ..self.context()
        };
        launch::resume(kept, process, saved, &context)
            .inspect_err(|error| {
                let key = name.key();
                self.around
                    .journal
                    .error(format!("cannot take {key} over: {error}"));
            })
            .ok()
    }
}
