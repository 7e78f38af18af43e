//! The way out of a run, stage by stage.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    command::ProcessError,
    hand_over::Kept,
    launch::{self, Run},
    messages::Word,
    outlet::now,
    record::Status,
    retire::{Retiree, Waiting},
    saved::from_clock,
    stages::{Stage, Way, next},
    stop::stop_signal,
    task::{exit_of, lock},
    tree::Tree,
};
use crate::{
    cluster::Worker,
    keeper::Keeper,
    protocol::json::Json,
    sys::{connections, pidfd::Handle, proc::Exit},
};

/// First and longest pause between two looks at a run's connections.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(50));
/// How long clients are made to wait until every one of them has asked for something.
const ROUND: Duration = Duration::from_millis(300);
/// How long they are left alone before it is tried again.
const BETWEEN_ROUNDS: Duration = Duration::from_secs(1);
/// How long a worker has for closing its servers once it is told to.
const CLOSING: Duration = Duration::from_millis(500);

/// A retirement under way.
pub(super) struct Leaver {
    retiree: Retiree,
    hurry: CancellationToken,
    /// How it ended, once it has.
    exit: Option<Exit>,
    /// Connections that it serves no more, or will not when it is gone.
    kept: Option<Kept>,
}

impl Leaver {
    /// A retirement that has not begun; `hurry` ends its patience.
    pub(super) fn new(retiree: Retiree, hurry: CancellationToken) -> Self {
        Self {
            retiree,
            hurry,
            exit: None,
            kept: None,
        }
    }

    /// Does everything from the stage `first` on; `enters` unless a daemon before us has begun that stage.
    pub(super) async fn leave(mut self, first: Stage, waiting: Option<Waiting>, enters: bool) {
        let mut stage = first;
        if enters {
            self.enter(stage);
        } else if self.is_held_from_outside() {
            self.kept = self.hold().await;
        }
        while !self.is_over(stage).await {
            let way = self.way();
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

    /// What the way out depends on. A worker on whose every connection an unheard request waits has nothing to close.
    fn way(&self) -> Way {
        let way = self.retiree.way();
        Way {
            leaves: way.leaves && self.kept.is_none(),
            ..way
        }
    }

    /// Whether its clients are not told by an agent in the app that they are to go elsewhere, where others are.
    fn is_held_from_outside(&self) -> bool {
        let has_agent = lock(&self.retiree.record).has_agent();
        let worker = self.retiree.run.worker.as_ref();
        !has_agent && worker.is_some_and(|worker| worker.has_heirs())
    }

    /// Its connections, with which it is not woken for requests any more. If a daemon before us has done that, this
    /// undoes it, as the result is dropped.
    async fn hold(&self) -> Option<Kept> {
        let Retiree {
            run, live, around, ..
        } = &self.retiree;
        let (worker, process) = (run.worker.as_ref()?, &live.as_ref()?.handle);
        let mut kept = Kept::of(worker, process, &around.keeper).await?;
        kept.deafen();
        Some(kept)
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
            Stage::Leaving { .. } => self.tell_to_drain(stage),
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
            let _ = live.drain(patience + settings.kill_timeout * 2, stop_signal(&record));
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
        self.retiree.tree.signal(stop_signal(&record));
    }

    /// Waits for what ends a stage: what it is for, the end of its time, or the end of the run, which is told.
    async fn is_over(&mut self, stage: Stage) -> bool {
        let from_outside = self.is_held_from_outside();
        let Self {
            retiree,
            hurry,
            exit,
            kept,
        } = self;
        let Retiree {
            run,
            live,
            tree,
            around,
            ..
        } = retiree;
        let process = live.as_ref().map(|live| (&live.handle, &around.keeper));
        let Run {
            pid,
            exit: exit_source,
            words,
            worker,
            ..
        } = run;
        let reached = async {
            match (stage, worker) {
                (Stage::Draining { .. }, Some(worker)) => {
                    let process = process.filter(|_| from_outside);
                    *kept = drained(worker, *pid, process).await;
                }
                (Stage::Leaving { .. }, Some(worker)) => {
                    left(worker, process, from_outside, kept, words).await;
                }
                (Stage::Draining { .. } | Stage::Leaving { .. }, None) => {}
                (_, Some(worker)) if let Some(kept) = kept => kept.tend_on(&worker.giver()).await,
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
    async fn finish(mut self) -> Result<Json, ProcessError> {
        if let (Some(kept), Some(worker)) = (self.kept.take(), &self.retiree.run.worker) {
            kept.bequeath(worker.giver());
        }
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

/// Done once the worker has answered for every connection it was given, and none of them is open any more; or once a
/// request that it has not heard waits on every one, which is what is returned then. For that, `process` must be given.
async fn drained(worker: &Worker, pid: i32, process: Option<(&Handle, &Keeper)>) -> Option<Kept> {
    worker.settled().await;
    let served = worker.served();
    let mut pause = LOOK_AGAIN.0;
    let mut next_round = Instant::now();
    // Where it cannot be told (no /proc), there is nothing to wait for.
    while connections::count(pid, &served).is_ok_and(|count| count > 0) {
        let process = process.filter(|_| Instant::now() >= next_round);
        let kept = kept_of(worker, process).await;
        if let Some(mut kept) = kept.filter(Kept::are_lively) {
            kept.deafen();
            if kept.all_requested(worker, ROUND).await {
                return Some(kept);
            }
            next_round = Instant::now() + BETWEEN_ROUNDS;
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min(LOOK_AGAIN.1);
    }
    None
}

async fn kept_of(worker: &Worker, process: Option<(&Handle, &Keeper)>) -> Option<Kept> {
    let (process, keeper) = process?;
    Kept::of(worker, process, keeper).await
}

/// Tells the worker to leave. Done once its channel has ended, which is when every server is closed and every
/// connection served; or once nothing is left with it but requests that it has not heard.
async fn left(
    worker: &Worker,
    process: Option<(&Handle, &Keeper)>,
    from_outside: bool,
    kept: &mut Option<Kept>,
    words: &mut mpsc::Receiver<Word>,
) {
    *kept = kept_of(worker, process).await;
    if let Some(kept) = kept.as_mut().filter(|_| from_outside) {
        kept.deafen();
        kept.settled(ROUND).await;
    }
    if let Some(kept) = kept {
        kept.note_idle();
    }
    let mut servers = worker.servers();
    // It has them no more once it is told to leave.
    let (giver, served) = (worker.giver(), worker.served());
    worker.disconnect();
    if let Some(held) = kept.as_mut() {
        let closed = async {
            while servers > 0
                && let Some(word) = words.recv().await
            {
                servers -= usize::from(word == Word::Closed);
            }
        };
        let _ = timeout(CLOSING, closed).await;
        held.pass_on_idle(&giver);
    }
    // With an agent its answers tell the clients to go; and the server's own time-outs do not end what we hold.
    if let Some(held) = kept.take_if(|_| !from_outside) {
        held.let_go().bequeath(worker.giver());
    }
    let ended = async { while words.recv().await.is_some() {} };
    match kept {
        Some(kept) => tokio::select! {
            () = ended => {}
            () = kept.tend(&giver, &served) => {}
        },
        None => ended.await,
    }
}
