//! What a process can be asked to do, and what may go wrong.

use nix::errno::Errno;
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::retire::Told;
use crate::{channel::ChannelError, sys::spawn::SpawnError};

/// Where the answer to a command goes, once its effect is there.
pub(super) type Reply = oneshot::Sender<Result<(), ProcessError>>;

/// A command to a process's task.
pub(super) enum Command {
    /// Start it if it does not run.
    Start(Reply),
    /// End it.
    Stop(Reply),
    /// End it if it runs, then start it.
    Restart(Box<Restart>, Reply),
    /// End it and the task with it.
    Delete(Reply),
    /// Put another run in its place.
    Reload(Box<Reload>, Told),
    /// Let it finish what it serves, end it, and the task with it.
    Retire(Reply),
    /// Open its log files again.
    ReopenLogs(Reply),
}

/// How to reload.
#[derive(Debug, Default)]
pub struct Reload {
    /// What is changed in `pm2_env` of the replacement.
    pub change: Change,
    /// Whether the old run is asked with a message before it is signalled.
    pub gently: bool,
}

/// How to restart.
#[derive(Debug, Default)]
pub struct Restart {
    /// What is changed in `pm2_env` between the end and the start.
    pub change: Change,
}

/// Changes of `pm2_env`.
#[derive(Debug, Default)]
pub struct Change {
    /// Members to set; `null` removes one.
    pub set: Map<String, Value>,
}

impl ProcessError {
    /// Whether the system lacked the means (processes, descriptors, memory), which may be there again later.
    pub(super) fn is_passing(&self) -> bool {
        let (Self::Spawn {
            source: SpawnError { source, .. },
            ..
        }
        | Self::Io(source)
        | Self::Log { source, .. }) = self
        else {
            return false;
        };
        let lacking = [Errno::EAGAIN, Errno::ENOMEM, Errno::EMFILE, Errno::ENFILE];
        source
            .raw_os_error()
            .is_some_and(|number| lacking.contains(&Errno::from_raw(number)))
    }
}

/// Why a process cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It runs already.
    #[error("process already online")]
    AlreadyOnline,
    /// It did not end, not even by SIGKILL.
    #[error("process {name} (pid {pid}) is still alive after SIGKILL")]
    Unkillable {
        /// Its name.
        name: String,
        /// Its process id.
        pid: i32,
    },
    /// It ended before it was ready.
    #[error("{name} ended before it was online ({how}); see {log}")]
    Died {
        /// Its name.
        name: String,
        /// Exit code or signal.
        how: String,
        /// Where its last words are.
        log: String,
    },
    /// It cannot be replaced, only restarted: it is no cluster app, or does not run.
    #[error("{0} cannot be reloaded: it is not an online cluster app")]
    NotReloadable(String),
    /// A reload of it is under way.
    #[error("Reload already in progress for process id {0}, retry later")]
    Reloading(u32),
    /// The replacement did not come up.
    #[error(
        "{name}: the new process {how}; it is removed, and the old one (pid {pid}) serves on; see {log}"
    )]
    NotReplaced {
        /// The app's name.
        name: String,
        /// What went wrong.
        how: String,
        /// Process id of the one that stays.
        pid: i32,
        /// Where the replacement's last words are.
        log: String,
    },
    /// Another command took its place.
    #[error("superseded: {0}")]
    Superseded(&'static str),
    /// It was deleted meanwhile.
    #[error("the process was deleted")]
    Deleted,
    /// A log file cannot be written.
    #[error("{code}: cannot open log file {path}: {source}")]
    Log {
        /// The system's short name of the error, as Node shows it (`ENOENT`).
        code: String,
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// What to run cannot be told from its attributes.
    #[error("{0}")]
    Attributes(String),
    /// It cannot be started.
    #[error("cannot start {program}: {source}")]
    Spawn {
        /// The program.
        program: String,
        /// What the system said.
        source: SpawnError,
    },
    /// A pipe, channel or file of ours failed.
    #[error("cannot start the process: {0}")]
    Io(#[from] std::io::Error),
    /// Its channel takes no message.
    #[error(transparent)]
    Channel(#[from] ChannelError),
}
