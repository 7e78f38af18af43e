//! The end: by the daemon, or by the keeper itself when there is none.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use super::parent::{LEAVE, Parent};
use crate::sys::proc;

/// How long apps have between SIGINT and SIGKILL: pm2's `kill_timeout`.
const KILL_TIMEOUT: Duration = Duration::from_millis(1600);
/// What not even SIGKILL has ended after this is left.
const GIVE_UP: Duration = Duration::from_secs(5);

/// Whether and how it ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// It does not.
    No,
    /// The daemon was sent a signal and ends everything.
    Asked,
    /// The daemon has ended everything and ends itself.
    Finishing,
    /// There is no daemon; the keeper ends the apps.
    Apps { deadline: Instant, killed: bool },
    /// All is done.
    Over(ExitCode),
}

impl End {
    pub(super) fn deadline(self) -> Option<Instant> {
        match self {
            Self::Apps { deadline, .. } => Some(deadline),
            _ => None,
        }
    }
}

impl Parent {
    /// The daemon ends the apps, in its own way. Without one, or asked a second time, it is done here.
    pub(super) fn on_ending_signal(&mut self, signal: Signal) {
        match self.end {
            End::No if self.daemon.is_some() => {
                self.end = End::Asked;
                self.pass_on(signal);
            }
            End::No => self.end_apps(Instant::now()),
            End::Asked | End::Finishing => {
                self.pass_on(Signal::SIGKILL);
                self.end_apps(Instant::now());
            }
            End::Apps { .. } | End::Over(_) => {}
        }
    }

    /// The daemon has said that it ends.
    pub(super) fn finish(&mut self) {
        if matches!(self.end, End::No | End::Asked) {
            self.end = End::Finishing;
        }
        super::open::leave(&self.home);
        if let Some(daemon) = &mut self.daemon {
            daemon.kill_at.get_or_insert(Instant::now() + LEAVE);
        }
    }

    pub(super) fn end_apps(&mut self, now: Instant) {
        self.next_start = None;
        self.end = End::Apps {
            deadline: now + KILL_TIMEOUT,
            killed: false,
        };
        self.signal_apps(Signal::SIGINT);
        self.look_whether_over();
    }

    /// The apps had their time.
    pub(super) fn press_on(&mut self, now: Instant) {
        match self.end {
            End::Apps { killed: false, .. } => {
                self.signal_apps(Signal::SIGKILL);
                self.end = End::Apps {
                    deadline: now + GIVE_UP,
                    killed: true,
                };
            }
            End::Apps { killed: true, .. } => self.end = End::Over(ExitCode::SUCCESS),
            _ => {}
        }
    }

    /// Each app leads a session and group of its own, which its children are in too.
    fn signal_apps(&self, signal: Signal) {
        for pid in self.table.apps.keys() {
            proc::signal_group(*pid, signal);
        }
    }

    pub(super) fn look_whether_over(&mut self) {
        if matches!(self.end, End::Apps { .. })
            && self.table.apps.is_empty()
            && self.daemon.is_none()
        {
            self.end = End::Over(ExitCode::SUCCESS);
        }
    }
}
