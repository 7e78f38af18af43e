//! The end of a run whose place is taken: it gets no new connections, finishes those it has, and is stopped then. One
//! task for each, beside the process's own; its state is kept in a slot of its own.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    command::ProcessError,
    hand_over::{copies, hand_over},
    launch::{self, Run},
    outlet::Surroundings,
    record::{Live, Status},
    saved::{SavedRetirement, from_clock},
    settings::Settings,
    stages::{Asked, Stage, Way, first, next},
    stop::stop_signal,
    task::{Shared, exit_of, lock},
    tree::Tree,
};
use crate::{
    cluster::Worker,
    slot::StateSlot,
    sys::{
        connections::{self, Copied},
        proc::Exit,
    },
};
use nix::sys::signal::Signal;

/// First and longest pause between two looks at a run's connections.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(50));

/// Who is told of the end: pm2's short form of the process, or why it does not end.
pub(super) type Told = oneshot::Sender<Result<Value, ProcessError>>;

/// Who waits for the end, and what he is told if it is not how the run ended.
pub(super) struct Waiting {
    pub told: Told,
    pub instead: Option<ProcessError>,
}

/// A run on its way out.
pub(super) struct Retiree {
    pub run: Run,
    pub live: Option<Live>,
    /// Its own record, or its process's if there is no other run.
    pub record: Shared,
    /// Where its state is kept for a later daemon, and under which name.
    pub slot: Arc<StateSlot>,
    pub slot_name: String,
    pub around: Surroundings,
    /// As they were when it was started.
    pub settings: Settings,
    /// Whether it is asked with a message before it is signalled.
    pub gently: bool,
    /// Whether nobody is told of it: a replacement that did not come up never was in the list.
    pub silent: bool,
    /// Whom the stop signal goes to.
    pub tree: Tree,
}

/// Handle of a retirement.
pub(super) struct Retirement {
    hurry: CancellationToken,
    task: JoinHandle<()>,
}

impl Retirement {
    /// Nobody wants to wait for connections any more.
    pub(super) fn hurry(&self) {
        self.hurry.cancel();
    }

    pub(super) fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// Done once the run is gone, or is given up.
    pub(super) async fn over(self) {
        // It does not panic; and if it did, there would be nothing more to wait for.
        let _ = self.task.await;
    }
}

impl Retiree {
    /// The stage to begin with: drained if there is something to drain.
    pub(super) fn first_stage(&self) -> Stage {
        first(&self.way(), now())
    }

    /// What to keep of it for a later daemon.
    fn saved(&self, stage: Stage) -> SavedRetirement {
        let record = lock(&self.record);
        SavedRetirement {
            serial: self.run.name.serial,
            env: record.env.clone(),
            pid: self.run.pid,
            worker: record.worker,
            started: record.started,
            agent: record.agent.clone(),
            stage,
            gently: self.gently,
            silent: self.silent,
            tree: self.tree.marks(),
        }
    }

    /// Keeps where it is about to be.
    pub(super) fn note(&mut self, stage: Stage) {
        if matches!(stage, Stage::Signalled { .. }) {
            self.tree = Tree::of(self.run.pid, self.settings.treekill);
        }
        let text = serde_json::to_vec(&self.saved(stage)).unwrap_or_default();
        if let Err(error) = self.slot.write(&text) {
            let name = lock(&self.record).name().to_owned();
            self.around
                .journal
                .error(format!("cannot keep the state of an old {name}: {error}"));
        }
    }

    /// Begins; `stage` must be noted already.
    pub(super) fn begin(self, stage: Stage, waiting: Option<Waiting>) -> Retirement {
        self.spawn(stage, waiting, true)
    }

    /// Goes on with what a daemon before us began.
    pub(super) fn go_on(self, stage: Stage) -> Retirement {
        // Once only: a second signal makes many programs end at once.
        let again = matches!(stage, Stage::Draining { .. } | Stage::Leaving { .. });
        self.spawn(stage, None, again)
    }

    fn spawn(self, stage: Stage, waiting: Option<Waiting>, enters: bool) -> Retirement {
        let hurry = CancellationToken::new();
        let leaver = Leaver {
            retiree: self,
            hurry: hurry.clone(),
            exit: None,
            copies: (0, Vec::new()),
        };
        let task = tokio::spawn(leaver.leave(stage, waiting, enters));
        Retirement { hurry, task }
    }

    /// Whether connections of it are left, as far as can be told.
    fn serves(&self, worker: &Worker) -> bool {
        connections::count(self.run.pid, &worker.served()).is_ok_and(|count| count > 0)
    }

    /// What the way out depends on.
    fn way(&self) -> Way {
        let worker = self.run.worker.as_ref();
        let agent = lock(&self.record).has_agent();
        let accepts_itself = worker.is_some_and(|worker| worker.accepts_itself());
        let asked = match (self.gently, self.settings.shutdown_with_message) {
            (true, _) => Asked::Both,
            (false, true) => Asked::Message,
            (false, false) => Asked::Signal,
        };
        // One that has left cannot be sent a message any more.
        let may_leave = worker.filter(|_| asked == Asked::Signal);
        Way {
            drains: worker.is_some() && !accepts_itself,
            leaves: may_leave.is_some_and(|worker| accepts_itself || agent || self.serves(worker)),
            asked,
            drain_timeout: self.settings.drain_timeout,
            kill_timeout: self.settings.kill_timeout,
        }
    }
}

fn now() -> i64 {
    super::outlet::now()
}

/// A retirement under way.
struct Leaver {
    retiree: Retiree,
    hurry: CancellationToken,
    /// How it ended, once it has.
    exit: Option<Exit>,
    /// Of the connections of a worker that is about to leave, and how many servers it closes.
    copies: (usize, Vec<Copied>),
}

impl Leaver {
    async fn leave(mut self, first: Stage, waiting: Option<Waiting>, enters: bool) {
        let mut stage = first;
        if enters {
            self.enter(stage);
        }
        while !self.is_over(stage).await {
            let way = self.retiree.way();
            let Some(following) = next(stage, &way, self.hurry.is_cancelled(), now()) else {
                break;
            };
            self.retiree.note(following);
            self.enter(following);
            stage = following;
        }
        let result = self.finish().await;
        if let Some(Waiting { told, instead }) = waiting {
            // Nobody waits any more: then nobody is told.
            let _ = told.send(instead.map_or(result, Err));
        }
    }

    /// Does what a stage begins with.
    fn enter(&mut self, stage: Stage) {
        let Retiree { run, live, .. } = &self.retiree;
        match stage {
            Stage::Draining { .. } => {
                if let Some(worker) = &run.worker {
                    worker.retire();
                }
                self.tell_to_drain(stage);
            }
            Stage::Leaving { .. } => {
                self.tell_to_drain(stage);
                if let Some(live) = live {
                    self.copies = copies(run, live);
                }
                if let Some(worker) = &run.worker {
                    worker.disconnect();
                }
            }
            Stage::Asked { .. } => {
                // Not taken: then its signal follows all the same.
                let _ = live
                    .as_ref()
                    .map(|live| live.channel.send(&[b"\"shutdown\""]));
            }
            Stage::Signalled { .. } => self.signal(),
            Stage::Killed { .. } => {
                let mut tree = self.retiree.tree.renewed();
                if self.exit.is_none() {
                    tree = tree.with(Tree::of(run.pid, self.retiree.settings.treekill));
                }
                tree.signal(Signal::SIGKILL);
                self.retiree.tree = tree;
            }
        }
    }

    /// The agent in the app, if there is one, makes clients go elsewhere and keeps the app until its signal.
    fn tell_to_drain(&self, stage: Stage) {
        let Retiree {
            live,
            record,
            settings,
            ..
        } = &self.retiree;
        let record = lock(record);
        if let Some(live) = live
            && record.has_agent()
        {
            let patience = from_clock(stage.until()).saturating_duration_since(Instant::now());
            // Not taken: it reads nothing, and is drained as one without an agent.
            let _ = live.drain(patience + settings.kill_timeout * 2, &record.env);
        }
    }

    fn signal(&mut self) {
        let record = &self.retiree.record;
        let mut record = lock(record);
        let shown = record.shown_id();
        self.retiree
            .around
            .journal
            .info(format!("Stopping app:{} id:{shown}", record.name()));
        record.set_status(Status::Stopping);
        self.retiree.tree.signal(stop_signal(&record.env));
    }

    /// Waits for what ends a stage: what it is for, the end of its time, or the end of the run, which is told.
    async fn is_over(&mut self, stage: Stage) -> bool {
        let Self {
            retiree,
            hurry,
            exit,
            copies,
        } = self;
        let Retiree { run, tree, .. } = retiree;
        let copies = std::mem::take(copies);
        let Run {
            pid,
            exit: exit_source,
            words,
            worker,
            ..
        } = run;
        let reached = async {
            match (stage, worker) {
                (Stage::Draining { .. }, Some(worker)) => drained(worker, *pid).await,
                // The channel ends when every server is closed and every connection served.
                (Stage::Leaving { .. }, Some(worker)) => {
                    hand_over(*pid, worker, words, copies).await;
                    while words.recv().await.is_some() {}
                }
                (Stage::Draining { .. } | Stage::Leaving { .. }, None) => {}
                _ => std::future::pending().await,
            }
        };
        let ended = async {
            if exit.is_none() {
                *exit = Some(exit_of(*pid, exit_source).await);
            }
            tree.gone().await;
        };
        let may_hurry = matches!(
            stage,
            Stage::Draining { .. } | Stage::Leaving { .. } | Stage::Asked { .. }
        );
        tokio::select! {
            () = ended => true,
            () = reached => false,
            () = hurry.cancelled(), if may_hurry => false,
            () = sleep_until(from_clock(stage.until())) => false,
        }
    }

    /// It is gone, or cannot be ended.
    async fn finish(mut self) -> Result<Value, ProcessError> {
        let Some(exit) = self.exit else {
            let record = lock(&self.retiree.record);
            let error = ProcessError::Unkillable {
                name: record.name().to_owned(),
                pid: self.retiree.run.pid,
            };
            self.retiree.around.journal.error(error.to_string());
            return Err(error);
        };
        launch::collect_last_words(&mut self.retiree.run).await;
        let Retiree {
            run,
            record,
            around,
            slot_name,
            silent,
            ..
        } = self.retiree;
        let proc = {
            let mut record = lock(&record);
            record.live = None;
            around.tell_exception(&mut record);
            record.forget_run();
            record.set("exit_code", exit.code());
            around.journal.info(format!(
                "App [{}:{}] exited with code [{}] via signal [{}]",
                record.name(),
                record.shown_id(),
                exit.code(),
                exit.signal().unwrap_or("SIGINT")
            ));
            for status in [Status::Stopping, Status::Stopped] {
                record.set_status(status);
                if status == Status::Stopped {
                    record.pid = 0;
                    record.worker = None;
                }
                if !silent {
                    around.announce("exit", &record, false);
                }
            }
            record.to_proc()
        };
        around.keeper.forget(&run.name.kept());
        around.keeper.forget(&slot_name);
        around.keeper.acknowledge(run.pid);
        Ok(proc)
    }
}

/// Done once the worker has answered for every connection it was given, and none of them is open any more.
async fn drained(worker: &Worker, pid: i32) {
    worker.settled().await;
    let served = worker.served();
    let mut pause = LOOK_AGAIN.0;
    // Where it cannot be told (no /proc), there is nothing to wait for.
    while connections::count(pid, &served).is_ok_and(|count| count > 0) {
        sleep(pause).await;
        pause = (pause * 3 / 2).min(LOOK_AGAIN.1);
    }
}
