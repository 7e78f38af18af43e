//! Taking a home: the lock, the sockets, the pid file; and leaving it.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::OwnedFd,
        unix::{
            fs::{OpenOptionsExt, PermissionsExt},
            net::{UnixListener, UnixStream},
        },
    },
    path::Path,
};

use crate::{
    home::{Home, HomeError, write_private},
    protocol::BUSY,
    sys::descriptor,
};

/// Why a home cannot be served.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeeperError {
    #[error("{BUSY}")]
    Busy,
    #[error(transparent)]
    Home(#[from] HomeError),
    #[error(
        "cannot {what} {path}: {source}; check permissions and free space, or set RPM2_HOME to another folder"
    )]
    File {
        what: &'static str,
        path: String,
        source: io::Error,
    },
    #[error("the system refuses what the daemon needs: {0}")]
    System(#[from] io::Error),
}

fn file_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeeperError {
    let path = path.display().to_string();
    move |source| KeeperError::File { what, path, source }
}

/// A home that is ours.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) lock: OwnedFd,
    pub(super) rpc: OwnedFd,
    pub(super) events: OwnedFd,
}

/// Takes the home. The lock is held as long as its descriptor is open, over `exec` too.
pub(super) fn open(home: &Home) -> Result<Opened, KeeperError> {
    let lock = take_lock(&home.lock_file())?;
    let rpc = bind(&home.rpc_socket())?;
    let events = bind(&home.pub_socket()).inspect_err(|_| {
        let _ = fs::remove_file(home.rpc_socket());
    })?;
    let pid_file = home.pid_file();
    write_private(&pid_file, std::process::id().to_string().as_bytes()).map_err(|source| {
        leave(home);
        file_error("write", &pid_file)(source)
    })?;
    Ok(Opened { lock, rpc, events })
}

/// Removes what tells others that somebody serves here.
pub(super) fn leave(home: &Home) {
    for path in [home.rpc_socket(), home.pub_socket(), home.pid_file()] {
        let _ = fs::remove_file(path);
    }
}

fn take_lock(path: &Path) -> Result<OwnedFd, KeeperError> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(file_error("open", path))?;
    if descriptor::lock(&file).map_err(file_error("lock", path))? {
        Ok(file.into())
    } else {
        Err(KeeperError::Busy)
    }
}

/// Binds a socket for its owner alone. We hold the lock, so one that is there is a dead keeper's; a living one that
/// does not know of the lock (pm2 itself) is left alone.
fn bind(path: &Path) -> Result<OwnedFd, KeeperError> {
    if path.exists() {
        if UnixStream::connect(path).is_ok() {
            return Err(KeeperError::Busy);
        }
        fs::remove_file(path).map_err(file_error("replace the stale socket", path))?;
    }
    let listener = UnixListener::bind(path).map_err(file_error("bind", path))?;
    listener.set_nonblocking(true)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .map_err(file_error("secure", path))?;
    Ok(listener.into())
}

/// Opens (makes) a file for its owner alone to append to.
pub(super) fn append_private(path: &Path) -> io::Result<File> {
    private(OpenOptions::new().append(true), path)
}

fn private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.create(true).mode(0o600).open(path)
}
