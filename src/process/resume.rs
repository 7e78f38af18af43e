//! Taking a process over from a daemon that died: nothing is restarted, what was begun is finished.

use tokio::time::Instant;

use super::{
    command::{Change, Restart},
    launch::{self, KeptRun, Resumed, SavedRun},
    record::{Record, Status},
    resume_reload::{Inherited, OldRun},
    saved::{Saved, SavedPhase, SavedThen, from_clock},
    stop::{Stopping, Then},
    task::{Phase, Task, lock},
    tree::Tree,
};
use crate::slot::StateSlot;

/// What the keeper has of a process besides its state.
#[derive(Default)]
pub struct Inheritance {
    /// Its run.
    pub run: Inherited,
    /// The run that comes up in its place.
    pub replacement: Inherited,
    /// Where that one's reload is kept.
    pub reload_slot: Option<StateSlot>,
    /// Runs on their way out.
    pub old_runs: Vec<OldRun>,
}

/// The record as it was kept.
pub(super) fn record(saved: &Saved) -> Record {
    let mut record = Record::new(saved.pm_id, &saved.env.unpack());
    record.status = Status::of(&record.text("status"));
    record.pid = saved.pid;
    record.worker = saved.worker;
    record.started = saved.started;
    record.serial = saved.serial;
    record.last_serial = saved.last_serial;
    record.agent.clone_from(&saved.agent);
    record
}

impl Task {
    /// Puts the task where the one before it was. What it was about to do is done in [`Task::go_on`].
    pub(super) fn take_over(&mut self, saved: &Saved, inheritance: Inheritance) -> Unfinished {
        self.counters = saved.counters();
        self.settle_output(saved);
        let Inheritance {
            run: Inherited { kept, process },
            replacement,
            reload_slot,
            old_runs,
        } = inheritance;
        let serials: Vec<u32> = old_runs.iter().map(OldRun::serial).collect();
        self.take_over_retirements(old_runs);
        let unfinished = self.take_over_run(saved, process, kept);
        let SavedPhase::Reloading {
            replacement: saved,
            deadline,
        } = &saved.phase
        else {
            return unfinished;
        };
        // One that is on its way out again was given up already.
        if matches!(self.phase, Phase::Online) && !serials.contains(&saved.serial) {
            self.take_over_replacement(saved, *deadline, reload_slot, replacement);
        }
        match unfinished {
            Unfinished::Nothing => Unfinished::Reloaded,
            other => other,
        }
    }

    fn take_over_run(
        &mut self,
        saved: &Saved,
        process: Option<Resumed>,
        kept: Option<KeptRun>,
    ) -> Unfinished {
        match (&saved.phase, process, kept) {
            (SavedPhase::Resting, ..) => Unfinished::Nothing,
            (SavedPhase::Pausing { until }, ..) => {
                self.phase = Phase::Pausing {
                    until: from_clock(*until),
                };
                Unfinished::Nothing
            }
            (SavedPhase::Stopping { exited: true, .. }, ..) => {
                self.go_on_stopping(&saved.phase, None)
            }
            (phase, Some(process), Some(kept)) => self.resume(phase, process, kept, saved),
            // Its exit is known, but what it left behind was let go of already.
            (SavedPhase::Stopping { .. }, ..) => self.go_on_stopping(&saved.phase, None),
            (_, Some(_ended), None) => Unfinished::Ended,
            // The daemon died between its note and the start itself.
            (SavedPhase::Launching { .. }, None, _) => Unfinished::Start,
            (SavedPhase::Online | SavedPhase::Reloading { .. }, None, _) => Unfinished::Ended,
        }
    }

    fn resume(
        &mut self,
        phase: &SavedPhase,
        process: Resumed,
        kept: KeptRun,
        saved: &Saved,
    ) -> Unfinished {
        let pid = process.pid;
        let env = saved.env.unpack();
        let saved_run = SavedRun {
            name: saved.run_name(),
            env: &env,
            worker: saved.worker,
            started: saved.started,
        };
        let (run, live) = match launch::resume(kept, process, saved_run, &self.context()) {
            Ok(resumed) => resumed,
            Err(error) => {
                self.around
                    .journal
                    .error(format!("cannot take process {} over: {error}", saved.pm_id));
                return Unfinished::Ended;
            }
        };
        let orphan = run.worker.is_none();
        let alone = run.worker.is_none() && !self.settings.wait_ready;
        self.run = Some(run);
        {
            let mut record = lock(&self.shared);
            record.pid = pid;
            record.live = Some(live);
            record.changed = true;
        }
        let torn = self.slot.noted() || (saved.worker.is_some() && orphan);
        if !torn {
            lock(&self.shared).ask_agent();
        }
        match phase {
            _ if torn && !matches!(phase, SavedPhase::Stopping { .. }) => {
                self.phase = Phase::Online;
                Unfinished::Torn
            }
            SavedPhase::Launching { deadline } => {
                self.phase = Phase::Launching {
                    deadline: from_clock(*deadline),
                    waiting: Vec::new(),
                };
                if alone {
                    Unfinished::Online
                } else {
                    Unfinished::Nothing
                }
            }
            SavedPhase::Stopping { .. } => self.go_on_stopping(phase, Some(pid)),
            _ => {
                self.phase = Phase::Online;
                Unfinished::Nothing
            }
        }
    }

    /// Goes on waiting for a stop, whose process is `pid` if it has not ended. Descendants that outlive it were never
    /// anybody's but the daemon's before us: they are known by what it kept of them.
    fn go_on_stopping(&mut self, phase: &SavedPhase, pid: Option<i32>) -> Unfinished {
        let SavedPhase::Stopping {
            deadline,
            killed,
            then,
            tree,
            ..
        } = phase
        else {
            return Unfinished::Nothing;
        };
        let whole = self.settings.treekill;
        let kept = Tree::marked(tree);
        self.phase = Phase::Stopping(Box::new(Stopping::resumed(
            pid.into_iter()
                .fold(kept, |tree, pid| tree.with(Tree::of(pid, whole))),
            deadline.map(from_clock),
            *killed,
            pid.is_none(),
            then_of(then),
        )));
        Unfinished::Nothing
    }

    /// Finishes what the daemon before us had begun.
    pub(super) async fn go_on(&mut self, unfinished: Unfinished) {
        match unfinished {
            Unfinished::Online => self.online(),
            Unfinished::Reloaded if self.is_up() => self.swap(),
            Unfinished::Nothing | Unfinished::Reloaded => {}
            Unfinished::Torn => {
                let text = "a message to it was cut in two when the daemon died, or its place in the cluster is \
                            not known any more: it is restarted";
                self.around
                    .journal
                    .error(format!("App {}: {text}", lock(&self.shared).name()));
                let _ = self.slot.note(false);
                let (reply, _nobody) = tokio::sync::oneshot::channel();
                self.restart(Restart::default(), reply).await;
            }
            Unfinished::Start => self.begin(Vec::new()).await,
            Unfinished::Ended => {
                let pause = Instant::now();
                lock(&self.shared).set_status(Status::WaitingRestart);
                self.phase = Phase::Pausing { until: pause };
            }
        }
        self.save();
    }
}

/// What is left to do after a take-over.
pub(super) enum Unfinished {
    /// It is where it was.
    Nothing,
    /// It was started, and is online by that.
    Online,
    /// Its replacement comes up, or may have come up meanwhile.
    Reloaded,
    /// A line on its channel was cut in two, or the cluster does not know it: it must be replaced.
    Torn,
    /// It was to be started.
    Start,
    /// It ended by itself, or is not to be found.
    Ended,
}

fn then_of(then: &SavedThen) -> Then {
    match then {
        SavedThen::Rest => Then::Rest,
        SavedThen::Forget => Then::Forget,
        SavedThen::Start { set } => Then::Start(
            Restart {
                change: Change { set: set.clone() },
            },
            Vec::new(),
        ),
    }
}
