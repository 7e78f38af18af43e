//! Taking a process over from a daemon that died: nothing is restarted, what was begun is finished.

use tokio::time::Instant;

use super::{
    command::{Change, Restart},
    launch::{self, KeptRun, Resumed},
    record::{Record, Status},
    saved::{Saved, SavedPhase, SavedThen, from_clock},
    stop::{Stopping, Then},
    task::{Phase, Task, lock},
};

/// What the keeper has of a process besides its state.
pub struct Inheritance {
    /// Our ends of its pipes and channel, if a run was under way.
    pub kept: Option<KeptRun>,
    /// The process, alive or with its exit, if there is one.
    pub process: Option<Resumed>,
}

/// The record as it was kept.
pub(super) fn record(saved: &Saved) -> Record {
    let mut record = Record::new(saved.pm_id, saved.env.clone());
    record.status = Status::of(record.text("status"));
    record.pid = saved.pid;
    record.worker = saved.worker;
    record.started = saved.started;
    record.agent.clone_from(&saved.agent);
    record
}

impl Task {
    /// Puts the task where the one before it was. What it was about to do is done in [`Task::go_on`].
    pub(super) fn take_over(&mut self, saved: &Saved, inheritance: Inheritance) -> Unfinished {
        self.counters = saved.counters();
        let Inheritance { kept, process } = inheritance;
        match (&saved.phase, process, kept) {
            (SavedPhase::Resting, ..) => Unfinished::Nothing,
            (SavedPhase::Pausing { until }, ..) => {
                self.phase = Phase::Pausing {
                    until: from_clock(*until),
                };
                Unfinished::Nothing
            }
            (
                SavedPhase::Stopping {
                    exited: true, then, ..
                },
                ..,
            ) => Unfinished::Stopped(then_of(then)),
            (phase, Some(process), Some(kept)) => self.resume(phase, process, kept, saved),
            // Its exit is known, but what it left behind was let go of already.
            (SavedPhase::Stopping { then, .. }, ..) => Unfinished::Stopped(then_of(then)),
            (_, Some(_ended), None) => Unfinished::Ended,
            // The daemon died between its note and the start itself.
            (SavedPhase::Launching { .. }, None, _) => Unfinished::Start,
            (SavedPhase::Online, None, _) => Unfinished::Ended,
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
        let (run, live) = match launch::resume(kept, process, saved, &self.context()) {
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
            SavedPhase::Stopping {
                deadline,
                killed,
                then,
                ..
            } => {
                let deadline = deadline.map(from_clock);
                self.phase = Phase::Stopping(Box::new(Stopping::resumed(
                    pid,
                    self.settings.treekill,
                    deadline,
                    *killed,
                    then_of(then),
                )));
                Unfinished::Nothing
            }
            _ => {
                self.phase = Phase::Online;
                Unfinished::Nothing
            }
        }
    }

    /// Finishes what the daemon before us had begun.
    pub(super) async fn go_on(&mut self, unfinished: Unfinished) {
        match unfinished {
            Unfinished::Nothing => {}
            Unfinished::Online => self.online(),
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
            Unfinished::Stopped(then) => {
                self.phase = Phase::Stopping(Box::new(Stopping::over(then)));
                self.stopped().await;
            }
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
    /// A line on its channel was cut in two, or the cluster does not know it: it must be replaced.
    Torn,
    /// It was to be started.
    Start,
    /// It has ended as it was asked to.
    Stopped(Then),
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
