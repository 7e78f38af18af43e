//! A process by handle, not by number: it cannot be mistaken for a later process of the same number, and it tells
//! when it is gone.

#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::{io, time::Duration};

use nix::sys::signal::Signal;

/// Between two looks, where the system cannot tell by itself.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A process.
#[derive(Debug)]
pub struct Handle {
    pid: i32,
    #[cfg(target_os = "linux")]
    fd: Option<OwnedFd>,
}

impl Handle {
    /// The process of this number, if there is one.
    pub fn open(pid: i32) -> Option<Self> {
        #[cfg(target_os = "linux")]
        return match linux::open(pid) {
            Ok(fd) => Some(Self { pid, fd: Some(fd) }),
            Err(nix::errno::Errno::ESRCH | nix::errno::Errno::EINVAL) => None,
            // No such call in this kernel or sandbox, or no descriptor left: the number has to do.
            Err(_) => super::proc::exists(pid).then_some(Self { pid, fd: None }),
        };
        #[cfg(not(target_os = "linux"))]
        super::proc::exists(pid).then_some(Self { pid })
    }

    /// A child of ours that is not reaped yet, so that its number is surely still its own.
    pub fn of_child(pid: i32) -> Self {
        #[cfg(target_os = "linux")]
        return Self {
            pid,
            fd: linux::open(pid).ok(),
        };
        #[cfg(not(target_os = "linux"))]
        Self { pid }
    }

    /// A process that is known to be gone: it can neither be signalled nor waited for.
    pub fn of_gone() -> Self {
        Self {
            pid: 0,
            #[cfg(target_os = "linux")]
            fd: None,
        }
    }

    /// A process of which its parent has passed us the descriptor, if the system has such.
    #[cfg(target_os = "linux")]
    pub fn from_parent(pid: i32, fd: Option<OwnedFd>) -> Self {
        Self { pid, fd }
    }

    /// A process of which its parent has told us the number.
    #[cfg(not(target_os = "linux"))]
    pub fn from_parent(pid: i32, _fd: Option<std::os::fd::OwnedFd>) -> Self {
        Self { pid }
    }

    /// The descriptor to pass to another process, if the system has such.
    #[cfg(target_os = "linux")]
    pub fn into_fd(self) -> Option<OwnedFd> {
        self.fd
    }

    /// The descriptor to pass to another process: none here.
    #[cfg(not(target_os = "linux"))]
    pub fn into_fd(self) -> Option<std::os::fd::OwnedFd> {
        None
    }

    /// Its number.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Sends a signal; one that is gone is no error.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        if self.pid == 0 {
            return Ok(());
        }
        #[cfg(target_os = "linux")]
        if let Some(fd) = &self.fd {
            return linux::signal(fd, signal);
        }
        super::proc::signal(self.pid, signal)
    }

    /// A copy of the descriptor `number` of the process, close-on-exec. It takes the right to trace the process.
    pub fn copy_of(&self, number: i32) -> io::Result<std::os::fd::OwnedFd> {
        #[cfg(target_os = "linux")]
        if let Some(fd) = &self.fd {
            return Ok(linux::copy_of(fd, number)?);
        }
        let _ = number;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Returns once the process has ended, whether its parent has reaped it or not.
    pub async fn gone(&self) {
        #[cfg(target_os = "linux")]
        if let Some(Ok(copy)) = self.fd.as_ref().map(OwnedFd::try_clone)
            && let Ok(watched) = super::watched::watch(copy, tokio::io::Interest::READABLE)
        {
            let _ = watched.readable().await;
            return;
        }
        while super::proc::exists(self.pid) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        io,
        os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
        ptr,
    };

    use nix::{errno::Errno, libc, sys::signal::Signal};

    pub(super) fn open(pid: i32) -> Result<OwnedFd, Errno> {
        // SAFETY: `pidfd_open` takes two numbers and touches no memory of ours.
        let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
        let fd = RawFd::try_from(fd).map_err(|_| Errno::EBADF)?;
        // SAFETY: the kernel has just made this descriptor (close-on-exec); this is its one owner.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    pub(super) fn copy_of(process: &OwnedFd, number: RawFd) -> Result<OwnedFd, Errno> {
        // SAFETY: `pidfd_getfd` takes three numbers and touches no memory of ours.
        let fd = Errno::result(unsafe {
            libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0)
        })?;
        let fd = RawFd::try_from(fd).map_err(|_| Errno::EBADF)?;
        // SAFETY: the kernel has just made this descriptor (close-on-exec); this is its one owner.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    pub(super) fn signal(fd: &OwnedFd, signal: Signal) -> io::Result<()> {
        let no_info = ptr::null::<libc::siginfo_t>();
        // SAFETY: `pidfd_send_signal` reads nothing through the null pointer: it then fills the information itself.
        let sent = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                fd.as_raw_fd(),
                signal as i32,
                no_info,
                0,
            )
        };
        match Errno::result(sent) {
            Ok(_) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[tokio::test]
    async fn a_handle_signals_its_process_and_tells_its_end() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let handle = Handle::open(i32::try_from(child.id()).unwrap()).unwrap();
        handle.signal(Signal::SIGKILL).unwrap();
        tokio::time::timeout(Duration::from_secs(10), handle.gone())
            .await
            .unwrap();
        child.wait().unwrap();
        handle.signal(Signal::SIGKILL).unwrap();
        assert!(Handle::open(handle.pid()).is_none());
    }
}
