//! The end of a run whose place is taken: it gets no new connections, finishes those it has, and is stopped then. One
//! task for each, beside the process's own; its state is kept in a slot of its own.

use std::sync::Arc;

use tokio::{sync::oneshot, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    command::ProcessError,
    launch::Run,
    leave::Leaver,
    outlet::{Surroundings, now},
    record::Live,
    saved::SavedRetirement,
    settings::Settings,
    stages::{Asked, Stage, Way, first},
    task::{Shared, lock},
    tree::Tree,
};
use crate::{cluster::Worker, protocol::json::Json, slot::StateSlot, sys::connections};

/// Who is told of the end: pm2's short form of the process, or why it does not end.
pub(super) type Told = oneshot::Sender<Result<Json, ProcessError>>;

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
            env: record.env(),
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
        let leaver = Leaver::new(self, hurry.clone());
        let task = tokio::spawn(leaver.leave(stage, waiting, enters));
        Retirement { hurry, task }
    }

    /// Whether connections of it are left, as far as can be told.
    fn serves(&self, worker: &Worker) -> bool {
        connections::count(self.run.pid, &worker.served()).is_ok_and(|count| count > 0)
    }

    /// What the way out depends on.
    pub(super) fn way(&self) -> Way {
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
