//! Ending a process: the signal, the patience, SIGKILL, and what comes after.

use std::{pin::Pin, str::FromStr, sync::Arc, time::Duration};

use nix::sys::signal::Signal;
use tokio::time::Instant;

use super::{
    command::{Change, ProcessError, Reply, Restart},
    record::{Record, Status},
    retire::Retirement,
    task::{Phase, Task, answer, lock},
    tree::Tree,
};

/// A busy machine may take this long to carry a SIGKILL out, however short the app's own time is.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// A process that was asked to end.
pub(super) struct Stopping {
    /// Itself and its descendants.
    pub(super) tree: Arc<Tree>,
    /// Done when all of them are gone.
    pub(super) gone: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// When patience ends; `None` once it was given up.
    pub(super) deadline: Option<Instant>,
    /// Whether SIGKILL was sent.
    pub(super) killed: bool,
    /// Whether the process itself has ended (descendants may live).
    pub(super) exited: bool,
    /// What comes after.
    pub(super) then: Then,
    /// Who waits for the end alone.
    waiting: Vec<Reply>,
}

/// What comes after the end.
pub(super) enum Then {
    /// Nothing.
    Rest,
    /// Another run.
    Start(Restart, Vec<Reply>),
    /// The end of the task.
    Forget,
}

impl Task {
    pub(super) async fn stop(&mut self, reply: Reply) {
        self.end(Then::Rest, Some(reply)).await;
    }

    pub(super) async fn delete(&mut self, reply: Reply) {
        self.end(Then::Forget, Some(reply)).await;
    }

    pub(super) async fn restart(&mut self, restart: Restart, reply: Reply) {
        self.counters.unstable_restarts = 0;
        {
            let mut record = lock(&self.shared);
            record.set("created_at", super::outlet::now());
            record.set("unstable_restarts", 0);
        }
        self.end(Then::Start(restart, vec![reply]), None).await;
    }

    /// Brings the process to its end and goes on with `then`.
    async fn end(&mut self, then: Then, reply: Option<Reply>) {
        if matches!(then, Then::Rest | Then::Forget) {
            self.retiring.iter().for_each(Retirement::hurry);
        }
        if matches!(self.phase, Phase::Reloading(_)) {
            self.roll_back(|_, _| {
                ProcessError::Superseded("the process was stopped while it was reloaded")
            });
        }
        match &mut self.phase {
            Phase::Resting | Phase::Pausing { .. } => {
                self.phase = Phase::Resting;
                self.rest(false);
                self.after(then, reply.into_iter().collect(), false).await;
            }
            Phase::Stopping(stopping) => stopping.redirect(then, reply),
            Phase::Launching { .. } | Phase::Online | Phase::Reloading(_) => {
                if let Phase::Launching { waiting, .. } =
                    std::mem::replace(&mut self.phase, Phase::Resting)
                {
                    answer(waiting, || {
                        Err(ProcessError::Superseded(
                            "the process was stopped while it started",
                        ))
                    });
                }
                self.ask_to_end(then, reply.into_iter().collect());
            }
        }
    }

    fn ask_to_end(&mut self, then: Then, waiting: Vec<Reply>) {
        let Some(run) = &self.run else { return };
        let mut record = lock(&self.shared);
        self.around.journal.info(format!(
            "Stopping app:{} id:{}",
            record.name(),
            record.pm_id
        ));
        record.set_status(Status::Stopping);
        let tree = Arc::new(Tree::of(run.pid, self.settings.treekill));
        let told = self.settings.shutdown_with_message
            && record
                .live
                .as_ref()
                .is_some_and(|live| live.channel.send(&[b"\"shutdown\""]).is_ok());
        if !told {
            tree.signal(stop_signal(&record));
        }
        drop(record);
        let gone = wait_for(Arc::clone(&tree));
        let deadline = Some(Instant::now() + self.settings.kill_timeout);
        self.phase = Phase::Stopping(Box::new(Stopping {
            tree,
            gone,
            deadline,
            killed: false,
            exited: false,
            then,
            waiting,
        }));
    }

    /// The process had its time: SIGKILL; once more, and it is given up.
    pub(super) fn stop_overdue(&mut self) {
        let Phase::Stopping(stopping) = &mut self.phase else {
            return;
        };
        let mut record = lock(&self.shared);
        record.changed = true;
        let (name, pid) = (record.name().to_owned(), record.pid);
        drop(record);
        if stopping.killed {
            stopping.deadline = None;
            self.give_up(name, pid);
            return;
        }
        self.around.journal.info(format!(
            "Process with pid {pid} still alive after the timeout, sending SIGKILL to its tree"
        ));
        let mut tree = stopping.tree.renewed();
        if !stopping.exited {
            tree = tree.with(Tree::of(pid, self.settings.treekill));
        }
        tree.signal(Signal::SIGKILL);
        stopping.wait_for(tree);
        stopping.killed = true;
        stopping.deadline = Some(Instant::now() + self.settings.kill_timeout.max(LAST_PATIENCE));
    }

    /// It does not even die of SIGKILL (a process in the kernel's hands): errored, but still watched.
    fn give_up(&mut self, name: String, pid: i32) {
        let Phase::Stopping(stopping) = &mut self.phase else {
            return;
        };
        let then = std::mem::replace(&mut stopping.then, Then::Rest);
        let mut waiting = std::mem::take(&mut stopping.waiting);
        if let Then::Start(_, replies) = then {
            waiting.extend(replies);
        }
        lock(&self.shared).set_status(Status::Errored);
        self.around
            .journal
            .error(format!("Process {name} with pid {pid} could not be killed"));
        answer(waiting, || {
            Err(ProcessError::Unkillable {
                name: name.clone(),
                pid,
            })
        });
    }

    /// Process and tree are gone.
    pub(super) async fn stopped(&mut self) {
        let Phase::Stopping(stopping) = std::mem::replace(&mut self.phase, Phase::Resting) else {
            return;
        };
        {
            let record = lock(&self.shared);
            let count = stopping.tree.len();
            self.around.journal.info(format!(
                "pid={} msg=process tree killed ({count} pids)",
                record.pid
            ));
        }
        self.rest(true);
        self.after(stopping.then, stopping.waiting, true).await;
    }

    /// Marks the process as stopped.
    fn rest(&mut self, announced: bool) {
        let mut record = lock(&self.shared);
        record.set_status(Status::Stopped);
        record.pid = 0;
        record.worker = None;
        if announced {
            self.around.announce("exit", &record, false);
        }
    }

    /// What a restart by hand changes: the asked-for attributes, and the count of restarts if it ran.
    fn change(&self, change: Change, ran: bool) {
        let mut record = lock(&self.shared);
        apply(change, &mut record);
        if ran {
            let count = record.number("restart_time") + 1;
            record.set("restart_time", count);
        }
    }

    pub(super) async fn after(&mut self, then: Then, waiting: Vec<Reply>, ran: bool) {
        if matches!(then, Then::Rest | Then::Forget) {
            // "ok" means that nothing of it runs any more.
            for retirement in std::mem::take(&mut self.retiring) {
                retirement.over().await;
            }
        }
        match then {
            Then::Rest => answer(waiting, || Ok(())),
            Then::Forget => {
                self.forgotten = true;
                answer(waiting, || Ok(()));
            }
            Then::Start(restart, mut replies) => {
                replies.extend(waiting);
                self.change(restart.change, ran);
                self.begin(replies).await;
            }
        }
    }
}

impl Stopping {
    /// A stop that an earlier daemon began; `exited` if only descendants are left, or nobody.
    pub(super) fn resumed(
        tree: Tree,
        deadline: Option<Instant>,
        killed: bool,
        exited: bool,
        then: Then,
    ) -> Self {
        let tree = Arc::new(tree);
        let gone = wait_for(Arc::clone(&tree));
        Self {
            tree,
            gone,
            deadline,
            killed,
            exited,
            then,
            waiting: Vec::new(),
        }
    }

    /// Waits for this tree from now on.
    fn wait_for(&mut self, tree: Tree) {
        self.tree = Arc::new(tree);
        self.gone = wait_for(Arc::clone(&self.tree));
    }

    /// Another command while it ends: the later one decides what comes after.
    fn redirect(&mut self, then: Then, reply: Option<Reply>) {
        let forgotten = matches!(self.then, Then::Forget);
        match (std::mem::replace(&mut self.then, Then::Rest), then) {
            (_, Then::Start(_, replies)) if forgotten => {
                answer(replies, || Err(ProcessError::Deleted));
                self.then = Then::Forget;
            }
            (Then::Start(_, mut earlier), Then::Start(restart, replies)) => {
                earlier.extend(replies);
                self.then = Then::Start(restart, earlier);
            }
            (earlier, then) => {
                if let Then::Start(_, replies) = earlier {
                    answer(replies, || {
                        Err(ProcessError::Superseded(
                            "the process was stopped or deleted meanwhile",
                        ))
                    });
                }
                self.then = if forgotten { Then::Forget } else { then };
            }
        }
        self.waiting.extend(reply);
    }
}

/// Changes attributes: `null` removes one.
pub(super) fn apply(change: Change, record: &mut Record) {
    record.change(change.set);
}

fn wait_for(tree: Arc<Tree>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move { tree.gone().await })
}

/// SIGINT, or what `PM2_KILL_SIGNAL` names in the app's environment or ours.
pub(super) fn stop_signal(record: &Record) -> Signal {
    let name = "PM2_KILL_SIGNAL";
    let named = record.packed().get_text(name);
    let named = named.or_else(|| std::env::var(name).ok());
    named
        .and_then(|name| Signal::from_str(&name).ok())
        .unwrap_or(Signal::SIGINT)
}
