//! Pipes: how much is in one, and moving it into another without copying.

use std::{
    io,
    os::fd::{AsFd, AsRawFd},
};

use nix::{
    errno::Errno,
    libc::{self, c_int},
};

/// How many bytes wait in a pipe.
pub fn waiting(pipe: impl AsFd) -> io::Result<usize> {
    let mut count: c_int = 0;
    // SAFETY: FIONREAD writes one `int`; the descriptor is borrowed for the call.
    Errno::result(unsafe {
        libc::ioctl(pipe.as_fd().as_raw_fd(), libc::FIONREAD, &raw mut count)
    })?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Moves at most `limit` bytes from one pipe into another: each byte is in one of the two at any moment, also if this
/// process is killed meanwhile. Zero when the last writer of `from` has gone; never waits.
#[cfg(target_os = "linux")]
pub fn transfer(from: impl AsFd, into: impl AsFd, limit: usize) -> io::Result<usize> {
    use nix::fcntl::{SpliceFFlags, splice};
    loop {
        match splice(
            &from,
            None,
            &into,
            None,
            limit,
            SpliceFFlags::SPLICE_F_NONBLOCK,
        ) {
            Err(Errno::EINTR) => {}
            result => return Ok(result?),
        }
    }
}

/// Only Linux can do that.
#[cfg(not(target_os = "linux"))]
pub fn transfer(_from: impl AsFd, _into: impl AsFd, _limit: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use crate::sys::descriptor;

    #[test]
    fn bytes_are_in_one_of_the_two() {
        let (from, writer) = descriptor::pipe().unwrap();
        let (out, into) = descriptor::pipe().unwrap();
        assert_eq!(
            transfer(&from, &into, 10).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        nix::unistd::write(&writer, b"hello world").unwrap();
        assert_eq!(transfer(&from, &into, 5).unwrap(), 5);
        assert_eq!((waiting(&from).unwrap(), waiting(&out).unwrap()), (6, 5));
        drop(writer);
        assert_eq!(transfer(&from, &into, 100).unwrap(), 6);
        assert_eq!(transfer(&from, &into, 100).unwrap(), 0);
        assert_eq!((waiting(&from).unwrap(), waiting(&out).unwrap()), (0, 11));
    }
}
