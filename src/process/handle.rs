//! The handle of a process: what anybody may ask of it.

use std::{
    io,
    os::fd::AsFd,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use tokio::sync::{Notify, mpsc, oneshot};

use super::{
    agent,
    command::{Command, ProcessError, Reload, Restart},
    measured::Measured,
    outlet::Surroundings,
    record::{Pm2Env, Record, Status},
    resume::{self, Inheritance},
    saved::Saved,
    stop::stop_signal,
    task::{Shared, Task, lock},
};
use crate::{channel::ChannelSender, protocol::json::Json, slot::StateSlot, sys::usage};

/// Commands that may wait for a process's task; further callers wait for a place.
const COMMANDS: usize = 64;

/// A cheap handle.
#[derive(Clone)]
pub struct Process {
    shared: Shared,
    commands: mpsc::Sender<Command>,
    changed: Arc<Notify>,
}

impl Process {
    /// Makes the process of `env`, at rest, with its task. Its state is kept for a later daemon in `slot`.
    pub fn new(pm_id: u32, env: Pm2Env, slot: StateSlot, around: Surroundings) -> Self {
        let (process, task) = Self::with(Record::new(pm_id, &env), slot, around);
        task.save();
        tokio::spawn(task.run());
        process
    }

    /// Takes a process over from a daemon that died.
    pub fn resume(
        saved: Saved,
        slot: StateSlot,
        inheritance: Inheritance,
        around: Surroundings,
    ) -> Self {
        let (process, mut task) = Self::with(resume::record(&saved), slot, around);
        let unfinished = task.take_over(&saved, inheritance);
        tokio::spawn(async move {
            task.go_on(unfinished).await;
            task.run().await;
        });
        process
    }

    fn with(record: Record, slot: StateSlot, around: Surroundings) -> (Self, Box<Task>) {
        let shared: Shared = Arc::new(Mutex::new(record));
        let changed = Arc::new(Notify::new());
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let task = Task::new(
            Arc::clone(&shared),
            around,
            receiver,
            Arc::new(slot),
            Arc::clone(&changed),
        );
        (
            Self {
                shared,
                commands,
                changed,
            },
            task,
        )
    }

    /// To be called after the record was changed from outside: the change is then kept for a later daemon.
    pub fn changed(&self) {
        self.changed.notify_one();
    }

    /// Whether both are handles of the same process.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Done once it is deleted.
    pub async fn deleted(&self) {
        self.commands.closed().await;
    }

    /// What is known of it, for a few lines.
    pub fn record(&self) -> MutexGuard<'_, Record> {
        lock(&self.shared)
    }

    /// Starts it; done when it is online.
    pub async fn start(&self) -> Result<(), ProcessError> {
        self.ask(Command::Start).await
    }

    /// Ends it; done when it is gone.
    pub async fn stop(&self) -> Result<(), ProcessError> {
        self.ask(Command::Stop).await
    }

    /// Ends it if it runs and starts it; done when it is online.
    pub async fn restart(&self, restart: Restart) -> Result<(), ProcessError> {
        self.ask(|reply| Command::Restart(Box::new(restart), reply))
            .await
    }

    /// Puts another run in its place, if it is an online cluster app; done when the old one is gone, whose pm2's short
    /// form is the answer. If the new one does not come up, nothing has changed.
    pub async fn reload(&self, reload: Reload) -> Result<Json, ProcessError> {
        let (told, answer) = oneshot::channel();
        self.commands
            .send(Command::Reload(Box::new(reload), told))
            .await
            .map_err(|_| ProcessError::Deleted)?;
        answer.await.unwrap_or(Err(ProcessError::Deleted))
    }

    /// A restart that its clients need not notice: a reload of an online cluster app, a restart of any other.
    pub async fn renew(&self) -> Result<(), ProcessError> {
        match self.reload(Reload::default()).await {
            Err(ProcessError::NotReloadable(_)) => self.restart(Restart::default()).await,
            done => done.map(drop),
        }
    }

    /// Lets it finish what it serves, as far as that can be told, then ends it and its task; done when it is gone.
    pub async fn retire(&self) -> Result<(), ProcessError> {
        self.ask(Command::Retire).await
    }

    /// Ends it and its task; done when it is gone.
    pub async fn delete(&self) -> Result<(), ProcessError> {
        self.ask(Command::Delete).await
    }

    /// Opens its log files again.
    pub async fn reopen_logs(&self) -> Result<(), ProcessError> {
        self.ask(Command::ReopenLogs).await
    }

    /// Sends JSON to the app's channel, whole. The caller has checked that it is online.
    pub fn send(&self, body: &[u8]) -> Result<(), ProcessError> {
        Ok(self.channel()?.send(&[body])?)
    }

    /// The channel of its app; an error if none runs.
    pub fn channel(&self) -> Result<ChannelSender, ProcessError> {
        let record = self.record();
        let live = record.live.as_ref();
        live.map(|live| live.channel.clone())
            .ok_or_else(|| ProcessError::Io(io::ErrorKind::NotConnected.into()))
    }

    /// Whether the present run has the agent, which is what [`drain`](Self::drain) asks.
    pub fn has_agent(&self) -> bool {
        self.record().has_agent()
    }

    /// Makes the app end its connections, and stay until its stop signal comes, see [`Live::drain`].
    ///
    /// [`Live::drain`]: super::record::Live::drain
    pub fn drain(&self, patience: Duration) -> Result<(), ProcessError> {
        let record = self.record();
        match record.live.as_ref().filter(|_| record.has_agent()) {
            Some(live) => Ok(live.drain(patience, stop_signal(&record))?),
            None => Err(ProcessError::Io(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Has an action done that the app has announced. `call` is its name, or an object with it and options, as JSON.
    pub fn act(&self, action: &str, call: &[u8]) -> Result<(), ProcessError> {
        let record = self.record();
        match &record.live {
            Some(live) if record.is_of_agent(action) => {
                Ok(live.channel.send_internal(&agent::action(call))?)
            }
            Some(live) => Ok(live.channel.send(&[call])?),
            None => Err(ProcessError::Io(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Bytes that wait for its app to read its channel, and whether one line of them is written in part.
    pub fn unsent(&self) -> (usize, bool) {
        let record = self.record();
        record.live.as_ref().map_or((0, false), |live| {
            (live.channel.queued_bytes(), live.channel.is_amid_line())
        })
    }

    /// Writes a line to the app's standard input.
    pub fn write_line(&self, line: &str) -> Result<(), ProcessError> {
        let record = self.record();
        let stdin = record.live.as_ref().and_then(|live| live.stdin.as_ref());
        let stdin = stdin.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        let written =
            nix::unistd::write(stdin.as_fd(), line.as_bytes()).map_err(io::Error::from)?;
        if written < line.len() {
            let text = format!(
                "the app does not read its standard input: {written} of {} bytes fit",
                line.len()
            );
            return Err(io::Error::new(io::ErrorKind::WouldBlock, text).into());
        }
        Ok(())
    }

    /// Signals the process itself, if it runs.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let record = self.record();
        record
            .live
            .as_ref()
            .map_or(Ok(()), |live| live.handle.signal(signal))
    }

    /// Resident memory in bytes and use of one processor in percent since the last measurement, one decimal; one that is
    /// fresh stands.
    pub fn measure(&self) -> (u64, f64) {
        let mut record = self.record();
        if record.status != Status::Online {
            return (0, 0.0);
        }
        let now = Instant::now();
        if let Some(fresh) = record.measured.filter(|last| last.is_fresh(now)) {
            return fresh.figures();
        }
        let Some(usage) = usage::usage(record.pid) else {
            return (0, 0.0);
        };
        let measured = Measured::new(now, usage, record.measured.as_ref());
        record.measured = Some(measured);
        measured.figures()
    }

    async fn ask(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<(), ProcessError>>) -> Command,
    ) -> Result<(), ProcessError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_| ProcessError::Deleted)?;
        answer.await.unwrap_or(Err(ProcessError::Deleted))
    }
}
