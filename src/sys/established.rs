//! How many connections of a server each of several processes holds. As [`connections::count`], but by asking the kernel
//! for the connections of that port alone: its whole table may be long, above all of such as are over.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
};

use super::connections::{self, Served};

/// How many connections of the server each process holds; nothing of a process that cannot be looked into.
pub fn held(pids: &[i32], served: &Served) -> Vec<Option<usize>> {
    let inodes = match served {
        Served::Port(port) => inodes(*port),
        Served::Path(_) => Err(io::ErrorKind::Unsupported.into()),
    };
    let count = |pid: &i32| match &inodes {
        Ok(inodes) => held_of(Path::new(&format!("/proc/{pid}")), inodes).ok(),
        Err(_) => connections::count(*pid, std::slice::from_ref(served)).ok(),
    };
    pids.iter().map(count).collect()
}

/// Numbers of the sockets that are connected with this port of ours, whoever holds them.
///
/// # Errors
/// Where the kernel does not answer such questions.
pub(super) fn inodes(port: u16) -> io::Result<HashSet<u64>> {
    diag::inodes(port)
}

fn held_of(root: &Path, inodes: &HashSet<u64>) -> io::Result<usize> {
    if inodes.is_empty() {
        return Ok(0);
    }
    let open = connections::open_sockets(&PathBuf::from(root))?;
    let held: HashSet<u64> = open.into_iter().map(|(_, inode)| inode).collect();
    Ok(held.intersection(inodes).count())
}

#[cfg(not(target_os = "linux"))]
mod diag {
    use std::{collections::HashSet, io};

    pub(super) fn inodes(_port: u16) -> io::Result<HashSet<u64>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The kernel's `sock_diag(7)`.
#[cfg(target_os = "linux")]
mod diag {
    use std::{
        collections::HashSet,
        io,
        os::fd::{AsRawFd, OwnedFd},
    };

    use nix::{
        errno::Errno,
        libc,
        sys::socket::{
            AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
        },
    };

    const BY_FAMILY: u16 = 20;
    /// `NLM_F_REQUEST` and `NLM_F_DUMP`.
    const ASK: u16 = 0x301;
    /// Every state but those without a process that holds the connection: half-open, over, listening.
    const STATES: u32 = (1 << 1) | (1 << 4) | (1 << 5) | (1 << 8) | (1 << 9) | (1 << 11);
    /// Length of a message's head, and where in a body the socket's number is.
    const HEAD: usize = 16;
    const INODE: usize = 68;

    /// Numbers of the sockets that are connected with this port of ours.
    pub(super) fn inodes(port: u16) -> io::Result<HashSet<u64>> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Datagram,
            flags,
            SockProtocol::NetlinkSockDiag,
        )?;
        let mut found = HashSet::new();
        for family in [libc::AF_INET, libc::AF_INET6] {
            let family = u8::try_from(family).map_err(|_| Errno::EINVAL)?;
            let request = request(family, port);
            send(socket.as_raw_fd(), &request, MsgFlags::empty())?;
            answers(&socket, &mut found)?;
        }
        Ok(found)
    }

    fn request(family: u8, port: u16) -> [u8; HEAD + 56] {
        let mut text = [0; HEAD + 56];
        let length = u32::try_from(text.len()).unwrap_or_default();
        text[0..4].copy_from_slice(&length.to_ne_bytes());
        text[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
        text[6..8].copy_from_slice(&ASK.to_ne_bytes());
        text[HEAD] = family;
        text[HEAD + 1] = u8::try_from(libc::IPPROTO_TCP).unwrap_or_default();
        text[HEAD + 4..HEAD + 8].copy_from_slice(&STATES.to_ne_bytes());
        text[HEAD + 8..HEAD + 10].copy_from_slice(&port.to_be_bytes());
        text
    }

    fn answers(socket: &OwnedFd, found: &mut HashSet<u64>) -> io::Result<()> {
        let mut buffer = vec![0; 32 * 1024];
        loop {
            let size = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
            if size == 0 || read(&buffer[..size], found)? {
                return Ok(());
            }
        }
    }

    /// Reads what came at once; whether that was the end.
    fn read(mut text: &[u8], found: &mut HashSet<u64>) -> io::Result<bool> {
        while let (Some(length), Some(kind)) = (number(text, 0), text.get(4..6)) {
            let length = length as usize;
            let body = text.get(HEAD..length).ok_or(Errno::EBADMSG)?;
            match i32::from(u16::from_ne_bytes([kind[0], kind[1]])) {
                libc::NLMSG_DONE => return Ok(true),
                libc::NLMSG_ERROR => {
                    let code = number(body, 0).unwrap_or_default().cast_signed();
                    return Err(io::Error::from_raw_os_error(-code));
                }
                _ => found.extend(number(body, INODE).map(u64::from)),
            }
            text = text.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(false)
    }

    fn number(text: &[u8], at: usize) -> Option<u32> {
        let bytes = text.get(at..at + 4)?;
        Some(u32::from_ne_bytes(bytes.try_into().ok()?))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn answers_that_make_no_sense_are_errors() {
            let mut found = HashSet::new();
            assert!(!read(&[], &mut found).unwrap());
            assert!(!read(&[0; 3], &mut found).unwrap());
            assert!(read(&[200, 0, 0, 0, 20, 0, 0, 0], &mut found).is_err());
            assert!(read(&[1, 0, 0, 0, 20, 0, 0, 0], &mut found).is_err());
            let mut refusal = [0; 20];
            (refusal[0], refusal[4]) = (20, 2);
            refusal[16..].copy_from_slice(&(-13i32).to_ne_bytes());
            let error = read(&refusal, &mut found).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(13));
            assert!(found.is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    #[cfg(target_os = "linux")]
    fn only_what_was_accepted_at_that_port_and_is_held_counts() {
        let me = i32::try_from(std::process::id()).unwrap();
        for address in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let port = listener.local_addr().unwrap().port();
            let host = if address.starts_with("[::1") {
                "::1"
            } else {
                "127.0.0.1"
            };
            let served = Served::Port(port);
            let held = |pid| super::held(&[pid], &served)[0];
            assert_eq!(held(me), Some(0), "{address}");
            let clients: Vec<TcpStream> = (0..3)
                .map(|_| TcpStream::connect((host, port)).unwrap())
                .collect();
            // One waits still.
            let accepted: Vec<_> = (0..2).map(|_| listener.accept().unwrap()).collect();
            assert_eq!(held(me), Some(2), "{address}");
            let none_of_its = i32::try_from(std::os::unix::process::parent_id()).unwrap();
            assert_eq!(held(none_of_its), Some(0), "{address}");
            drop(clients);
            // Closed by their clients, and not yet by us.
            assert_eq!(held(me), Some(2), "{address}");
            drop(accepted);
            assert_eq!(held(me), Some(0), "{address}");
        }
    }
}
