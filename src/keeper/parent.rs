//! The loop: one thread that sleeps in `poll` until the daemon, a signal or a deadline has something for it.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::Signal,
};

use super::{
    backoff::Backoff,
    down,
    ending::End,
    executable::Executable,
    link::Link,
    open,
    packet::{self, Incoming},
    requests::failed,
    table::Table,
};
use crate::{
    home::Home,
    sys::{
        allocator, code,
        proc::{self, Exit},
        signals::Signals,
    },
};

/// Signals the keeper acts on. SIGHUP is taken only so that it does not end us.
pub(super) const SIGNALS: [Signal; 6] = [
    Signal::SIGCHLD,
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGUSR2,
    Signal::SIGHUP,
];
/// Requests that are read before signals have their turn.
const TURN: usize = 256;
/// So long after a request the keeper comes to rest.
const QUIET: Duration = Duration::from_secs(1);
/// A daemon whose end of the socket is closed, or that is to be replaced, must have ended after this.
pub(super) const LEAVE: Duration = Duration::from_secs(10);

/// The parent of the daemon and of every app.
pub(super) struct Parent {
    pub(super) home: Home,
    pub(super) lock: OwnedFd,
    pub(super) table: Table,
    pub(super) daemon: Option<Daemon>,
    /// What to run as daemon, if not our own executable.
    pub(super) program: Option<PathBuf>,
    pub(super) executable: Executable,
    pub(super) backoff: Backoff,
    /// When to start the next daemon.
    pub(super) next_start: Option<Instant>,
    /// Whether a daemon has ever served: before that, its failure is the launcher's to know.
    pub(super) served: bool,
    /// The executable before the update, until the new one's daemon serves; and how often that has died.
    pub(super) previous: Option<(Executable, u32)>,
    pub(super) end: End,
    pub(super) signals: Signals,
    pub(super) null: OwnedFd,
    /// Held so that there are descriptors left to start a daemon with.
    pub(super) reserve: Vec<OwnedFd>,
    pub(super) buffer: Vec<u8>,
    /// When to give back what the last requests needed.
    pub(super) rest_at: Option<Instant>,
}

/// The daemon that runs.
pub(super) struct Daemon {
    pub(super) pid: i32,
    pub(super) link: Link,
    pub(super) started: Instant,
    /// Whether its end of the socket is closed.
    pub(super) hung_up: bool,
    /// Whether it is being replaced: its end is no failure.
    pub(super) replaced: bool,
    pub(super) kill_at: Option<Instant>,
}

/// What `poll` found.
struct Ready {
    signal: bool,
    daemon: bool,
}

impl Parent {
    /// Serves until the end.
    pub(super) fn serve(&mut self) -> ExitCode {
        loop {
            let now = Instant::now();
            self.pass_time(now);
            if let Some(daemon) = &mut self.daemon {
                daemon.link.flush(&mut self.table, now);
            }
            if let End::Over(code) = self.end {
                open::leave(&self.home);
                down::clear(&self.home);
                return code;
            }
            let ready = self.wait(now);
            if ready.daemon {
                self.hear(TURN);
            }
            if ready.signal {
                while let Some(signal) = self.signals.pop() {
                    self.on_signal(signal);
                }
            }
        }
    }

    fn wait(&self, now: Instant) -> Ready {
        let timeout = self
            .next_deadline()
            .map_or(PollTimeout::NONE, |deadline| until(deadline, now));
        let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        if let Some(daemon) = &self.daemon {
            let events = daemon.events();
            // A closed socket is always readable: polled without need, it would keep us awake.
            if !events.is_empty() {
                fds.push(PollFd::new(daemon.link.socket.as_fd(), events));
            }
        }
        // An error here is an interruption or a lack of memory: look at everything.
        let failed = poll(&mut fds, timeout).is_err();
        let is_ready = |fd: &PollFd<'_>| failed || fd.any().unwrap_or(true);
        Ready {
            signal: is_ready(&fds[0]),
            daemon: fds.get(1).is_some_and(is_ready),
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let daemon = self.daemon.as_ref();
        [
            self.next_start,
            self.rest_at,
            daemon.and_then(|daemon| daemon.kill_at),
            daemon.and_then(|daemon| daemon.link.again),
            self.end.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn pass_time(&mut self, now: Instant) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.next_start) {
            self.next_start = None;
            self.start_next_daemon(now);
        }
        if let Some(daemon) = &mut self.daemon
            && due(daemon.kill_at)
        {
            daemon.kill_at = None;
            let _ = proc::signal(daemon.pid, Signal::SIGKILL);
        }
        if due(self.rest_at) {
            self.rest_at = None;
            allocator::return_now();
            code::release();
        }
        if due(self.end.deadline()) {
            self.press_on(now);
        }
    }

    /// Reads and does what the daemon asks, at most so many requests.
    fn hear(&mut self, turn: usize) {
        for _ in 0..turn {
            let Some(daemon) = &mut self.daemon else {
                return;
            };
            if daemon.hung_up || !daemon.link.takes_requests() {
                return;
            }
            match packet::receive(daemon.link.socket.as_fd(), &mut self.buffer) {
                Ok(Incoming::Message {
                    header,
                    payload,
                    descriptors,
                }) => {
                    self.on_message(header, &payload, descriptors);
                    self.rest_at = Some(Instant::now() + QUIET);
                    if header.in_file {
                        // Large pieces are rare; what they leave behind must not stay for years.
                        drop(payload);
                        allocator::return_now();
                    }
                }
                Ok(Incoming::Broken { id, why }) => daemon.link.answer(id, &failed(&why), None),
                Ok(Incoming::End) => {
                    daemon.hung_up = true;
                    // Without us it is of no use, and there must not be two.
                    daemon.kill_at.get_or_insert(Instant::now() + LEAVE);
                }
                Err(_) => return,
            }
        }
    }

    fn on_signal(&mut self, signal: Signal) {
        match signal {
            Signal::SIGCHLD => self.reap(),
            Signal::SIGUSR2 => self.pass_on(signal),
            Signal::SIGTERM | Signal::SIGINT | Signal::SIGQUIT => self.on_ending_signal(signal),
            _ => {}
        }
    }

    /// Gives a signal of ours to the daemon.
    pub(super) fn pass_on(&self, signal: Signal) {
        if let Some(daemon) = &self.daemon {
            let _ = proc::signal(daemon.pid, signal);
        }
    }

    /// Collects all that have ended: apps, the daemon, and strangers that the system has given us.
    pub(super) fn reap(&mut self) {
        while let Some((pid, exit)) = proc::reap_one() {
            if self.daemon.as_ref().is_some_and(|daemon| daemon.pid == pid) {
                self.on_daemon_end(exit);
            } else {
                self.table.ended(pid, exit, now_ms());
            }
        }
        self.look_whether_over();
    }

    fn on_daemon_end(&mut self, exit: Exit) {
        // What it still asked for is done; the answers find nobody.
        if let Some(daemon) = &mut self.daemon {
            daemon.link.mute();
        }
        self.hear(usize::MAX);
        let Some(daemon) = self.daemon.take() else {
            return;
        };
        let now = Instant::now();
        match self.end {
            End::Finishing => self.end = End::Over(ExitCode::SUCCESS),
            End::Asked => self.end_apps(now),
            End::Apps { .. } | End::Over(_) => {}
            End::No if daemon.replaced => self.next_start = Some(now),
            End::No if !self.served => self.end = End::Over(ExitCode::FAILURE),
            End::No => self.after_failure(&down::describe(exit), now - daemon.started, now),
        }
    }

    /// A daemon has failed: when will the next one be tried, and with which executable?
    pub(super) fn after_failure(&mut self, how: &str, lived: Duration, now: Instant) {
        let wait = self.backoff.died(lived);
        down::died(&self.home, how, self.backoff.deaths, wait);
        self.next_start = Some(now + wait);
        self.look_whether_to_go_back();
    }
}

impl Daemon {
    pub(super) fn new(pid: i32, link: Link) -> Self {
        Self {
            pid,
            link,
            started: Instant::now(),
            hung_up: false,
            replaced: false,
            kill_at: None,
        }
    }

    fn events(&self) -> PollFlags {
        let mut events = PollFlags::empty();
        events.set(
            PollFlags::POLLIN,
            !self.hung_up && self.link.takes_requests(),
        );
        events.set(
            PollFlags::POLLOUT,
            !self.hung_up && self.link.waits_to_write(),
        );
        events
    }
}

/// A timeout that does not end before the deadline.
fn until(deadline: Instant, now: Instant) -> PollTimeout {
    let wait = deadline.saturating_duration_since(now) + Duration::from_millis(1);
    PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX)
}

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

/// The descriptor that everything is read from and written to that nobody reads or writes.
pub(super) fn open_null() -> io::Result<OwnedFd> {
    Ok(std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/null")?
        .into())
}
