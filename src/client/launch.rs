//! Launching the daemon: one, however many clients want it at once.

use std::{
    io::{ErrorKind, Read},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::{ClientError, connection::Connection};
use crate::{
    home::Home,
    protocol::{BUSY, READY},
};

/// A daemon that is leaving may hold the lock this long.
const DEADLINE: Duration = Duration::from_secs(15);
/// A daemon that has died and is about to be started again is waited for so long.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks whether the daemon that another client launched is ready.
const PAUSE: Duration = Duration::from_millis(5);
/// A failing daemon explains itself in no more than this many bytes.
const REASON_LIMIT: u64 = 64 * 1024;

/// What became of a launch.
enum Launched {
    /// The daemon is ready.
    Ready,
    /// Another daemon holds the lock: one that starts or one that leaves.
    Busy,
}

/// Connects to the daemon of `home`; `None` if there is none.
pub(super) async fn connect(home: &Home) -> Result<Option<Connection>, ClientError> {
    home.check()?;
    let path = home.rpc_socket();
    // The keeper holds the socket also while the daemon cannot be kept alive: nobody would answer.
    if let Ok(reason) = std::fs::read_to_string(home.down_file()) {
        return Err(ClientError::Down {
            reason: reason.trim().to_owned(),
        });
    }
    match Connection::open(&path).await {
        Ok(connection) => Ok(Some(connection)),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(source) => Err(ClientError::Connect { path, source }),
    }
}

/// Whose daemon is launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Belongs {
    /// Everybody's: it outlives us.
    ToAll,
    /// Ours: it ends with us.
    ToUs,
}

/// A connection, and how it came about.
pub(super) struct Reached {
    /// The connection.
    pub connection: Connection,
    /// Whether the daemon was launched here.
    pub launched: bool,
    /// Our end of the socket to a daemon that ends with us: closed there when it has ended.
    pub owned: Option<UnixStream>,
}

/// Connects to the daemon of `home`, launching it with `binary` if there is none.
pub(super) async fn connect_or_launch(
    home: &Home,
    binary: &Path,
    belongs: Belongs,
) -> Result<Reached, ClientError> {
    let deadline = Instant::now() + DEADLINE;
    let patience = Instant::now() + PATIENCE;
    loop {
        match connect(home).await {
            Ok(Some(connection)) => {
                return Ok(Reached {
                    connection,
                    launched: false,
                    owned: None,
                });
            }
            Ok(None) => {}
            // It is being started again, most often in an instant.
            Err(ClientError::Down { .. }) if Instant::now() < patience => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(error) => return Err(error),
        }
        home.create()?;
        let (owned, theirs) = owner_socket(belongs)?;
        match launch(home, binary, theirs)? {
            Launched::Ready => {
                if let Some(connection) = connect(home).await? {
                    return Ok(Reached {
                        connection,
                        launched: true,
                        owned,
                    });
                }
            }
            Launched::Busy => tokio::time::sleep(PAUSE).await,
        }
        if Instant::now() > deadline {
            let reason = format!(
                "another daemon holds {} but does not answer; see {}",
                home.lock_file().display(),
                home.daemon_log().display()
            );
            return Err(ClientError::Launch { reason });
        }
    }
}

/// Our end and the daemon's of the socket that tells it of our end.
fn owner_socket(belongs: Belongs) -> Result<(Option<UnixStream>, Option<OwnedFd>), ClientError> {
    if belongs == Belongs::ToAll {
        return Ok((None, None));
    }
    let (ours, theirs) = UnixStream::pair().map_err(|error| ClientError::Launch {
        reason: error.to_string(),
    })?;
    Ok((Some(ours), Some(theirs.into())))
}

/// Starts the daemon and waits for its word: it says it on its standard output, which it then lets go.
fn launch(home: &Home, binary: &Path, owner: Option<OwnedFd>) -> Result<Launched, ClientError> {
    let failed = |reason: String| ClientError::Launch { reason };
    let mut child = Command::new(binary)
        .arg("keeper")
        .args(owner.as_ref().map(|_| "--owned"))
        .env("RPM2_HOME", home.root())
        // What systemd says to the program that it started is not for those that this one starts.
        .env_remove("NOTIFY_SOCKET")
        .env_remove("WATCHDOG_USEC")
        .env_remove("WATCHDOG_PID")
        .current_dir("/")
        .stdin(owner.map_or_else(Stdio::null, Stdio::from))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| {
            failed(format!(
                "{}: {error}; reinstall rpm2 or set RPM2_BINARY",
                binary.display()
            ))
        })?;
    let mut said = String::new();
    if let Some(output) = child.stdout.take() {
        // Ends when the daemon is ready or dead; what it said before an error of the pipe still counts.
        let _ = output.take(REASON_LIMIT).read_to_string(&mut said);
    }
    // The process we started is only the daemon's parent, gone at once.
    let _ = child.wait();
    match said.trim() {
        READY => Ok(Launched::Ready),
        BUSY => Ok(Launched::Busy),
        "" => Err(failed(format!(
            "it ended without a word; see {}",
            home.daemon_log().display()
        ))),
        reason => Err(failed(reason.to_owned())),
    }
}
