//! A session: one caller's view of one home's daemon.

use std::{
    io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::value::RawValue;
use tokio::{io::AsyncReadExt, sync::watch};

use super::{
    ClientError, Progress, Subscription, connection::Connection, launch, launch::Belongs,
    verbs::modules,
};
use crate::{app::Caller, home::Home};

/// Where a session works and with what.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// Who calls: home, working directory, environment and Node.
    pub caller: Caller,
    /// Executable that is launched as the daemon.
    pub binary: PathBuf,
}

/// Methods that change nothing.
pub(super) const READ_ONLY: [&str; 4] = ["getMonitorData", "getReport", "getVersion", "ping"];

/// So many daemons in a row may leave without having read a call.
const UPDATES: u32 = 10;

/// What connecting found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connected {
    /// Whether the daemon was launched just now.
    pub launched: bool,
}

/// Who is told what a verb is doing.
type Observer = Arc<dyn Fn(&Progress) + Send + Sync>;

struct Inner {
    home: Home,
    binary: PathBuf,
    connection: Mutex<Option<Connection>>,
    /// One launch at a time; the others find its result.
    connecting: tokio::sync::Mutex<()>,
    warnings: Mutex<Vec<String>>,
    observer: Mutex<Option<Observer>>,
    /// Whether a daemon that is launched ends with this process.
    owns: AtomicBool,
    /// Whether such a daemon lives.
    owned: watch::Sender<bool>,
}

/// A cheap handle. Connects on the first call and again after the daemon was lost.
#[derive(Clone)]
pub struct Session {
    caller: Arc<Caller>,
    inner: Arc<Inner>,
}

impl Session {
    /// A session that has not connected yet. Does nothing else.
    pub fn new(options: SessionOptions) -> Self {
        let SessionOptions { caller, binary } = options;
        Self {
            inner: Arc::new(Inner {
                home: caller.home.clone(),
                binary,
                connection: Mutex::new(None),
                connecting: tokio::sync::Mutex::new(()),
                warnings: Mutex::default(),
                observer: Mutex::default(),
                owns: AtomicBool::new(false),
                owned: watch::Sender::new(false),
            }),
            caller: Arc::new(caller),
        }
    }

    /// The same session for a caller whose surroundings have changed; its home stays.
    #[must_use]
    pub fn with_caller(&self, caller: Caller) -> Self {
        Self {
            caller: Arc::new(caller),
            inner: Arc::clone(&self.inner),
        }
    }

    /// Who calls.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The daemon's home.
    pub fn home(&self) -> &Home {
        &self.inner.home
    }

    /// The executable that is launched as the daemon, and that an update goes on as.
    pub(crate) fn binary(&self) -> &Path {
        &self.inner.binary
    }

    /// Keeps what the caller should be told although nothing failed.
    pub(crate) fn warn<T: ToString>(&self, warnings: &[T]) {
        let mut kept = self
            .inner
            .warnings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        kept.extend(warnings.iter().map(ToString::to_string));
    }

    /// What the caller should be told since the last look.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(
            &mut *self
                .inner
                .warnings
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Tells `observer` what verbs are doing from now on, as they do it.
    pub fn observe(&self, observer: impl Fn(&Progress) + Send + Sync + 'static) {
        let mut kept = self
            .inner
            .observer
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *kept = Some(Arc::new(observer));
    }

    /// Tells the observer, if there is one.
    pub(crate) fn progress(&self, progress: &Progress) {
        let observer = self
            .inner
            .observer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(observer) = observer {
            observer(progress);
        }
    }

    /// Has a daemon that is launched from now on end with this process, and its apps with it; or not any more.
    pub fn set_owning(&self, owns: bool) {
        self.inner.owns.store(owns, Ordering::Relaxed);
    }

    /// Whether a daemon that is launched ends with this process.
    pub fn is_owning(&self) -> bool {
        self.inner.owns.load(Ordering::Relaxed)
    }

    /// Returns when no daemon lives that ends with this process.
    pub async fn owned_end(&self) {
        let mut owned = self.inner.owned.subscribe();
        // The sender is ours.
        let _ = owned.wait_for(|lives| !lives).await;
    }

    /// Whether a connection is there now.
    pub fn is_connected(&self) -> bool {
        self.current().is_some()
    }

    /// Connects, launching the daemon if there is none.
    pub async fn connect(&self) -> Result<Connected, ClientError> {
        let (_, launched) = self.found_or_launched().await?;
        Ok(Connected { launched })
    }

    /// Connects only if a daemon is there.
    pub async fn connect_running(&self) -> Result<bool, ClientError> {
        if self.current().is_some() {
            return Ok(true);
        }
        let found = launch::connect(self.home()).await?;
        let running = found.is_some();
        self.keep(found);
        Ok(running)
    }

    /// Calls a method of the daemon with `args` (each the JSON text of one argument).
    pub async fn call(
        &self,
        method: &str,
        args: &[&str],
    ) -> Result<Option<Box<RawValue>>, ClientError> {
        let mut left = 0;
        loop {
            let result = self.connection().await?.call(method, args).await;
            match result {
                // A daemon that is just dying still accepts. What changes nothing may as well be asked again, and
                // what a daemon that leaves has not read has changed nothing.
                Err(ClientError::Lost { .. }) if left == 0 && READ_ONLY.contains(&method) => {}
                Err(ClientError::Unread { .. }) if left < UPDATES => {}
                result => return result,
            }
            left += 1;
        }
    }

    /// Calls a method that never answers.
    pub async fn tell(&self, method: &str, arg: &str) -> Result<(), ClientError> {
        self.connection().await?.tell(method, arg).await
    }

    /// Calls a method and reads its result; no result reads as `null`.
    pub async fn call_as<T: serde::de::DeserializeOwned>(
        &self,
        method: &str,
        args: &[&str],
    ) -> Result<T, ClientError> {
        let result = self.call(method, args).await?;
        let text = result.as_deref().map_or("null", RawValue::get);
        serde_json::from_str(text).map_err(|error| ClientError::Reply {
            method: method.to_owned(),
            source: error.into(),
        })
    }

    /// Every event of the daemon from now on; waits for a daemon, and reconnects to it, for ever.
    pub fn subscribe(&self) -> Subscription {
        Subscription::open(self.home().pub_socket())
    }

    /// Ends the connection. A later call connects again.
    pub fn close(&self) {
        self.keep(None);
    }

    async fn connection(&self) -> Result<Connection, ClientError> {
        Ok(self.found_or_launched().await?.0)
    }

    /// The connection, and whether the daemon was launched for it just now.
    async fn found_or_launched(&self) -> Result<(Connection, bool), ClientError> {
        if let Some(connection) = self.current() {
            return Ok((connection, false));
        }
        let turn = self.inner.connecting.lock().await;
        if let Some(connection) = self.current() {
            return Ok((connection, false));
        }
        let belongs = if self.is_owning() {
            Belongs::ToUs
        } else {
            Belongs::ToAll
        };
        let reached = launch::connect_or_launch(self.home(), &self.inner.binary, belongs).await?;
        if let Some(socket) = reached.owned {
            self.hold(socket)?;
        }
        self.keep(Some(reached.connection.clone()));
        drop(turn);
        if reached.launched {
            // Boxed: starting them calls the daemon, which comes here again.
            Box::pin(modules::start_all(self)).await;
        }
        Ok((reached.connection, reached.launched))
    }

    /// Holds the socket of a daemon that ends with us, also when the session is forgotten, until the daemon has ended.
    fn hold(&self, socket: UnixStream) -> Result<(), ClientError> {
        let failed = |error: io::Error| ClientError::Launch {
            reason: error.to_string(),
        };
        socket.set_nonblocking(true).map_err(failed)?;
        let mut socket = tokio::net::UnixStream::from_std(socket).map_err(failed)?;
        let owned = self.inner.owned.clone();
        owned.send_replace(true);
        tokio::spawn(async move {
            let mut nothing = [0; 64];
            // It never says anything.
            while socket.read(&mut nothing).await.is_ok_and(|count| count > 0) {}
            owned.send_replace(false);
        });
        Ok(())
    }

    fn current(&self) -> Option<Connection> {
        let connection = self
            .inner
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        connection.clone().filter(Connection::is_open)
    }

    fn keep(&self, connection: Option<Connection>) {
        *self
            .inner
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = connection;
    }
}
