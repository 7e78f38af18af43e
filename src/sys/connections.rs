//! The connections that a process serves: what must be over before it may be ended.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    os::{
        fd::{AsFd, AsRawFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use nix::sys::socket::{SockType, UnixAddr, getsockname, getsockopt, sockopt};

use super::{established, listen, pidfd::Handle};

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Served {
    /// A TCP port, at whatever address.
    Port(u16),
    /// A Unix socket.
    Path(PathBuf),
}

/// State of a listening TCP socket in the system's tables.
const LISTENING: &str = "0A";
/// State of a connected Unix socket in the system's tables.
const CONNECTED: &str = "03";

/// How many connections of these servers the process `pid` holds. Connections that it made itself do not count.
///
/// # Errors
/// When the tables cannot be read: the process is gone, is another user's, or there is no `/proc`.
pub fn count(pid: i32, served: &[Served]) -> io::Result<usize> {
    Ok(held(pid, served)?.len())
}

/// A connection that a process holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its descriptor's number in that process.
    pub number: i32,
    /// The number of its socket, the same in every process that has it.
    pub inode: u64,
    /// Where its server listens.
    pub served: Served,
}

/// The numbers of all sockets that are open in the process.
///
/// # Errors
/// When the process is gone, or another user's.
pub fn sockets(pid: i32) -> io::Result<HashSet<u64>> {
    let open = open_sockets(&PathBuf::from(format!("/proc/{pid}")))?;
    Ok(open.into_iter().map(|(_, inode)| inode).collect())
}

/// The connections of these servers that the process holds.
///
/// # Errors
/// As [`count`].
pub fn held(pid: i32, served: &[Served]) -> io::Result<Vec<Connection>> {
    let root = PathBuf::from(format!("/proc/{pid}"));
    let open = open_sockets(&root)?;
    // The system's tables take long to read when there are many connections, or were: a look at the few sockets of the
    // process takes none, but the right to trace it.
    let process = Handle::open(pid).ok_or(io::ErrorKind::NotFound)?;
    match open
        .iter()
        .map(|socket| seen(&process, socket, served))
        .collect()
    {
        Ok(found) => {
            let found: Vec<Option<Connection>> = found;
            Ok(found.into_iter().flatten().collect())
        }
        Err(_) => listed(&root, open, served),
    }
}

/// The connection that a socket of the process is, if it is one of these servers'.
fn seen(
    process: &Handle,
    &(number, inode): &(i32, u64),
    served: &[Served],
) -> io::Result<Option<Connection>> {
    let socket = match process.copy_of(number) {
        Ok(socket) => socket,
        // Closed since we looked.
        Err(error) if error.raw_os_error() == Some(nix::libc::EBADF) => return Ok(None),
        Err(error) => return Err(error),
    };
    // A datagram socket may have the port's number, too.
    let is_stream = getsockopt(&socket, sockopt::SockType) == Ok(SockType::Stream);
    if !is_stream || getsockopt(&socket, sockopt::AcceptConn).unwrap_or(true) {
        return Ok(None);
    }
    let place = if let Some(address) = listen::local_address(socket.as_fd()) {
        Served::Port(address.port())
    } else {
        let address = getsockname::<UnixAddr>(socket.as_raw_fd()).ok();
        match address.as_ref().and_then(UnixAddr::path) {
            Some(path) => Served::Path(path.to_owned()),
            None => return Ok(None),
        }
    };
    Ok(served.contains(&place).then_some(Connection {
        number,
        inode,
        served: place,
    }))
}

/// The same from what the system has listed.
fn listed(root: &Path, open: Vec<(i32, u64)>, served: &[Served]) -> io::Result<Vec<Connection>> {
    let mut sockets = HashMap::new();
    let ports = served.iter().filter_map(|place| match place {
        Served::Port(port) => Some(established::inodes(*port).map(|found| (place, found))),
        Served::Path(_) => None,
    });
    if let Ok(found) = ports.collect::<io::Result<Vec<_>>>() {
        for (place, inodes) in found {
            sockets.extend(inodes.into_iter().map(|inode| (inode, place.clone())));
        }
    } else {
        for table in ["net/tcp", "net/tcp6"] {
            // Without IPv6 the second table is missing.
            if let Ok(text) = fs::read_to_string(root.join(table)) {
                sockets.extend(tcp(&text, served));
            }
        }
    }
    if served.iter().any(|place| matches!(place, Served::Path(_))) {
        sockets.extend(unix(&fs::read_to_string(root.join("net/unix"))?, served));
    }
    if sockets.is_empty() {
        return Ok(Vec::new());
    }
    let connection = |(number, inode)| {
        let served = sockets.get(&inode)?.clone();
        Some(Connection {
            number,
            inode,
            served,
        })
    };
    Ok(open.into_iter().filter_map(connection).collect())
}

/// Descriptor and number of every socket that is open in the process.
pub(super) fn open_sockets(root: &Path) -> io::Result<Vec<(i32, u64)>> {
    let entries = fs::read_dir(root.join("fd"))?.flatten();
    Ok(entries
        .filter_map(|entry| {
            let inode = inode_of(fs::read_link(entry.path()).ok()?.as_os_str().as_bytes())?;
            Some((entry.file_name().to_str()?.parse().ok()?, inode))
        })
        .collect())
}

/// The number in `socket:[number]`.
fn inode_of(link: &[u8]) -> Option<u64> {
    let number = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// Sockets in the text of `/proc/net/tcp` whose own port is served. Those that no process holds have the number 0.
fn tcp<'t>(text: &'t str, served: &'t [Served]) -> impl Iterator<Item = (u64, Served)> + 't {
    text.lines().skip(1).filter_map(move |line| {
        let mut fields = line.split_ascii_whitespace();
        let (_, port) = fields.nth(1)?.rsplit_once(':')?;
        let port = Served::Port(u16::from_str_radix(port, 16).ok()?);
        let is_connection = fields.nth(1)? != LISTENING;
        let inode = fields.nth(5)?.parse().ok()?;
        (is_connection && inode != 0 && served.contains(&port)).then_some((inode, port))
    })
}

/// Sockets in the text of `/proc/net/unix` that were accepted at a served path: they bear its name.
fn unix<'t>(text: &'t str, served: &'t [Served]) -> impl Iterator<Item = (u64, Served)> + 't {
    text.lines().skip(1).filter_map(move |line| {
        let mut fields = line.split_ascii_whitespace();
        let is_connection = fields.nth(5)? == CONNECTED;
        let inode = fields.next()?.parse().ok()?;
        let path = Served::Path(PathBuf::from(fields.next()?));
        (is_connection && served.contains(&path)).then_some((inode, path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        net::{TcpListener, TcpStream},
        os::{
            fd::AsRawFd,
            unix::net::{UnixListener, UnixStream},
        },
    };

    #[test]
    fn the_tables_are_read_by_port_and_path() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0\n\
            1: 0100007F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0\n\
            2: 0100007F:C000 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0\n\
            3: 0100007F:1F90 0100007F:C001 06 00000000:00000000 00:00000000 00000000     0        0 0 1 0\n\
            4: broken\n";
        let found: Vec<u64> = tcp(table, &[Served::Port(8080)])
            .map(|(inode, _)| inode)
            .collect();
        assert_eq!(found, [12]);
        let table = "Num       RefCount Protocol Flags    Type St Inode Path\n\
            0: 00000002 00000000 00010000 0001 01 21 /run/a.sock\n\
            0: 00000003 00000000 00000000 0001 03 22 /run/a.sock\n\
            0: 00000003 00000000 00000000 0001 03 23\n";
        let found: Vec<u64> = unix(table, &[Served::Path("/run/a.sock".into())])
            .map(|(inode, _)| inode)
            .collect();
        assert_eq!(found, [22]);
        assert_eq!(inode_of(b"socket:[7]"), Some(7));
        assert_eq!(inode_of(b"pipe:[7]"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_was_accepted_counts_and_what_was_made_does_not() {
        let me = i32::try_from(std::process::id()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let served = [Served::Port(address.port())];
        let _of_the_same_number = std::net::UdpSocket::bind(address).unwrap();
        assert_eq!(count(me, &served).unwrap(), 0);
        let client = TcpStream::connect(address).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert_eq!(count(me, &served).unwrap(), 1);
        drop(accepted);
        assert_eq!(count(me, &served).unwrap(), 0);
        drop(client);

        let client = TcpStream::connect(address).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let found = held(me, &served).unwrap();
        assert_eq!(
            (found.len(), found[0].number, &found[0].served),
            (1, accepted.as_raw_fd(), &served[0])
        );
        assert!(sockets(me).unwrap().contains(&found[0].inode));
        let root = PathBuf::from("/proc/self");
        let from_tables = listed(&root, open_sockets(&root).unwrap(), &served);
        assert_eq!(from_tables.unwrap(), found);
        // Another process has not got it.
        let other = std::process::Command::new("sleep").arg("60").spawn();
        let mut other = other.unwrap();
        let other_pid = i32::try_from(other.id()).unwrap();
        assert!(!sockets(other_pid).unwrap().contains(&found[0].inode));
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(sockets(other_pid).is_err());
        drop((accepted, client));

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let served = [Served::Path(path.clone())];
        let _client = UnixStream::connect(&path).unwrap();
        let _accepted = listener.accept().unwrap();
        assert_eq!(count(me, &served).unwrap(), 1);
    }
}
