//! Descriptors: limits and flags.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use nix::{
    fcntl::{FcntlArg, FdFlag, OFlag, fcntl},
    sys::resource::{Resource, getrlimit, setrlimit},
    unistd::pipe2,
};

/// Raises the soft limit of open descriptors to the hard limit: 1,000 apps need some 5,000.
pub fn raise_limit() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        // Refused only where the system caps it lower; the old limit then stays.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// A pipe, both ends close-on-exec: (read end, write end).
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe2(OFlag::O_CLOEXEC)?)
}

/// Makes a descriptor non-blocking, as everything handed to Node must be.
pub fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// Whether a descriptor is closed by `exec`.
pub fn is_close_on_exec(fd: impl AsFd) -> io::Result<bool> {
    Ok(FdFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFD)?).contains(FdFlag::FD_CLOEXEC))
}

/// Asks for a pipe buffer of `bytes`; the system may refuse, and the default then stays.
pub fn enlarge_pipe(fd: &OwnedFd, bytes: i32) {
    #[cfg(target_os = "linux")]
    let _ = fcntl(fd, FcntlArg::F_SETPIPE_SZ(bytes));
    #[cfg(not(target_os = "linux"))]
    let _ = (fd.as_raw_fd(), bytes);
}

/// The number of a descriptor, for messages and environment variables only.
pub fn number(fd: &impl AsRawFd) -> i32 {
    fd.as_raw_fd()
}
