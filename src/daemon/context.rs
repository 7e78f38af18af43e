//! What every call can reach.

use std::{
    future::Future,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    calls::LastLook, limits::Limits, registry::Registry, schedule::Schedules, watches::Watches,
};
use crate::{
    app::dump,
    bus::Journal,
    home::Home,
    process::{Process, Surroundings, key},
    slot::StateSlot,
    sys::pidfd::Handle,
};

/// What a later daemon goes on counting from.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Counts {
    /// The number that the next process gets.
    #[serde(default)]
    pub next_id: u32,
    /// Subscribers that were connected.
    #[serde(default)]
    pub subscribers: usize,
}

/// A cheap handle.
#[derive(Clone)]
pub(super) struct Daemon {
    inner: Arc<Inner>,
}

struct Inner {
    home: Home,
    around: Surroundings,
    registry: Registry,
    watches: Watches,
    schedules: Schedules,
    limits: Limits,
    last_look: LastLook,
    started: Instant,
    end: CancellationToken,
    leave: CancellationToken,
    connections: TaskTracker,
    subscribers: TaskTracker,
    /// Counts that a later daemon goes on from.
    counts: StateSlot,
    /// Who is signalled last of all.
    farewell: Mutex<Option<Handle>>,
}

impl Daemon {
    pub(super) fn new(
        home: Home,
        around: Surroundings,
        counts: StateSlot,
        schedules: Schedules,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                home,
                around,
                registry: Registry::default(),
                watches: Watches::default(),
                schedules,
                limits: Limits::default(),
                last_look: LastLook::default(),
                farewell: Mutex::new(None),
                started: Instant::now(),
                end: CancellationToken::new(),
                leave: CancellationToken::new(),
                connections: TaskTracker::new(),
                subscribers: TaskTracker::new(),
                counts,
            }),
        }
    }

    pub(super) fn home(&self) -> &Home {
        &self.inner.home
    }

    pub(super) fn around(&self) -> &Surroundings {
        &self.inner.around
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.inner.around.journal
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    pub(super) fn watches(&self) -> &Watches {
        &self.inner.watches
    }

    pub(super) fn schedules(&self) -> &Schedules {
        &self.inner.schedules
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(super) fn last_look(&self) -> &LastLook {
        &self.inner.last_look
    }

    /// Minds what the process declares and nobody else does for it: its schedule and its limit.
    pub(super) fn mind(&self, process: &Process) {
        self.schedule_as_declared(process);
        self.limit_as_declared(process);
    }

    /// Forgets a process that was deleted; nothing if it is forgotten, and its number another's, already.
    pub(super) fn forget(&self, process: &Process) {
        let id = process.record().pm_id;
        if self.registry().remove(id, process) {
            self.watches().forget(id);
            self.unschedule(id);
            self.limits().forget(id);
            self.around().primary.forget_seat(id);
            self.around().keeper.forget(&key(id));
        }
    }

    /// Keeps the counts for a later daemon, after one of them has changed.
    pub(super) fn note_counts(&self) {
        let counts = Counts {
            next_id: self.registry().next_id(),
            subscribers: self.subscribers().len(),
        };
        let text = serde_json::to_vec(&counts).unwrap_or_default();
        if let Err(error) = self.inner.counts.write(&text) {
            self.journal()
                .error(format!("cannot keep the daemon's counts: {error}"));
        }
    }

    /// Makes [`super::run`] leave everything to the next daemon.
    pub(super) fn leave(&self) {
        self.inner.leave.cancel();
    }

    /// Done once everything is to be left to the next daemon.
    pub(super) fn leaving(&self) -> impl Future<Output = ()> + use<> {
        self.inner.leave.clone().cancelled_owned()
    }

    /// Whether everything is being left to the next daemon.
    pub(super) fn is_leaving(&self) -> bool {
        self.inner.leave.is_cancelled()
    }

    /// Whether the daemon is to end.
    pub(super) fn is_ending(&self) -> bool {
        self.inner.end.is_cancelled()
    }

    /// The tasks that serve clients.
    pub(super) fn connections(&self) -> &TaskTracker {
        &self.inner.connections
    }

    /// The tasks that write to subscribers.
    pub(super) fn subscribers(&self) -> &TaskTracker {
        &self.inner.subscribers
    }

    /// How long the daemon has run.
    pub(super) fn uptime(&self) -> std::time::Duration {
        self.inner.started.elapsed()
    }

    /// From now on no app is restarted.
    pub(super) fn close_for_restarts(&self) {
        self.inner.around.closing.cancel();
    }

    /// Makes [`super::run`] return.
    pub(super) fn end(&self) {
        self.inner.end.cancel();
    }

    /// Signals the caller of `killMe` (SIGQUIT) when sockets and pid file are gone: that is what it waits for.
    pub(super) fn bid_farewell_to(&self, pid: i32) {
        *self
            .inner
            .farewell
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Handle::open(pid);
    }

    /// Who waits for our end.
    pub(super) fn farewell(&self) -> Option<Handle> {
        self.inner
            .farewell
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Done once the daemon is to end.
    pub(super) fn ending(&self) -> impl Future<Output = ()> + use<> {
        self.inner.end.clone().cancelled_owned()
    }

    /// SIGTERM, SIGINT and SIGQUIT end the apps and the daemon; SIGUSR2 opens the logs again.
    pub(super) fn install_signals(&self) -> io::Result<()> {
        for (kind, name) in [
            (SignalKind::terminate(), "SIGTERM"),
            (SignalKind::interrupt(), "SIGINT"),
            (SignalKind::quit(), "SIGQUIT"),
        ] {
            let mut received = signal(kind)?;
            let daemon = self.clone();
            tokio::spawn(async move {
                if received.recv().await.is_some() {
                    daemon.killed_by(name).await;
                }
            });
        }
        let mut reopen = signal(SignalKind::user_defined2())?;
        let daemon = self.clone();
        tokio::spawn(async move {
            while reopen.recv().await.is_some() {
                daemon.reopen_logs().await;
            }
        });
        Ok(())
    }

    /// Opens every log file again.
    pub(super) async fn reopen_logs(&self) {
        self.journal().reopen();
        for process in self.registry().all() {
            // One that is deleted meanwhile has no log any more.
            let _ = process.reopen_logs().await;
        }
    }

    async fn killed_by(&self, name: &str) {
        self.journal().info(format!(
            "pm2 has been killed by signal {name}, stopping all apps before the daemon ends"
        ));
        self.say_killed(&format!("pm2 has been killed by {name}"));
        self.dump();
        self.stop_all().await;
        self.end();
    }

    /// Saves the list, unless it is empty, for `resurrect`.
    fn dump(&self) {
        let processes = self.registry().all();
        if processes.is_empty() {
            return;
        }
        let text = dump::text(processes.iter().map(|process| process.record().env()));
        if let Err(error) = dump::write(self.home(), &text) {
            let path = self.home().dump();
            self.journal().error(format!(
                "cannot save the list to {}: {error}",
                path.display()
            ));
        }
    }

    /// Tells the bus that the daemon ends.
    pub(super) fn say_killed(&self, message: &str) {
        let payload = serde_json::json!({ "status": "killed", "msg": message });
        self.around()
            .bus
            .publish("pm2:kill", &[payload.to_string().as_bytes()]);
    }

    /// Ends every app, all at once.
    pub(super) async fn stop_all(&self) {
        let mut stops = tokio::task::JoinSet::new();
        for process in self.registry().all() {
            stops.spawn(async move { process.delete().await });
        }
        stops.join_all().await;
    }
}
