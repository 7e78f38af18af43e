//! The daemon's handle of its keeper: one task owns the socket, callers wait for its answers.

mod connect;
mod task;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ffi::CString,
    io,
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{mpsc, oneshot};

use super::{
    packet::Outgoing,
    wire::{Report, Request, Start},
};
use crate::sys::{
    pidfd::Handle,
    proc::Exit,
    spawn::{Program, SpawnError, Step},
};

/// A cheap handle of the process that keeps us and the apps.
#[derive(Clone, Debug)]
pub struct Keeper {
    orders: mpsc::UnboundedSender<Order>,
    exits: Exits,
}

/// Serial numbers of unacknowledged exits by process id, oldest first.
type Exits = Arc<Mutex<HashMap<i32, VecDeque<u64>>>>;

/// A request on its way, and who waits for the answer.
#[derive(Debug)]
struct Order {
    request: (u8, Vec<u8>),
    descriptors: Vec<OwnedFd>,
    answer: Option<oneshot::Sender<Answer>>,
}

/// An answer, and what came with it.
#[derive(Debug)]
struct Answer {
    report: Report,
    handle: Option<OwnedFd>,
    exit: Option<oneshot::Receiver<Exit>>,
}

/// What the keeper hands to a new daemon.
#[derive(Debug)]
pub struct Inventory {
    /// How many daemons there were before this one.
    pub generation: u32,
    /// Kept descriptors by name.
    pub kept: BTreeMap<String, OwnedFd>,
    /// Apps that run.
    pub alive: Vec<Alive>,
    /// Exits that no daemon has acknowledged, oldest first.
    pub exits: Vec<Exited>,
}

/// An app that a daemon before us started and that runs.
#[derive(Debug)]
pub struct Alive {
    /// What it was started as.
    pub key: String,
    /// Its process id.
    pub pid: i32,
    /// To signal it.
    pub handle: Handle,
    /// Its exit, once. To be acknowledged.
    pub exit: oneshot::Receiver<Exit>,
}

/// An app that has ended and whose exit no daemon has acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exited {
    /// What it was started as.
    pub key: String,
    /// Its process id, which may be another process's by now.
    pub pid: i32,
    /// How it ended.
    pub exit: Exit,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// A started app.
#[derive(Debug)]
pub struct Spawned {
    /// Its process id.
    pub pid: i32,
    /// To signal it.
    pub handle: Handle,
    /// Its exit, once. To be acknowledged. Ends without one when the keeper is lost.
    pub exit: oneshot::Receiver<Exit>,
}

impl Keeper {
    /// Takes the keeper's hand-over; the environment names the descriptor (`RPM2_KEEPER_FD`). Once in a process, inside
    /// the runtime.
    pub async fn connect() -> io::Result<(Self, Inventory)> {
        connect::connect().await
    }

    /// Tells the keeper that this daemon serves: from now on its death is no failed start. To be awaited before a
    /// launcher is told `ready`.
    pub async fn up(&self) -> io::Result<()> {
        self.done(&Request::Up, Vec::new()).await
    }

    /// Starts an app. `keep` are kept under their names before the fork; if it cannot be started, nothing of them is.
    /// `key` comes back in [`Alive::key`] and [`Exited::key`]. Program and `keep` have at most 252 descriptors.
    pub async fn spawn(
        &self,
        key: &str,
        program: Program,
        keep: Vec<(String, BorrowedFd<'_>)>,
    ) -> Result<Spawned, SpawnError> {
        let (names, copies): (Vec<_>, Vec<_>) = keep.into_iter().unzip();
        let start = Start {
            key: key.into(),
            path: program.path,
            argv: program.argv,
            envp: program.envp,
            cwd: program.cwd,
            owner: program.owner,
            session: program.session,
            descriptors: program.descriptors.len(),
            keep: names.into_iter().map(Box::from).collect(),
        };
        let mut descriptors = program.descriptors;
        for fd in copies {
            descriptors.push(fd.try_clone_to_owned().map_err(fork_error)?);
        }
        let request = Request::Spawn(Box::new(start));
        let answer = self.ask(&request, descriptors).await.map_err(fork_error)?;
        match (answer.report, answer.exit) {
            (Report::Spawned { pid, .. }, Some(exit)) => Ok(Spawned {
                pid,
                handle: Handle::from_parent(pid, answer.handle),
                exit,
            }),
            (Report::Failed { step, errno, text }, _) => Err(SpawnError {
                step: Step::from_number(step).unwrap_or(Step::Fork),
                source: system_error(errno, &text),
            }),
            _ => Err(fork_error(io::ErrorKind::InvalidData.into())),
        }
    }

    /// Has the keeper hold a copy under this name, in place of what it held under it; returns when it does.
    pub async fn keep(&self, name: &str, fd: BorrowedFd<'_>) -> io::Result<()> {
        let copy = fd.try_clone_to_owned()?;
        self.done(&Request::Keep(name.into()), vec![copy]).await
    }

    /// Has the keeper let go of the name `prefix` and of all that begin with it and a slash. Needs no answer.
    pub fn forget(&self, prefix: &str) {
        self.tell(&Request::Forget(prefix.into()));
    }

    /// The daemon has recorded the exit of the app of this process id; the keeper may forget it. If several with the
    /// same id are not acknowledged, it is the oldest.
    pub fn acknowledge(&self, pid: i32) {
        let mut exits = self.exits.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(serials) = exits.get_mut(&pid) else {
            return;
        };
        let serial = serials.pop_front();
        if serials.is_empty() {
            exits.remove(&pid);
        }
        drop(exits);
        if let Some(serial) = serial {
            self.tell(&Request::Acknowledge(serial));
        }
    }

    /// A copy of the descriptor `number` of an app that runs, close-on-exec. The keeper, as the app's parent, may have
    /// the right to trace it where we have not.
    pub async fn copy_of(&self, pid: i32, number: i32) -> io::Result<OwnedFd> {
        let answer = self.ask(&Request::Copy { pid, number }, Vec::new()).await?;
        match (answer.report, answer.handle) {
            (Report::Copied, Some(copy)) => Ok(copy),
            (Report::Failed { errno, text, .. }, _) => Err(system_error(errno, &text)),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// The daemon ends on purpose. Returns when the keeper has removed sockets and pid file; it ends as soon as the
    /// daemon has, which it kills after 10 s. Apps that still run are left alone.
    pub async fn finish(&self) -> io::Result<()> {
        self.done(&Request::Finish, Vec::new()).await
    }

    /// Replaces the keeper's executable and then the daemon. On success this daemon must end within 10 s (its exit code
    /// does not matter); the next one is started when it has. On failure nothing has changed.
    pub async fn update(&self, executable: &Path) -> io::Result<()> {
        let path = std::path::absolute(executable)?;
        let path = CString::new(path.as_os_str().as_bytes())?;
        self.done(&Request::Update(path), Vec::new()).await
    }

    /// Returns when the keeper is gone. Apps then run on, but nobody can start others or learn of exits.
    pub async fn lost(&self) {
        self.orders.closed().await;
    }

    async fn done(&self, request: &Request, descriptors: Vec<OwnedFd>) -> io::Result<()> {
        match self.ask(request, descriptors).await?.report {
            Report::Done => Ok(()),
            Report::Failed { errno, text, .. } => Err(system_error(errno, &text)),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    async fn ask(&self, request: &Request, descriptors: Vec<OwnedFd>) -> io::Result<Answer> {
        let (sender, answer) = oneshot::channel();
        let order = Order {
            request: request.encode(),
            descriptors,
            answer: Some(sender),
        };
        self.orders.send(order).map_err(|_| lost())?;
        answer.await.map_err(|_| lost())
    }

    fn tell(&self, request: &Request) {
        // Without a keeper there is nothing to tell it.
        let _ = self.orders.send(Order {
            request: request.encode(),
            descriptors: Vec::new(),
            answer: None,
        });
    }
}

fn lost() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotConnected,
        "the keeper, parent of the daemon and of all apps, is gone",
    )
}

fn fork_error(source: io::Error) -> SpawnError {
    let step = Step::Fork;
    SpawnError { step, source }
}

fn system_error(errno: i32, text: &str) -> io::Error {
    if errno == 0 {
        io::Error::other(text)
    } else {
        io::Error::from_raw_os_error(errno)
    }
}
