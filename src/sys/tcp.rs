//! What the system knows of a TCP connection, and when it wakes who reads it.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
    time::Duration,
};

use nix::{
    errno::Errno,
    libc,
    sys::socket::{MsgFlags, recv},
};

/// What has gone over a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// Neither side has closed it.
    pub is_open: bool,
    /// Since data was last sent; from the beginning if there was none. To about a hundredth of a second.
    pub since_sent: Duration,
    /// Since data last came, read or not.
    pub since_received: Duration,
}

/// What the system tells of a TCP connection; nothing if it is none, or where it does not tell.
#[cfg(target_os = "linux")]
pub fn traffic(socket: BorrowedFd<'_>) -> Option<Traffic> {
    use std::{mem, ptr};
    /// The kernel's `TCP_ESTABLISHED`.
    const ESTABLISHED: u8 = 1;
    // SAFETY: the structure is plain numbers, for which zeros are a value.
    let mut info: libc::tcp_info = unsafe { mem::zeroed() };
    let mut length = libc::socklen_t::try_from(mem::size_of::<libc::tcp_info>()).ok()?;
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
    (told == 0).then(|| Traffic {
        is_open: info.tcpi_state == ESTABLISHED,
        since_sent: Duration::from_millis(info.tcpi_last_data_sent.into()),
        since_received: Duration::from_millis(info.tcpi_last_data_recv.into()),
    })
}

/// What the system tells of a TCP connection: nothing here.
#[cfg(not(target_os = "linux"))]
pub fn traffic(_socket: BorrowedFd<'_>) -> Option<Traffic> {
    None
}

/// Whether neither side of a TCP connection has closed it. Where the system does not tell: no.
pub fn is_established(socket: BorrowedFd<'_>) -> bool {
    traffic(socket).is_some_and(|traffic| traffic.is_open)
}

/// The first bytes that were not read yet, without taking them; none when there are none or the connection is over.
pub fn look_ahead<'b>(socket: BorrowedFd<'_>, buffer: &'b mut [u8]) -> &'b [u8] {
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    let length = recv(socket.as_raw_fd(), buffer, flags).unwrap_or(0);
    &buffer[..length]
}

/// Whoever waits to read this connection, in whatever process, is woken only when so many bytes are unread (or it is
/// closed); 1 is the usual.
///
/// # Errors
/// When the system has no such thing for this socket.
pub fn wake_at(socket: BorrowedFd<'_>, bytes: i32) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of_val(&bytes)).unwrap_or(0);
    // SAFETY: the kernel reads one number of `length` bytes, which outlives the call.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVLOWAT,
            (&raw const bytes).cast(),
            length,
        )
    };
    Errno::result(set)?;
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
        os::fd::AsFd,
    };

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    fn is_readable(socket: &TcpStream, patience: u16) -> bool {
        let mut one = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        poll(&mut one, PollTimeout::from(patience)).is_ok_and(|ready| ready > 0)
    }

    #[test]
    fn a_reader_sleeps_through_what_it_is_not_to_see_until_it_may() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut served, _) = listener.accept().unwrap();
        wake_at(served.as_fd(), 1000).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut buffer = [0; 5];
        while look_ahead(served.as_fd(), &mut buffer).is_empty() {
            std::thread::yield_now();
        }
        assert!(!is_readable(&served, 0), "unread, and nobody is woken");
        assert_eq!(look_ahead(served.as_fd(), &mut buffer), b"GET /");
        wake_at(served.as_fd(), 1).unwrap();
        assert!(is_readable(&served, 10_000));
        let mut all = [0; 18];
        served.read_exact(&mut all).unwrap();
        assert_eq!(&all, b"GET / HTTP/1.1\r\n\r\n", "nothing was taken");

        wake_at(served.as_fd(), 1000).unwrap();
        drop(client);
        assert!(is_readable(&served, 10_000), "the end is always told");
        assert!(!is_established(served.as_fd()));
        assert!(look_ahead(served.as_fd(), &mut buffer).is_empty());
    }
}
