//! Kept connections of a worker that leaves, for the workers that stay.
//!
//! A server that closes drops its idle connections at that moment, and a client that was just sending loses its request.
//! While we have copies nothing is said to the clients, and what the server has dropped another worker goes on with,
//! unread requests included.
//!
//! A client that never pauses has no idle connection to drop. So the worker is made deaf first: it is not woken for a
//! request that comes from now on, and answers those it has. Then a request waits unread on every connection, and each is
//! as good as a new one.

use std::{
    collections::HashSet,
    io,
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use nix::errno::Errno;
use tokio::time::sleep;

use super::sight::{Sight, see};
use crate::{
    cluster::{Giver, Worker},
    keeper::Keeper,
    sys::{
        connections::{self, Connection, Served},
        pidfd::Handle,
        tcp, usage,
    },
};

/// The unread bytes that a deaf worker is woken for: no more than is buffered anyway.
const DEAF: i32 = 64 * 1024;
/// The unread bytes that anybody is woken for.
const HEARING: i32 = 1;
/// Who has been quiet for so long is not expected to ask within the moment that others are made to wait.
const LIVELY: Duration = Duration::from_millis(250);
/// How long a connection that its worker has closed, with nothing unread, is kept for the request that may come.
const LATE_REQUEST: Duration = Duration::from_secs(1);
/// The system's times are only so exact, one against another.
const INEXACT: Duration = Duration::from_millis(10);
/// First and longest pause between two looks.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(10));
/// Bytes of a request that are looked at.
const AHEAD: usize = 24;

/// Copies of what a worker holds. Dropping them leaves the connections to the worker.
pub(super) struct Kept {
    pid: i32,
    held: Vec<Held>,
    /// Whether its worker has slept since it was made deaf. Before that it may be about to read what it was woken for.
    has_slept: bool,
}

/// A copy of a descriptor of the process.
async fn copy(process: &Handle, number: i32, keeper: &Keeper) -> io::Result<OwnedFd> {
    match process.copy_of(number) {
        // Where only its parent may trace a process, its parent does it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            keeper.copy_of(process.pid(), number).await
        }
        result => result,
    }
}

/// One of them.
struct Held {
    connection: Connection,
    socket: Option<OwnedFd>,
    is_deaf: bool,
    /// When the last of what the worker has read had come.
    read: Option<Instant>,
    /// Until when it is kept, once its worker has closed it.
    until: Option<Instant>,
    /// Since when nothing was asked on it, as far as that was seen.
    idle: Option<Instant>,
    sight: Sight,
}

impl Held {
    fn new(connection: Connection, socket: OwnedFd) -> Self {
        Self {
            connection,
            socket: Some(socket),
            is_deaf: false,
            read: None,
            until: None,
            idle: None,
            sight: Sight::Busy,
        }
    }

    fn look(&mut self) {
        let now = Instant::now();
        let socket = self.socket.as_ref().map(AsFd::as_fd);
        let traffic = socket.and_then(tcp::traffic);
        let (Some(socket), Some(traffic)) = (socket, traffic) else {
            self.sight = Sight::Over;
            return;
        };
        let mut buffer = [0; AHEAD];
        let ahead = tcp::look_ahead(socket, &mut buffer);
        if ahead.is_empty() {
            self.read = now.checked_sub(traffic.since_received);
        }
        self.sight = see(traffic, ahead, self.read, now);
        let came = now.checked_sub(traffic.since_received);
        self.idle
            .take_if(|idle| came.is_none_or(|came| came + INEXACT >= *idle));
    }

    /// Whether it is certain that its worker closed it because nothing was asked on it: then its client may ask yet. The
    /// answer to a request of which nothing is known may have ended with the connection.
    fn was_idle(&self) -> bool {
        self.sight == Sight::Requested || self.idle.is_some()
    }

    fn hear(&mut self, bytes: i32) {
        if let Some(socket) = &self.socket {
            // Refused only for what is no connection any more.
            let _ = tcp::wake_at(socket.as_fd(), bytes);
        }
    }

    fn give(&mut self, giver: &Giver) {
        self.let_hear();
        if let Some(socket) = self.socket.take() {
            giver.give(&self.connection.served, socket);
        }
    }

    fn let_hear(&mut self) {
        if std::mem::take(&mut self.is_deaf) {
            self.hear(HEARING);
        }
    }

    fn is_in(&self, sockets: &HashSet<u64>) -> bool {
        sockets.contains(&self.connection.inode)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.let_hear();
    }
}

impl Kept {
    /// Copies of the worker's connections. None if it has none, if we may not look into the process, or if they cannot
    /// be given to another: what is encrypted lives in the process.
    pub(super) async fn of(worker: &Worker, process: &Handle, keeper: &Keeper) -> Option<Self> {
        let found = connections::held(process.pid(), &worker.served_plainly()).ok()?;
        let mut held = Vec::new();
        for connection in found {
            let socket = match copy(process, connection.number, keeper).await {
                Ok(socket) => socket,
                // Closed since we looked.
                Err(error) if error.raw_os_error() == Some(Errno::EBADF as i32) => continue,
                Err(_) => return None,
            };
            held.push(Held::new(connection, socket));
        }
        (!held.is_empty()).then_some(Self {
            pid: process.pid(),
            held,
            has_slept: false,
        })
    }

    /// Whether something has gone over every one of them lately.
    pub(super) fn are_lively(&self) -> bool {
        self.held.iter().all(|held| {
            let socket = held.socket.as_ref().map(AsFd::as_fd);
            socket.and_then(tcp::traffic).is_some_and(|traffic| {
                traffic.is_open && traffic.since_sent.min(traffic.since_received) < LIVELY
            })
        })
    }

    /// From now on the worker is not woken for requests.
    pub(super) fn deafen(&mut self) {
        self.has_slept = false;
        for held in &mut self.held {
            held.is_deaf = true;
            held.hear(DEAF);
        }
    }

    /// Looks at every one; those that are of no use to others are the worker's again.
    fn look(&mut self) {
        self.has_slept = self.has_slept || usage::is_asleep(self.pid);
        for held in &mut self.held {
            held.look();
            if held.is_deaf && held.sight == Sight::Requested && !self.has_slept {
                held.sight = Sight::Unclear;
            }
        }
        self.held
            .retain(|held| !matches!(held.sight, Sight::Foreign | Sight::Over));
    }

    fn has(&self, wanted: impl Fn(Sight) -> bool) -> bool {
        self.held.iter().any(|held| wanted(held.sight))
    }

    /// Waits until a request waits on every connection that the deaf worker has; false if it takes longer than
    /// `patience`.
    pub(super) async fn all_requested(&mut self, worker: &Worker, patience: Duration) -> bool {
        let served = worker.served();
        let asked = async {
            let mut pace = Pace::new();
            loop {
                self.look();
                // Others that it has, of which there is no copy, do not wait.
                if !self.has(|sight| sight != Sight::Requested)
                    && connections::count(self.pid, &served)
                        .is_ok_and(|count| count <= self.held.len())
                {
                    return;
                }
                pace.wait().await;
            }
        };
        tokio::time::timeout(patience, asked).await.is_ok()
    }

    /// Waits until the deaf worker has answered what it was asked, for at most `patience`.
    pub(super) async fn settled(&mut self, patience: Duration) {
        let settled = async {
            let mut pace = Pace::new();
            loop {
                self.look();
                if !self.has(Sight::is_unsettled) {
                    return;
                }
                pace.wait().await;
            }
        };
        // Longer: those are served on by the worker.
        let _ = tokio::time::timeout(patience, settled).await;
    }

    /// Notes on which nothing was asked, before the worker is told to close its servers.
    pub(super) fn note_idle(&mut self) {
        self.look();
        let now = Instant::now();
        for held in &mut self.held {
            held.idle = (held.sight == Sight::Idle).then_some(now);
        }
    }

    /// The worker has closed its servers: what was idle that it let go of, others go on with at once. The rest of what it
    /// let go of waits for a request.
    pub(super) fn pass_on_idle(&mut self, giver: &Giver) {
        // Of a process that is gone nobody knows what it was about to answer.
        let Ok(open) = connections::sockets(self.pid) else {
            return;
        };
        let mut closed = Vec::new();
        for held in self.held.extract_if(.., |held| !held.is_in(&open)) {
            let mut held = held;
            held.look();
            if held.sight == Sight::Over {
                continue;
            }
            if held.was_idle() {
                held.give(giver);
            } else {
                closed.push(held);
            }
        }
        self.held.extend(closed);
    }

    /// Without those that the worker still has.
    pub(super) fn let_go(mut self) -> Self {
        let open = connections::sockets(self.pid).unwrap_or_default();
        self.held.retain(|held| !held.is_in(&open));
        self
    }

    /// Gives others what the worker closes, until nothing is left with it but requests that it has not heard.
    pub(super) async fn tend(&mut self, giver: &Giver, served: &[Served]) {
        let mut pace = Pace::new();
        loop {
            self.pass_on(giver);
            // One that accepts for itself may have others since, of which there is no copy.
            if self.has(|sight| sight == Sight::Requested)
                && !self.has(Sight::is_unsettled)
                && connections::count(self.pid, served).is_ok_and(|count| count <= self.held.len())
            {
                return;
            }
            pace.wait().await;
        }
    }

    /// The same without an end.
    pub(super) async fn tend_on(&mut self, giver: &Giver) {
        let mut pace = Pace::new();
        loop {
            self.pass_on(giver);
            pace.wait().await;
        }
    }

    /// The worker is gone. What was asked meanwhile others answer; what was idle is kept for a moment: a request may be
    /// on its way.
    pub(super) fn bequeath(mut self, giver: Giver) {
        self.pass_on(&giver);
        if self.held.is_empty() {
            return;
        }
        tokio::spawn(async move {
            let mut pace = Pace::new();
            while !self.held.is_empty() {
                pace.wait().await;
                self.pass_on(&giver);
            }
        });
    }

    /// Of what the worker has no more: those that were asked go to others, those that were being answered are closed.
    fn pass_on(&mut self, giver: &Giver) {
        self.look();
        let open = connections::sockets(self.pid).unwrap_or_default();
        let now = Instant::now();
        self.held.retain_mut(|held| {
            if held.is_in(&open) {
                return true;
            }
            match held.sight {
                Sight::Requested => {
                    held.give(giver);
                    false
                }
                Sight::Idle | Sight::Unclear => now < *held.until.get_or_insert(now + LATE_REQUEST),
                Sight::Busy | Sight::Foreign | Sight::Over => false,
            }
        });
    }
}

/// Pauses that grow, and are long against what the looks between them cost.
struct Pace {
    pause: Duration,
    begun: Instant,
}

impl Pace {
    fn new() -> Self {
        Self {
            pause: LOOK_AGAIN.0,
            begun: Instant::now(),
        }
    }

    async fn wait(&mut self) {
        sleep(self.pause.max(self.begun.elapsed() * 4)).await;
        self.pause = (self.pause * 5 / 4).min(LOOK_AGAIN.1);
        self.begun = Instant::now();
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
