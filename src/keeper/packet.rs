//! Messages on the socket between keeper and daemon: header, payload or memory file, descriptors.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use nix::errno::Errno;

use super::wire::{self, Header, INLINE_LIMIT, PAYLOAD_LIMIT};
use crate::sys::{memory_file, seqpacket, socket::DESCRIPTORS_LIMIT};

/// Longest message on the socket itself, in bytes.
pub(super) const BUFFER: usize = wire::HEADER + INLINE_LIMIT;
/// Descriptors of one message, less the one that its payload may need.
pub(super) const CARRIED_LIMIT: usize = DESCRIPTORS_LIMIT - 1;

/// A message ready to be sent, whole or not at all.
#[derive(Debug)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

impl Outgoing {
    /// Puts a message together. Fails when it is too large or no memory file can be made.
    pub(super) fn new(
        id: u32,
        (kind, payload): (u8, Vec<u8>),
        mut descriptors: Vec<OwnedFd>,
    ) -> io::Result<Self> {
        let (bytes, in_file) = seal(id, kind, &payload, descriptors.len())?;
        descriptors.splice(0..0, in_file);
        Ok(Self { bytes, descriptors })
    }

    /// Sends it; `WouldBlock` means that it must be sent again later.
    pub(super) fn send(&self, socket: BorrowedFd<'_>) -> io::Result<()> {
        let descriptors: Vec<_> = self.descriptors.iter().map(AsFd::as_fd).collect();
        seqpacket::send(socket, &self.bytes, &descriptors)
    }
}

/// Sends a message that surely needs no memory file at once, with descriptors that stay the caller's: no copy is
/// made, so that this works with no descriptor left.
pub(super) fn send_now(
    socket: BorrowedFd<'_>,
    (kind, payload): (u8, Vec<u8>),
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    debug_assert!(payload.len() <= INLINE_LIMIT);
    let (bytes, _) = seal(0, kind, &payload, descriptors.len())?;
    seqpacket::send(socket, &bytes, descriptors)
}

fn seal(
    id: u32,
    kind: u8,
    payload: &[u8],
    descriptors: usize,
) -> io::Result<(Vec<u8>, Option<OwnedFd>)> {
    if payload.len() > PAYLOAD_LIMIT || descriptors > CARRIED_LIMIT {
        return Err(io::ErrorKind::ArgumentListTooLong.into());
    }
    let in_file = (payload.len() > INLINE_LIMIT)
        .then(|| memory_file::create(payload))
        .transpose()?;
    let header = Header {
        version: wire::VERSION,
        kind,
        in_file: in_file.is_some(),
        id,
        descriptors: u16::try_from(descriptors).unwrap_or(u16::MAX),
    };
    let inline = if in_file.is_some() { &[] } else { payload };
    Ok(([&header.encode(), inline].concat(), in_file))
}

/// Why descriptors that should have come with a message are missing: the system gives fewer than were sent (the first
/// ones) when this process has none left.
pub(super) fn missing(header: Header, descriptors: &[OwnedFd]) -> Option<io::Error> {
    (descriptors.len() < usize::from(header.descriptors)).then(|| Errno::EMFILE.into())
}

/// What came.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A whole message, but for descriptors perhaps, see [`missing`].
    Message {
        header: Header,
        payload: Vec<u8>,
        descriptors: Vec<OwnedFd>,
    },
    /// A message that cannot be used: the request to answer, and why.
    Broken { id: u32, why: io::Error },
    /// The other side is gone.
    End,
}

/// Receives one message, without waiting.
pub(super) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Incoming> {
    let packet = loop {
        match seqpacket::receive(socket, buffer) {
            Ok(packet) if packet.length == 0 => return Ok(Incoming::End),
            Ok(packet) => break packet,
            // Told once, when the other side ended without having read all; what it sent is still to come.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    };
    let Some((header, inline)) = Header::decode(&buffer[..packet.length]) else {
        let why = io::ErrorKind::InvalidData.into();
        return Ok(Incoming::Broken { id: 0, why });
    };
    Ok(
        match whole(header, inline, packet.descriptors, packet.cut) {
            Ok((payload, descriptors)) => Incoming::Message {
                header,
                payload,
                descriptors,
            },
            Err(why) => Incoming::Broken { id: header.id, why },
        },
    )
}

fn whole(
    header: Header,
    inline: &[u8],
    mut descriptors: Vec<OwnedFd>,
    cut: bool,
) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    if header.version != wire::VERSION {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let wanted = usize::from(header.descriptors) + usize::from(header.in_file);
    if cut || descriptors.len() > wanted {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let payload = if header.in_file {
        if descriptors.is_empty() {
            return Err(Errno::EMFILE.into());
        }
        memory_file::read(descriptors.remove(0), PAYLOAD_LIMIT)?
    } else {
        inline.to_vec()
    };
    Ok((payload, descriptors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::descriptor;

    #[test]
    fn short_and_long_payloads_come_back_with_their_descriptors() {
        let (left, right) = seqpacket::pair().unwrap();
        let mut buffer = vec![0; BUFFER];
        for length in [0, INLINE_LIMIT, INLINE_LIMIT + 1, 300 * 1024] {
            let fd = descriptor::pipe().unwrap().0;
            let sent = Outgoing::new(5, (9, vec![7; length]), vec![fd]).unwrap();
            sent.send(left.as_fd()).unwrap();
            match receive(right.as_fd(), &mut buffer).unwrap() {
                Incoming::Message {
                    header,
                    payload,
                    descriptors,
                } => {
                    assert_eq!((header.id, header.kind), (5, 9));
                    assert_eq!(payload, vec![7; length]);
                    assert_eq!(descriptors.len(), 1);
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(Outgoing::new(1, (1, vec![0; PAYLOAD_LIMIT + 1]), vec![]).is_err());
    }

    #[test]
    fn broken_messages_name_the_request_they_belong_to() {
        let (left, right) = seqpacket::pair().unwrap();
        let mut buffer = vec![0; BUFFER];
        let newer = Header {
            version: wire::VERSION + 1,
            kind: 1,
            in_file: false,
            id: 42,
            descriptors: 0,
        };
        let no_file = Header {
            version: wire::VERSION,
            in_file: true,
            ..newer
        };
        for header in [newer, no_file] {
            seqpacket::send(left.as_fd(), &header.encode(), &[]).unwrap();
            let came = receive(right.as_fd(), &mut buffer).unwrap();
            assert!(matches!(came, Incoming::Broken { id: 42, .. }), "{came:?}");
        }
        let lacking = Header {
            descriptors: 2,
            ..no_file
        };
        let lacking = Header {
            in_file: false,
            ..lacking
        };
        seqpacket::send(left.as_fd(), &lacking.encode(), &[]).unwrap();
        match receive(right.as_fd(), &mut buffer).unwrap() {
            Incoming::Message {
                header,
                descriptors,
                ..
            } => {
                let error = missing(header, &descriptors).unwrap();
                assert_eq!(error.raw_os_error(), Some(Errno::EMFILE as i32));
            }
            other => panic!("{other:?}"),
        }
        seqpacket::send(left.as_fd(), &[1, 2, 3], &[]).unwrap();
        let came = receive(right.as_fd(), &mut buffer).unwrap();
        assert!(matches!(came, Incoming::Broken { id: 0, .. }));
        drop(left);
        assert!(matches!(
            receive(right.as_fd(), &mut buffer).unwrap(),
            Incoming::End
        ));
    }
}
