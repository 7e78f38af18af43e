//! Sockets that keep the boundaries of messages, each with its descriptors.

use std::{
    io::{self, IoSlice},
    os::fd::{BorrowedFd, OwnedFd},
};

use nix::{
    libc,
    sys::socket::{AddressFamily, SockFlag, SockType, socketpair},
};

/// One received message.
#[derive(Debug)]
pub struct Packet {
    /// Bytes put into the buffer; 0 at the end of the connection.
    pub length: usize,
    /// The descriptors that came with it: the first of those sent, when this process has no more left.
    pub descriptors: Vec<OwnedFd>,
    /// Whether bytes were lost because the buffer was too small.
    pub cut: bool,
}

/// A connected pair, close-on-exec.
#[cfg(target_os = "linux")]
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SockFlag::SOCK_CLOEXEC;
    Ok(socketpair(
        AddressFamily::Unix,
        SockType::SeqPacket,
        None,
        flags,
    )?)
}

/// A connected pair, close-on-exec. Datagrams keep boundaries where there is no `SOCK_SEQPACKET`.
#[cfg(not(target_os = "linux"))]
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    use std::os::fd::AsFd;
    let (left, right) = socketpair(
        AddressFamily::Unix,
        SockType::Datagram,
        None,
        SockFlag::empty(),
    )?;
    super::descriptor::set_close_on_exec(left.as_fd(), true)?;
    super::descriptor::set_close_on_exec(right.as_fd(), true)?;
    super::socket::enlarge_send_buffer(&left, 256 * 1024);
    super::socket::enlarge_send_buffer(&right, 256 * 1024);
    Ok((left, right))
}

/// Sends a message with its descriptors, whole or not at all, without waiting.
pub fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    super::socket::send(socket, &[IoSlice::new(bytes)], descriptors).map(|_| ())
}

/// Receives one message without waiting.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Packet> {
    let (length, descriptors, flags) = super::socket::receive_message(socket, buffer)?;
    Ok(Packet {
        length,
        descriptors,
        cut: flags & libc::MSG_TRUNC != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn messages_keep_their_boundaries_and_descriptors() {
        let (left, right) = pair().unwrap();
        let (read_end, write_end) = super::super::descriptor::pipe().unwrap();
        send(left.as_fd(), b"one", &[]).unwrap();
        send(
            left.as_fd(),
            b"two",
            &[read_end.as_fd(), write_end.as_fd(), read_end.as_fd()],
        )
        .unwrap();
        let mut buffer = [0; 16];
        let one = receive(right.as_fd(), &mut buffer).unwrap();
        assert_eq!((&buffer[..one.length], one.cut), (&b"one"[..], false));
        assert!(one.descriptors.is_empty());
        let two = receive(right.as_fd(), &mut buffer).unwrap();
        assert_eq!((&buffer[..two.length], two.cut), (&b"two"[..], false));
        assert_eq!(two.descriptors.len(), 3);
        assert!(super::super::descriptor::is_close_on_exec(&two.descriptors[0]).unwrap());
        let nothing = receive(right.as_fd(), &mut buffer).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        drop(left);
        assert_eq!(receive(right.as_fd(), &mut buffer).unwrap().length, 0);
    }

    #[test]
    fn a_message_too_long_for_the_buffer_is_known_as_cut() {
        let (left, right) = pair().unwrap();
        send(left.as_fd(), &[7; 100], &[]).unwrap();
        let packet = receive(right.as_fd(), &mut [0; 16]).unwrap();
        assert!(packet.cut);
    }
}
