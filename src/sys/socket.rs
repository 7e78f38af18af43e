//! Sockets: pairs, and passing descriptors along with bytes (`SCM_RIGHTS`).

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    ptr,
};

use nix::{
    errno::Errno,
    libc,
    sys::socket::{
        AddressFamily, ControlMessage, MsgFlags, Shutdown, SockFlag, SockType, UnixAddr, recv,
        recvmsg, sendmsg, setsockopt, shutdown, socketpair, sockopt,
    },
};

/// Descriptors that one message carries at most (the kernel's `SCM_MAX_FD`).
pub const DESCRIPTORS_LIMIT: usize = 253;

/// A connected pair of Unix stream sockets, close-on-exec.
pub fn stream_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    pair(SockType::Stream)
}

fn pair(kind: SockType) -> io::Result<(OwnedFd, OwnedFd)> {
    #[cfg(target_os = "linux")]
    let flags = SockFlag::SOCK_CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let flags = SockFlag::empty();
    Ok(socketpair(AddressFamily::Unix, kind, None, flags)?)
}

#[cfg(target_os = "linux")]
const SEND_FLAGS: MsgFlags = MsgFlags::MSG_DONTWAIT.union(MsgFlags::MSG_NOSIGNAL);
#[cfg(not(target_os = "linux"))]
const SEND_FLAGS: MsgFlags = MsgFlags::MSG_DONTWAIT;

/// Sends bytes, with descriptors if any, without waiting. Returns how many bytes went; the descriptors go with the
/// first of them. `WouldBlock` means that nothing went, neither bytes nor descriptors.
pub fn send(
    socket: BorrowedFd<'_>,
    bytes: &[IoSlice<'_>],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<usize> {
    let raw: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control: &[ControlMessage<'_>] = if raw.is_empty() { &[] } else { &rights };
    Ok(sendmsg::<UnixAddr>(
        socket.as_raw_fd(),
        bytes,
        control,
        SEND_FLAGS,
        None,
    )?)
}

/// Receives bytes and the descriptors that came with them, without waiting. Zero bytes means the end. When this process
/// has no descriptors left, those that do not fit are lost, and the bytes come without them.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let (length, descriptors, _) = receive_message(socket, buffer)?;
    Ok((length, descriptors))
}

#[cfg(target_os = "linux")]
const FLAGS: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
#[cfg(not(target_os = "linux"))]
const FLAGS: libc::c_int = libc::MSG_DONTWAIT;

/// Room for the descriptors of one message, in units that align it.
const CONTROL_WORDS: usize = DESCRIPTORS_LIMIT * size_of::<RawFd>() / size_of::<u64>() + 8;

/// Receives bytes or one message without waiting: length, descriptors, flags (`MSG_TRUNC`, `MSG_CTRUNC`). When this
/// process has no descriptors left, the system keeps back some of those sent: the rest still come, and are owned.
pub(super) fn receive_message(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
) -> io::Result<(usize, Vec<OwnedFd>, libc::c_int)> {
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
    let length = usize::try_from(length).unwrap_or(0);
    Ok((length, descriptors, message.msg_flags))
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

/// Copies bytes without taking them, and without waiting. Returns how many there are, and whether descriptors came
/// with the last of them, after which there may be more to see. Zero bytes means the end.
pub fn peek(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, bool)> {
    let mut slices = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_PEEK;
    let message = recvmsg::<UnixAddr>(socket.as_raw_fd(), &mut slices, None, flags)?;
    let descriptors = message.flags.contains(MsgFlags::MSG_CTRUNC);
    Ok((message.bytes, descriptors))
}

/// Takes bytes that carry no descriptors, without waiting. Zero bytes means the end.
pub fn take(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(recv(socket.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT)?)
}

/// Asks for room for `bytes` unread bytes towards the peer; the system may give less.
pub fn enlarge_send_buffer(socket: &OwnedFd, bytes: usize) {
    let _ = setsockopt(socket, sockopt::SndBuf, &bytes);
}

/// Bytes (as the kernel accounts for them) that were sent and that the peer has not read yet.
#[cfg(target_os = "linux")]
pub fn unread_by_peer(socket: BorrowedFd<'_>) -> io::Result<usize> {
    let mut bytes: nix::libc::c_int = 0;
    // SAFETY: TIOCOUTQ (SIOCOUTQ) writes one int through the pointer, which points at a live one; the descriptor is
    // borrowed for the call.
    let result = unsafe {
        nix::libc::ioctl(
            socket.as_raw_fd(),
            nix::libc::TIOCOUTQ,
            std::ptr::from_mut(&mut bytes),
        )
    };
    Errno::result(result)?;
    Ok(usize::try_from(bytes).unwrap_or(0))
}

/// Bytes that were sent and that the peer has not read yet: unknown here, so none.
#[cfg(not(target_os = "linux"))]
pub fn unread_by_peer(_socket: BorrowedFd<'_>) -> io::Result<usize> {
    Ok(0)
}

/// Ends our side of a connection: the peer reads what is on its way and then the end, whoever else holds a copy of
/// our descriptor.
pub fn end(socket: BorrowedFd<'_>) {
    // Fails only when the connection has ended already.
    let _ = shutdown(socket.as_raw_fd(), Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs::File,
        io::{Read, Write},
        os::fd::AsFd,
    };

    #[test]
    fn a_descriptor_travels_with_its_bytes() {
        let (left, right) = stream_pair().unwrap();
        let (read_end, write_end) = crate::sys::descriptor::pipe().unwrap();
        assert_eq!(
            send(left.as_fd(), &[IoSlice::new(b"take")], &[write_end.as_fd()]).unwrap(),
            4
        );
        drop(write_end);
        let mut buffer = [0; 16];
        let (count, mut received) = receive(right.as_fd(), &mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"take");
        assert!(crate::sys::descriptor::is_close_on_exec(&received[0]).unwrap());
        File::from(received.remove(0))
            .write_all(b"through")
            .unwrap();
        let mut text = String::new();
        File::from(read_end).read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
    }
    #[test]
    fn what_is_looked_at_stays_and_its_descriptors_too() {
        let (left, right) = stream_pair().unwrap();
        let (_, write_end) = crate::sys::descriptor::pipe().unwrap();
        let nothing = peek(right.as_fd(), &mut [0; 16]).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        for (text, fds) in [("one", &[][..]), ("two", &[write_end.as_fd()]), ("3", &[])] {
            send(left.as_fd(), &[IoSlice::new(text.as_bytes())], fds).unwrap();
        }
        let mut buffer = [0; 16];
        for _ in 0..2 {
            assert_eq!(peek(right.as_fd(), &mut buffer).unwrap(), (6, true));
            assert_eq!(&buffer[..6], b"onetwo");
        }
        assert_eq!(take(right.as_fd(), &mut buffer[..3]).unwrap(), 3);
        let (count, descriptors) = receive(right.as_fd(), &mut buffer).unwrap();
        assert_eq!((count, descriptors.len()), (3, 1));
        assert_eq!(peek(right.as_fd(), &mut buffer).unwrap(), (1, false));
        drop(left);
        assert_eq!(take(right.as_fd(), &mut buffer).unwrap(), 1);
        assert_eq!(peek(right.as_fd(), &mut buffer).unwrap(), (0, false));
    }

    #[test]
    fn what_the_peer_has_not_read_is_known_and_the_end_reaches_it_past_copies() {
        let (left, right) = stream_pair().unwrap();
        let _copy = left.try_clone().unwrap();
        assert_eq!(unread_by_peer(left.as_fd()).unwrap(), 0);
        send(left.as_fd(), &[IoSlice::new(b"take")], &[]).unwrap();
        assert!(unread_by_peer(left.as_fd()).unwrap() >= 4);
        end(left.as_fd());
        let mut buffer = [0; 16];
        assert_eq!(receive(right.as_fd(), &mut buffer).unwrap().0, 4);
        assert_eq!(receive(right.as_fd(), &mut buffer).unwrap().0, 0);
        assert_eq!(unread_by_peer(left.as_fd()).unwrap(), 0);
    }
}
