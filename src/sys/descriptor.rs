//! Descriptors: limits and flags.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, FdFlag, OFlag, fcntl},
    libc,
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

/// Chooses whether a descriptor is closed by `exec`.
pub fn set_close_on_exec(fd: BorrowedFd<'_>, close: bool) -> io::Result<()> {
    let flags = if close {
        FdFlag::FD_CLOEXEC
    } else {
        FdFlag::empty()
    };
    fcntl(fd, FcntlArg::F_SETFD(flags))?;
    Ok(())
}

/// Takes over a descriptor that was left open for this process over `exec`, and makes it close-on-exec. All
/// descriptors of this program are close-on-exec, so that one which is not has no owner yet: taking over the same
/// number twice, or one that is owned, is an error, as are the three standard ones.
pub fn adopt(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_GETFD reads a flag of whatever this number is; it touches no memory.
    let flags = Errno::result(unsafe { libc::fcntl(number, libc::F_GETFD) })?;
    if number < 3 || flags & libc::FD_CLOEXEC != 0 {
        return Err(Errno::EBADF.into());
    }
    // SAFETY: it is open and was inherited; nobody here owns it, see above.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    set_close_on_exec(fd.as_fd(), true)?;
    Ok(fd)
}

/// Closes all descriptors but the standard ones that were left open for this process over `exec` and that nobody has
/// adopted: whoever started us may have passed on a terminal or a pipe that somebody reads to its end.
pub fn close_inherited() {
    let folder = if cfg!(target_os = "linux") {
        "/proc/self/fd"
    } else {
        "/dev/fd"
    };
    let numbers: Vec<RawFd> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    for number in numbers {
        // Fails for those that are owned, which stay open.
        drop(adopt(number));
    }
}

/// A copy whose number is at least `lowest`, close-on-exec.
pub fn copy_above(fd: impl AsFd, lowest: RawFd) -> io::Result<OwnedFd> {
    let copy = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(lowest))?;
    // SAFETY: F_DUPFD_CLOEXEC has just made this descriptor; this is its one owner.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Locks a file for as long as it, or a copy of the descriptor, is open. `false` if somebody else has it.
pub fn lock(file: impl AsFd) -> io::Result<bool> {
    let operation = libc::LOCK_EX | libc::LOCK_NB;
    // SAFETY: `flock` takes two numbers; the descriptor is borrowed for the call.
    match Errno::result(unsafe { libc::flock(file.as_fd().as_raw_fd(), operation) }) {
        Ok(_) => Ok(true),
        Err(Errno::EWOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_inherited_descriptor_can_be_adopted_and_only_once() {
        let (read_end, _write_end) = pipe().unwrap();
        let number = read_end.as_raw_fd();
        assert!(adopt(number).is_err());
        let inherited = copy_above(&read_end, 50).unwrap();
        set_close_on_exec(inherited.as_fd(), false).unwrap();
        let number = std::os::fd::IntoRawFd::into_raw_fd(inherited);
        let adopted = adopt(number).unwrap();
        assert!(is_close_on_exec(&adopted).unwrap());
        assert!(adopt(number).is_err());
        assert!(adopt(1).is_err());
    }
}
