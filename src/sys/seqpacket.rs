//! Sockets that keep the boundaries of messages, each with its descriptors.

use std::{
    io::{self, IoSlice},
    mem,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    ptr,
};

use nix::{
    errno::Errno,
    libc,
    sys::socket::{AddressFamily, SockFlag, SockType, socketpair},
};

use super::socket::DESCRIPTORS_LIMIT;

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

#[cfg(target_os = "linux")]
const FLAGS: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
#[cfg(not(target_os = "linux"))]
const FLAGS: libc::c_int = libc::MSG_DONTWAIT;

/// Room for the descriptors of one message, in units that align it.
const CONTROL_WORDS: usize = DESCRIPTORS_LIMIT * size_of::<RawFd>() / size_of::<u64>() + 8;

/// Receives one message without waiting. Unlike [`super::socket::receive`], which fails, this returns what is left of
/// a message that lost descriptors on the way, so that its sender can be told.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Packet> {
    let mut control = [0_u64; CONTROL_WORDS];
    let mut slice = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    // SAFETY: `msghdr` is plain numbers and pointers, for which all zeros is a value.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = ptr::from_mut(&mut slice);
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    // SAFETY: the message's pointers and lengths describe `buffer` and `control`, both alive and ours during the call.
    let length = Errno::result(unsafe {
        libc::recvmsg(socket.as_raw_fd(), ptr::from_mut(&mut message), FLAGS)
    })?;
    // SAFETY: the kernel has just filled the control buffer that `message` points at.
    let descriptors = unsafe { take_descriptors(&message) };
    Ok(Packet {
        length: usize::try_from(length).unwrap_or(0),
        descriptors,
        cut: message.msg_flags & libc::MSG_TRUNC != 0,
    })
}

/// The descriptors in a message's control buffer.
///
/// # Safety
/// `message` was filled by `recvmsg` and its control buffer is alive; must be called once for each message.
unsafe fn take_descriptors(message: &libc::msghdr) -> Vec<OwnedFd> {
    let mut descriptors = Vec::new();
    // SAFETY: the kernel wrote well-formed headers within `msg_controllen`; the macros walk them and stop at its end.
    // Each number was installed in this process for this message, so it has no other owner.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while !header.is_null() {
            let found = &*header;
            if found.cmsg_level == libc::SOL_SOCKET && found.cmsg_type == libc::SCM_RIGHTS {
                let data = libc::CMSG_DATA(header).cast::<[u8; size_of::<RawFd>()]>();
                let bytes = (found.cmsg_len as usize).saturating_sub(libc::CMSG_LEN(0) as usize);
                for index in 0..bytes / size_of::<RawFd>() {
                    let number = RawFd::from_ne_bytes(data.add(index).read());
                    #[cfg(not(target_os = "linux"))]
                    libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC);
                    descriptors.push(OwnedFd::from_raw_fd(number));
                }
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    descriptors
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
