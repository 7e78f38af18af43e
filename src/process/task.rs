//! The task of one process. It alone changes the process's state; everything reaches it as an input.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::{
    command::{Command, ProcessError, Reply},
    launch::{Context, Run},
    messages::Word,
    outlet::Surroundings,
    record::{Record, Status},
    reload::Reloading,
    restart::Counters,
    retire::Retirement,
    saved::Saved,
    settings::Settings,
    stop::Stopping,
};
use crate::{
    slot::StateSlot,
    sys::{pidfd::Handle, proc::Exit},
};

/// A record and whoever reads it.
pub(super) type Shared = Arc<Mutex<Record>>;

/// Locks a record; held for a few lines, never across an await.
pub(super) fn lock(shared: &Shared) -> MutexGuard<'_, Record> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A cluster app that never says that it runs is taken for running after this.
pub(super) const ONLINE_DEADLINE: std::time::Duration = std::time::Duration::from_secs(30);

/// Something that a task waits for, if it waits for it at all.
type Awaited<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where a process is in its life; what belongs to that only.
pub(super) enum Phase {
    /// Nothing runs and nothing is due.
    Resting,
    /// Started; these wait for it to be online.
    Launching {
        deadline: Instant,
        waiting: Vec<Reply>,
    },
    /// Runs.
    Online,
    /// Runs, while its replacement comes up.
    Reloading(Box<Reloading>),
    /// Was asked to end.
    Stopping(Box<Stopping>),
    /// Will be started again.
    Pausing { until: Instant },
}

pub(super) struct Task {
    pub(super) shared: Shared,
    pub(super) around: Surroundings,
    pub(super) phase: Phase,
    pub(super) run: Option<Run>,
    pub(super) counters: Counters,
    pub(super) settings: Settings,
    commands: mpsc::Receiver<Command>,
    /// Where the state is kept for a later daemon.
    pub(super) slot: Arc<StateSlot>,
    /// Told when somebody else changed the record.
    changed: Arc<Notify>,
    /// Runs whose places are taken.
    pub(super) retiring: Vec<Retirement>,
    /// Set when the process was deleted: the task ends.
    pub(super) forgotten: bool,
}

enum Input {
    Command(Command),
    Word(Word),
    Exit(Exit),
    /// Of the replacement.
    NewWord(Word),
    /// Of the replacement.
    NewExit(Exit),
    TreeGone,
    Deadline,
    Changed,
    /// Every handle is gone.
    Abandoned,
}

impl Task {
    pub(super) fn new(
        shared: Shared,
        around: Surroundings,
        commands: mpsc::Receiver<Command>,
        slot: Arc<StateSlot>,
        changed: Arc<Notify>,
    ) -> Box<Self> {
        let settings = Settings::read(&lock(&shared).env());
        // In a box: a future keeps what it is made of twice.
        Box::new(Self {
            shared,
            around,
            phase: Phase::Resting,
            run: None,
            counters: Counters::default(),
            settings,
            commands,
            slot,
            changed,
            retiring: Vec::new(),
            forgotten: false,
        })
    }

    pub(super) async fn run(mut self: Box<Self>) {
        while !self.forgotten {
            match self.next_input().await {
                Input::Command(command) => self.command(command).await,
                Input::Word(word) => self.word(word),
                Input::Exit(exit) => self.exited(exit).await,
                Input::NewWord(word) => self.new_word(word),
                Input::NewExit(exit) => self.new_exited(exit),
                Input::TreeGone => self.stopped().await,
                Input::Deadline => self.deadline().await,
                Input::Changed => {}
                Input::Abandoned => break,
            }
            self.save();
        }
    }

    /// What a run is connected with.
    pub(super) fn context(&self) -> Context {
        Context {
            shared: Arc::clone(&self.shared),
            slot: Arc::clone(&self.slot),
            around: self.around.clone(),
        }
    }

    /// Keeps the state for a later daemon, if it has changed.
    pub(super) fn save(&self) {
        let saved = {
            let mut record = lock(&self.shared);
            if !std::mem::take(&mut record.changed) {
                return;
            }
            Saved::of(&record, &self.phase, self.counters)
        };
        if let Err(error) = self.slot.write(&saved.to_bytes()) {
            self.around.journal.error(format!(
                "cannot keep the state of process {}: {error}",
                saved.pm_id
            ));
        }
    }

    async fn next_input(&mut self) -> Input {
        let deadline = self.phase.deadline();
        let mut tree_gone: Awaited<'_, ()> = Box::pin(std::future::pending());
        let mut replacement = None;
        match &mut self.phase {
            Phase::Stopping(stopping) if stopping.exited => {
                tree_gone = Box::pin(stopping.gone.as_mut());
            }
            Phase::Reloading(reloading) => replacement = reloading.run.as_mut(),
            _ => {}
        }
        let (word, exit) = inputs_of(self.run.as_mut());
        let (new_word, new_exit) = inputs_of(replacement);
        tokio::select! {
            biased;
            Some(word) = word => Input::Word(word),
            exit = exit => Input::Exit(exit),
            Some(word) = new_word => Input::NewWord(word),
            exit = new_exit => Input::NewExit(exit),
            () = tree_gone => Input::TreeGone,
            () = wait_until(deadline) => Input::Deadline,
            () = self.changed.notified() => Input::Changed,
            command = self.commands.recv() => command.map_or(Input::Abandoned, Input::Command),
        }
    }

    async fn command(&mut self, command: Command) {
        match command {
            Command::Start(reply) => self.start(reply).await,
            Command::Stop(reply) => self.stop(reply).await,
            Command::Restart(restart, reply) => self.restart(*restart, reply).await,
            Command::Delete(reply) => self.delete(reply).await,
            Command::Reload(reload, reply) => self.reload(*reload, reply).await,
            Command::Retire(reply) => self.retire(reply).await,
            Command::ReopenLogs(reply) => {
                if let Some(run) = &self.run {
                    run.pump.reopen().await;
                }
                let _ = reply.send(Ok(()));
            }
        }
    }

    async fn start(&mut self, reply: Reply) {
        match &mut self.phase {
            Phase::Resting | Phase::Pausing { .. } => self.begin(vec![reply]).await,
            Phase::Launching { .. } | Phase::Online | Phase::Reloading(_) | Phase::Stopping(_) => {
                let _ = reply.send(Err(ProcessError::AlreadyOnline));
            }
        }
    }

    fn word(&mut self, word: Word) {
        let ready = match word {
            Word::Ready => self.settings.wait_ready,
            Word::Online => !self.settings.wait_ready,
            Word::Listening | Word::Closed | Word::Changed => false,
        };
        if ready && matches!(self.phase, Phase::Launching { .. }) {
            self.online();
        }
    }

    pub(super) fn online(&mut self) {
        let Phase::Launching { waiting, .. } = std::mem::replace(&mut self.phase, Phase::Online)
        else {
            return;
        };
        let mut record = lock(&self.shared);
        self.around.announce("online", &record, false);
        record.set_status(Status::Online);
        self.around
            .journal
            .info(format!("App [{}:{}] online", record.name(), record.pm_id));
        drop(record);
        answer(waiting, || Ok(()));
    }

    async fn deadline(&mut self) {
        match &self.phase {
            Phase::Launching { .. } => {
                let record = lock(&self.shared);
                let (name, pm_id) = (record.name(), record.pm_id);
                self.around.journal.error(format!(
                    "App [{name}:{pm_id}] did not say that it is ready in time"
                ));
                drop(record);
                self.online();
            }
            Phase::Pausing { .. } => self.start_again().await,
            Phase::Stopping(_) => self.stop_overdue(),
            Phase::Reloading(_) => self.reload_overdue(),
            Phase::Resting | Phase::Online => {}
        }
    }

    /// Starts the next run of a process that has ended by itself.
    pub(super) async fn start_again(&mut self) {
        {
            let mut record = lock(&self.shared);
            let count = record.number("restart_time") + 1;
            record.set("restart_time", count);
        }
        self.begin(Vec::new()).await;
    }
}

impl Phase {
    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Launching { deadline, .. } => Some(*deadline),
            Self::Reloading(reloading) => Some(reloading.look),
            Self::Stopping(stopping) => stopping.deadline,
            Self::Pausing { until } => Some(*until),
            Self::Resting | Self::Online => None,
        }
    }
}

/// Gives everyone who waits the same answer.
pub(super) fn answer(waiting: Vec<Reply>, result: impl Fn() -> Result<(), ProcessError>) {
    for reply in waiting {
        // A caller that has gone needs no answer.
        let _ = reply.send(result());
    }
}

pub(super) async fn exit_of(pid: i32, exit: &mut Option<oneshot::Receiver<Exit>>) -> Exit {
    if let Some(known) = exit {
        if let Ok(exit) = known.await {
            return exit;
        }
        *exit = None;
    }
    // The keeper is gone, and with it whoever could say how the process ended; that it ended can still be seen.
    if let Some(process) = Handle::open(pid) {
        process.gone().await;
    }
    Exit::Signal(0)
}

/// What a run may say or do next; nothing, ever, without one.
fn inputs_of(run: Option<&mut Run>) -> (Awaited<'_, Option<Word>>, Awaited<'_, Exit>) {
    match run {
        Some(run) => (
            Box::pin(run.words.recv()),
            Box::pin(exit_of(run.pid, &mut run.exit)),
        ),
        None => (
            Box::pin(std::future::pending()),
            Box::pin(std::future::pending()),
        ),
    }
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
