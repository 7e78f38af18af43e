//! Sockets that share one TCP address (`SO_REUSEPORT`), over which the system spreads connections.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

use nix::sys::socket::{Shutdown, setsockopt, shutdown, sockopt};

/// Lets others be bound beside a socket that was bound without that being allowed.
pub fn allow(socket: BorrowedFd<'_>) -> io::Result<()> {
    Ok(setsockopt(&socket, sockopt::ReusePort, &true)?)
}

/// Takes a socket from among those that share its address, at once, whoever has copies of it. What waits in it is
/// lost.
pub fn stop_listening(socket: BorrowedFd<'_>) -> io::Result<()> {
    Ok(shutdown(socket.as_raw_fd(), Shutdown::Both)?)
}

/// Spreads new connections only over these of the sockets that share `socket`'s address, each named by its place in the
/// order in which they began to listen; when one stops, the last takes its place. With none named, over all of them.
#[cfg(target_os = "linux")]
pub fn steer(socket: BorrowedFd<'_>, places: &[u32]) -> io::Result<()> {
    let mut program = program(places).ok_or(io::ErrorKind::InvalidInput)?;
    let filter = nix::libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        filter: program.as_mut_ptr(),
    };
    Ok(setsockopt(&socket, sockopt::AttachReusePortCbpf, &filter)?)
}

/// Elsewhere the system cannot be told.
#[cfg(not(target_os = "linux"))]
pub fn steer(_socket: BorrowedFd<'_>, _places: &[u32]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A packet filter that answers one of `places` at random, or, without any, a place that there is not: the system then
/// chooses as it does without a filter. `None` if there are more than a filter can name.
#[cfg(target_os = "linux")]
fn program(places: &[u32]) -> Option<Vec<nix::libc::sock_filter>> {
    use nix::libc::{self, sock_filter};
    const LOAD: u16 = 0x20;
    const MODULO: u16 = 0x94;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    /// As many as fit into the 4096 instructions that a filter may have.
    const MOST: usize = 2000;
    const NOWHERE: u32 = u32::MAX;
    let step = |code, k, skipped_unless| sock_filter {
        code,
        jt: 0,
        jf: skipped_unless,
        k,
    };
    if places.is_empty() {
        return Some(vec![step(RETURN, NOWHERE, 0)]);
    }
    if places.len() > MOST {
        return None;
    }
    let random = (libc::SKF_AD_OFF + libc::SKF_AD_RANDOM).cast_unsigned();
    let count = u32::try_from(places.len()).ok()?;
    let choices = (0..count)
        .zip(places)
        .flat_map(|(choice, place)| [step(JUMP_IF_EQUAL, choice, 1), step(RETURN, *place, 0)]);
    let head = [step(LOAD, random, 0), step(MODULO, count, 0)];
    let tail = [step(RETURN, NOWHERE, 0)];
    Some(head.into_iter().chain(choices).chain(tail).collect())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use crate::sys::listen::{self, BindOptions};
    use std::{
        net::{SocketAddr, TcpStream},
        os::fd::{AsFd, OwnedFd},
    };

    fn beside(address: SocketAddr) -> io::Result<OwnedFd> {
        let options = BindOptions {
            reuse_port: true,
            ..BindOptions::default()
        };
        let socket = listen::bind_tcp(address, options)?;
        listen::start_listening(&socket, 511)?;
        Ok(socket)
    }

    /// Makes connections, and takes them again: how many came by each socket.
    fn spread(address: SocketAddr, sockets: &[OwnedFd]) -> Vec<usize> {
        let clients: Vec<TcpStream> = (0..100)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let counts = sockets.iter().map(|socket| {
            let accepted = || listen::accept(socket.as_fd()).ok();
            std::iter::from_fn(accepted).count()
        });
        let counts: Vec<usize> = counts.collect();
        assert_eq!(counts.iter().sum::<usize>(), clients.len());
        counts
    }

    #[test]
    fn connections_go_to_all_or_to_those_that_are_named() {
        let first = listen::bind_tcp("127.0.0.1:0".parse().unwrap(), BindOptions::default());
        let mut sockets = vec![first.unwrap()];
        let address = listen::local_address(sockets[0].as_fd()).unwrap();
        listen::start_listening(&sockets[0], 511).unwrap();
        let taken = beside(address).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        // Also when it listens already.
        allow(sockets[0].as_fd()).unwrap();
        for _ in 0..2 {
            sockets.push(beside(address).unwrap());
        }
        let all = |counts: Vec<usize>| counts.iter().all(|count| *count > 0);
        assert!(all(spread(address, &sockets)));
        for away in 0..3 {
            let others: Vec<u32> = (0..3).filter(|place| *place != away).collect();
            steer(sockets[1].as_fd(), &others).unwrap();
            let counts = spread(address, &sockets);
            for (place, count) in (0..).zip(counts) {
                assert_eq!(count == 0, place == away, "{place} without {away}");
            }
        }
        steer(sockets[1].as_fd(), &[]).unwrap();
        assert!(all(spread(address, &sockets)));
        // The last takes the place of one that stops, although there is a copy of that.
        let _copy = sockets[0].try_clone().unwrap();
        stop_listening(sockets[0].as_fd()).unwrap();
        sockets.remove(0);
        steer(sockets[0].as_fd(), &[0]).unwrap();
        assert_eq!(spread(address, &sockets), [0, 100]);
    }
}
