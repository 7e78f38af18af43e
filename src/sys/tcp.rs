//! The state of a TCP connection.

use std::os::fd::BorrowedFd;

/// Whether neither side of a TCP connection has closed it. Where the system does not tell: no.
#[cfg(target_os = "linux")]
pub fn is_established(socket: BorrowedFd<'_>) -> bool {
    use nix::libc;
    use std::{mem, os::fd::AsRawFd, ptr};
    /// The kernel's `TCP_ESTABLISHED`.
    const ESTABLISHED: u8 = 1;
    // SAFETY: the structure is plain numbers, for which zeros are a value.
    let mut info: libc::tcp_info = unsafe { mem::zeroed() };
    let mut length = libc::socklen_t::try_from(mem::size_of::<libc::tcp_info>()).unwrap_or(0);
    // SAFETY: the kernel writes at most `length` bytes, which is the size of `info`; both outlive the call.
    let told = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            ptr::from_mut(&mut info).cast(),
            &raw mut length,
        )
    };
    told == 0 && info.tcpi_state == ESTABLISHED
}

/// Whether neither side of a TCP connection has closed it. Where the system does not tell: no.
#[cfg(not(target_os = "linux"))]
pub fn is_established(_socket: BorrowedFd<'_>) -> bool {
    false
}
