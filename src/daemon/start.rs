//! Becoming the daemon: the lock, the sockets, the log, and the word to whoever launched us.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    process::ExitCode,
};

use nix::{
    fcntl::{Flock, FlockArg},
    sys::signal::Signal,
};
use tokio::{net::UnixListener, runtime::Builder};

use super::{context::Daemon, run};
use crate::{
    bus::{Bus, Journal},
    client::{BUSY, READY},
    cluster::Primary,
    home::{Home, HomeError},
    process::{Reaper, Surroundings},
    sys::{descriptor, pidfd::Handle, spawn},
};

/// Why there is no daemon.
#[derive(Debug, thiserror::Error)]
enum StartError {
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

fn file_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StartError {
    let path = path.display().to_string();
    move |source| StartError::File { what, path, source }
}

pub(super) fn main(home: &Home) -> ExitCode {
    match serve(home) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// What the launcher waits for. It may have gone meanwhile.
fn say(word: &str) {
    let mut output = io::stdout();
    let _ = writeln!(output, "{word}").and_then(|()| output.flush());
}

fn serve(home: &Home) -> Result<(), StartError> {
    home.create()?;
    // First of all: the lock belongs to the process that takes it.
    spawn::detach()?;
    let lock = take_lock(&home.lock_file())?;
    descriptor::raise_limit();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let farewell = runtime.block_on(serve_async(home))?;
    for path in [home.rpc_socket(), home.pub_socket(), home.pid_file()] {
        let _ = fs::remove_file(path);
    }
    drop(lock);
    if let Some(caller) = farewell {
        let _ = caller.signal(Signal::SIGQUIT);
    }
    Ok(())
}

/// Serves until the end; returns who waits for it.
async fn serve_async(home: &Home) -> Result<Option<Handle>, StartError> {
    let bus = Bus::new();
    let log = home.daemon_log();
    let journal = Journal::open(log.clone(), bus.clone()).map_err(file_error("open", &log))?;
    let rpc = bind(&home.rpc_socket())?;
    let events = bind(&home.pub_socket())?;
    let pid_file = home.pid_file();
    write_private(&pid_file, std::process::id().to_string().as_bytes())
        .map_err(file_error("write", &pid_file))?;
    let conf = home.module_conf();
    if !conf.exists() {
        write_private(&conf, b"{}").map_err(file_error("write", &conf))?;
    }
    let reaper = Reaper::new()?;
    let around = Surroundings {
        bus,
        journal,
        reaper,
        primary: Primary::new(),
    };
    let daemon = Daemon::new(home.clone(), around);
    daemon.install_signals()?;
    introduce(&daemon);
    say(READY);
    release_output(&log);
    run(daemon.clone(), rpc, events).await;
    daemon.journal().info("PM2 successfully stopped");
    Ok(daemon.farewell())
}

/// Only one daemon holds it; the system lets it go when that one ends, however it ends.
fn take_lock(path: &Path) -> Result<Flock<File>, StartError> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(file_error("open", path))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| StartError::Busy)
}

/// Binds a socket for its owner alone. We hold the lock, so one that is there is a dead daemon's; a living one that
/// does not know of the lock (pm2 itself) is left alone.
fn bind(path: &Path) -> Result<UnixListener, StartError> {
    if path.exists() {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(StartError::Busy);
        }
        fs::remove_file(path).map_err(file_error("replace the stale socket", path))?;
    }
    let listener = UnixListener::bind(path).map_err(file_error("bind", path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .map_err(file_error("secure", path))?;
    Ok(listener)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)
}

/// Lets go of the launcher's pipe: what is printed from now on (a panic's message) goes to the log.
fn release_output(log: &Path) {
    if let Ok(file) = OpenOptions::new().append(true).open(log) {
        let _ = nix::unistd::dup2_stdout(&file).and_then(|()| nix::unistd::dup2_stderr(&file));
    }
}

/// The first lines of a daemon's log.
fn introduce(daemon: &Daemon) {
    let home = daemon.home();
    let line = "=".repeat(79);
    let journal = daemon.journal();
    journal.info(&line);
    journal.info(format!("--- New PM2 Daemon started {}", "-".repeat(52)));
    journal.info(format!(
        "Time                 : {}",
        jiff::Zoned::now().strftime("%a %b %d %Y %H:%M:%S GMT%z (%Z)")
    ));
    journal.info(format!(
        "rpm2 version         : {}",
        env!("CARGO_PKG_VERSION")
    ));
    journal.info(format!("Current arch         : {}", std::env::consts::ARCH));
    journal.info(format!("PM2 home             : {}", home.root().display()));
    journal.info(format!(
        "PM2 PID file         : {}",
        home.pid_file().display()
    ));
    journal.info(format!(
        "RPC socket file      : {}",
        home.rpc_socket().display()
    ));
    journal.info(format!(
        "BUS socket file      : {}",
        home.pub_socket().display()
    ));
    journal.info(format!("Application log path : {}", home.logs().display()));
    journal.info(format!("Process dump file    : {}", home.dump().display()));
    journal.info(&line);
}
