//! Other processes: signals, exits.

use std::io;

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It exited with a code.
    Code(i32),
    /// A signal killed it.
    Signal(i32),
}

impl Exit {
    /// The exit code; 0 when a signal killed it, as pm2 reports it.
    pub fn code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(_) => 0,
        }
    }

    /// The signal's name (`SIGKILL`) if one killed it.
    pub fn signal(self) -> Option<&'static str> {
        match self {
            Self::Code(_) => None,
            Self::Signal(number) => Signal::try_from(number).ok().map(Signal::as_str),
        }
    }
}

/// Reaps one child that has ended, if any has.
pub fn reap_one() -> Option<(i32, Exit)> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => return Some((pid.as_raw(), Exit::Code(code))),
            Ok(WaitStatus::Signaled(pid, signal, _)) => {
                return Some((pid.as_raw(), Exit::Signal(signal as i32)));
            }
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return None,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}

/// Sends a signal to one process. A process that is gone is no error: it cannot be signalled any more.
pub fn signal(pid: i32, signal: Signal) -> io::Result<()> {
    match kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Sends a signal to the process group of a child that leads one and is not reaped yet; its number is then its own.
pub fn signal_group(leader: i32, signal: Signal) {
    // A group that is gone, or of another user by now, cannot be helped.
    let _ = nix::sys::signal::killpg(Pid::from_raw(leader), signal);
}

/// Whether a process of this number exists, reaped or not.
pub fn exists(pid: i32) -> bool {
    pid > 0 && !matches!(kill(Pid::from_raw(pid), None), Err(Errno::ESRCH))
}
