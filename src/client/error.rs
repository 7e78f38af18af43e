//! What can go wrong for a client.

use std::{io, path::PathBuf};

use crate::{
    app::{DeclarationErrors, settings::SettingsError},
    home::HomeError,
    protocol::{call::CallError, frame::FrameError},
};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The home directory cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A socket is there, but we may not speak on it.
    #[error(
        "cannot connect to the daemon at {path}: {source}; is it another user's? set RPM2_HOME to a folder you own"
    )]
    Connect {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The daemon could not be started.
    #[error("cannot start the daemon: {reason}")]
    Launch {
        /// The daemon's own words, or the system's.
        reason: String,
    },
    /// The daemon dies again and again. The apps run on.
    #[error("{reason}; the apps run on; `rpm2 kill` stops everything")]
    Down {
        /// The keeper's words.
        reason: String,
    },
    /// A file of the home, or a log, could not be used.
    #[error("cannot {what} {path}: {source}; check its permissions and the free space")]
    File {
        /// What was to be done with it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Settings could not be read or written.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Only root may do it.
    #[error(
        "To {} the Startup Script, copy/paste the following command:\n{command}",
        if *verb == "startup" { "setup" } else { "unsetup" }
    )]
    NotRoot {
        /// `startup` or `unstartup`.
        verb: &'static str,
        /// What to run as root.
        command: String,
    },
    /// The connection ended while a call was on its way.
    #[error(
        "the daemon was lost during `{method}`: the call may or may not have taken effect; check with `rpm2 list` \
         and try again"
    )]
    Lost {
        /// The call.
        method: String,
    },
    /// The daemon left to the next one without having read the call. [`super::Session::call`] asks the next one.
    #[error(
        "the daemon left to the next one before it read `{method}`, which has had no effect; try again"
    )]
    Unread {
        /// The call.
        method: String,
    },
    /// The session was closed by its owner.
    #[error("the session is closed")]
    Closed,
    /// The daemon refused the call.
    #[error("{0}")]
    Refused(String),
    /// A message is larger than what passes.
    #[error("the message of {size} bytes is over the limit of {limit} bytes; nothing was sent")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A frame could not be written.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A reply could not be read.
    #[error("the daemon's reply to `{method}` cannot be read: {source}")]
    Reply {
        /// The call.
        method: String,
        /// What is wrong with it.
        source: CallError,
    },
    /// There is no such file of apps.
    #[error("ENOENT: no such file or directory, open '{path}'")]
    NoFile {
        /// The file.
        path: String,
    },
    /// Another reload has not ended yet.
    #[error("Reload in progress")]
    Reloading {
        /// After so many seconds it is taken for dead.
        seconds: u64,
    },
    /// A verb was called with arguments it cannot use.
    #[error("{0}")]
    Usage(String),
    /// An app is declared wrongly; nothing was started.
    #[error("{0}")]
    Attributes(DeclarationErrors),
    /// Several things failed at once; the rest was done, with this result.
    #[error("{}", messages.join("; "))]
    Several {
        /// What failed.
        messages: Vec<String>,
        /// JSON of what succeeded.
        result: Option<Box<serde_json::value::RawValue>>,
    },
}

impl ClientError {
    /// Whether the daemon cannot be spoken to, so that further calls would fail too.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::Home(_)
                | Self::Connect { .. }
                | Self::Launch { .. }
                | Self::Down { .. }
                | Self::Lost { .. }
                | Self::Unread { .. }
                | Self::Closed
        )
    }

    /// A short constant name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Home(_) => "RPM2_HOME",
            Self::Connect { .. } => "RPM2_CONNECT",
            Self::Launch { .. } => "RPM2_LAUNCH",
            Self::Down { .. } => "RPM2_DAEMON_DOWN",
            Self::Lost { .. } | Self::Unread { .. } => "RPM2_DAEMON_LOST",
            Self::Closed => "RPM2_CLOSED",
            Self::Refused(_) => "RPM2_REFUSED",
            Self::TooLarge { .. } | Self::Frame(_) => "RPM2_TOO_LARGE",
            Self::Reply { .. } => "RPM2_PROTOCOL",
            Self::NoFile { .. } => "ENOENT",
            Self::Reloading { .. } => "RPM2_RELOADING",
            Self::Settings(SettingsError::Key(_)) | Self::Usage(_) | Self::Attributes(_) => {
                "RPM2_USAGE"
            }
            Self::NotRoot { .. } => "RPM2_NOT_ROOT",
            Self::Settings(_) | Self::File { .. } => "RPM2_FILE",
            Self::Several { .. } => "RPM2_SEVERAL",
        }
    }
}
