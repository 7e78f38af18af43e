//! Becoming the daemon: what the keeper hands over, the log, and the word to whoever launched us.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use nix::sys::signal::Signal;
use tokio::{net::UnixListener, runtime::Builder};
use tokio_util::sync::CancellationToken;

use super::{
    After,
    context::{Counts, Daemon},
    owner,
    rest::come_to_rest,
    run,
    schedule::Schedules,
    takeover::Estate,
};
use crate::{
    bus::{Bus, Journal},
    cluster::{Keep, KeepFuture, Primary},
    home::{Home, HomeError, write_private},
    keeper::{Inventory, Keeper},
    process::{AgentFile, Surroundings, TRANSIT_KEPT, Transit},
    protocol::{READY, rpm2_version},
    slot::StateSlot,
    sys::{allocator, descriptor, pidfd::Handle, signals},
};

/// Why there is no daemon.
#[derive(Debug, thiserror::Error)]
enum StartError {
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

pub(super) fn main() -> ExitCode {
    match Home::from_env()
        .map_err(StartError::from)
        .and_then(|home| serve(&home))
    {
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
    descriptor::raise_limit();
    allocator::return_late();
    signals::survive_file_size_limit();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let Some(end) = runtime.block_on(serve_async(home))? else {
        // Not one more task may run: all is the next daemon's.
        return Ok(());
    };
    // What clients wait for goes first, then the one that asked for the end, then the keeper and we.
    for path in [home.rpc_socket(), home.pub_socket(), home.pid_file()] {
        let _ = fs::remove_file(path);
    }
    if let Some(caller) = end.farewell {
        let _ = caller.signal(Signal::SIGQUIT);
    }
    // A keeper that is gone has nothing left to end.
    let _ = runtime.block_on(end.keeper.finish());
    Ok(())
}

/// What is left to do when the daemon has ended its work.
struct End {
    keeper: Keeper,
    farewell: Option<Handle>,
}

/// `None` if everything was left to the next daemon.
async fn serve_async(home: &Home) -> Result<Option<End>, StartError> {
    let (keeper, inventory) = Keeper::connect().await?;
    let Inventory {
        generation,
        mut kept,
        alive,
        exits,
    } = inventory;
    let bus = Bus::new();
    let log = home.daemon_log();
    let journal = Journal::open(log.clone(), bus.clone()).map_err(file_error("open", &log))?;
    let rpc = listener(kept.remove("rpc"))?;
    let events = listener(kept.remove("pub"))?;
    let conf = home.module_conf();
    if !conf.exists() {
        write_private(&conf, b"{}").map_err(file_error("write", &conf))?;
    }
    let belongs_to = kept.remove(owner::KEPT);
    let (counts, before) = counts(&mut kept, &keeper).await?;
    let primary = kept_primary(generation, &mut kept, &keeper, &journal).await?;
    let schedules = Schedules::restore(kept_slot(&mut kept, &keeper, "schedules").await?);
    let transit = kept_transit(&mut kept, &keeper, &journal).await;
    let around = Surroundings {
        bus,
        journal,
        keeper: keeper.clone(),
        primary,
        transit,
        agent: Arc::new(AgentFile::new(home.root())),
        listening: CancellationToken::new(),
        closing: CancellationToken::new(),
        leaving: CancellationToken::new(),
    };
    let daemon = Daemon::new(home.clone(), around, counts, schedules);
    daemon.install_signals()?;
    if generation == 0 {
        introduce(&daemon);
        daemon.around().listening.cancel();
    } else {
        let count = alive.len();
        daemon.journal().error(format!(
            "the daemon before this one ended; {count} running processes are taken over"
        ));
        daemon.registry().count_from(before.next_id);
        daemon.take_over(Estate { kept, alive, exits });
        daemon.around().primary.settle();
        let daemon = daemon.clone();
        tokio::spawn(async move { daemon.reopen(&before, generation).await });
    }
    if let Some(socket) = belongs_to {
        owner::end_with(&daemon, socket)?;
    }
    keeper.up().await?;
    say(READY);
    release_output(&log);
    tokio::spawn(mourn(daemon.clone()));
    tokio::spawn(come_to_rest(daemon.clone()));
    if run(daemon.clone(), rpc, events).await == After::Next {
        return Ok(None);
    }
    daemon.journal().info("PM2 successfully stopped");
    Ok(Some(End {
        keeper,
        farewell: daemon.farewell(),
    }))
}

/// Says loudly that the keeper is gone, for nothing can be started any more.
async fn mourn(daemon: Daemon) {
    daemon.around().keeper.lost().await;
    daemon.journal().error(
        "the keeper (the parent of all apps) is gone: apps run on, but none can be started or restarted, and their \
         exit codes are not known; end everything with `rpm2 kill` when it suits you, and start it again",
    );
}

/// A listening socket that the keeper has bound.
fn listener(fd: Option<OwnedFd>) -> Result<UnixListener, StartError> {
    let fd = fd.ok_or_else(|| {
        io::Error::new(io::ErrorKind::NotFound, "the keeper handed no socket over")
    })?;
    let listener = std::os::unix::net::UnixListener::from(fd);
    listener.set_nonblocking(true)?;
    Ok(UnixListener::from_std(listener)?)
}

/// The counts of the daemon before us, and where to keep ours.
async fn counts(
    kept: &mut BTreeMap<String, OwnedFd>,
    keeper: &Keeper,
) -> Result<(StateSlot, Counts), StartError> {
    let slot = kept_slot(kept, keeper, "daemon").await?;
    let before = slot
        .read()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    Ok((slot, before))
}

/// The slot of this name: the kept one, or a new one that is kept from now on.
async fn kept_slot(
    kept: &mut BTreeMap<String, OwnedFd>,
    keeper: &Keeper,
    name: &str,
) -> Result<StateSlot, StartError> {
    if let Some(fd) = kept.remove(name) {
        return Ok(StateSlot::open(fd));
    }
    let slot = StateSlot::create(name)?;
    keeper.keep(name, slot.as_fd()).await?;
    Ok(slot)
}

/// What the apps' output goes through: the kept one with what is in it, or a new one that is kept from now on.
async fn kept_transit(
    kept: &mut BTreeMap<String, OwnedFd>,
    keeper: &Keeper,
    journal: &Journal,
) -> Transit {
    if let [Some(memory), Some(out), Some(into)] = TRANSIT_KEPT.map(|name| kept.remove(name)) {
        match Transit::resume([memory, out, into]) {
            Ok(transit) => return transit,
            Err(error) => journal.error(format!(
                "what the daemon before this one had read of the apps' output cannot be read: {error}"
            )),
        }
    }
    match new_transit(keeper).await {
        Ok(transit) => transit,
        Err(error) => {
            if cfg!(target_os = "linux") {
                journal.error(format!("output may be lost when the daemon dies: {error}"));
            }
            Transit::plain()
        }
    }
}

async fn new_transit(keeper: &Keeper) -> io::Result<Transit> {
    let transit = Transit::create()?;
    for (name, part) in TRANSIT_KEPT.iter().zip(transit.parts()?) {
        keeper.keep(name, part.as_fd()).await?;
    }
    Ok(transit)
}

/// Node's cluster primary: a new one, or the one before with its listeners.
async fn kept_primary(
    generation: u32,
    kept: &mut BTreeMap<String, OwnedFd>,
    keeper: &Keeper,
    journal: &Journal,
) -> Result<Primary, StartError> {
    let slot = kept_slot(kept, keeper, "cluster").await?;
    let (listeners, rest) = std::mem::take(kept)
        .into_iter()
        .partition(|(name, _)| name.starts_with('l'));
    *kept = rest;
    let state = slot.read();
    let keep: Arc<dyn Keep> = Arc::new(ClusterKeep {
        keeper: keeper.clone(),
        slot,
        journal: journal.clone(),
    });
    let Some(state) = state else {
        return Ok(Primary::with_keep(generation, keep));
    };
    Ok(
        Primary::restore(generation, &state, listeners, Arc::clone(&keep)).unwrap_or_else(
            |error| {
                journal.error(format!(
                    "the state of the cluster cannot be read, its listeners are lost: {error}"
                ));
                Primary::with_keep(generation, keep)
            },
        ),
    )
}

/// Has the keeper hold the cluster's listeners, and its state.
struct ClusterKeep {
    keeper: Keeper,
    slot: StateSlot,
    journal: Journal,
}

impl Keep for ClusterKeep {
    fn listener(&self, name: &str, socket: BorrowedFd<'_>) -> KeepFuture {
        let (keeper, name, copy) = (
            self.keeper.clone(),
            name.to_owned(),
            socket.try_clone_to_owned(),
        );
        Box::pin(async move { keeper.keep(&name, copy?.as_fd()).await })
    }

    fn forget(&self, name: &str) {
        self.keeper.forget(name);
    }

    fn save(&self, state: &[u8]) {
        if let Err(error) = self.slot.write(state) {
            self.journal
                .error(format!("cannot keep the state of the cluster: {error}"));
        }
    }
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
        crate::sys::local_time::now().strftime("%a %b %d %Y %H:%M:%S GMT%z (%Z)")
    ));
    journal.info(format!("rpm2 version         : {}", rpm2_version()));
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
