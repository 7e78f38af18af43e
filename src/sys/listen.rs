//! Sockets that others connect to: binding, listening, accepting. Everything is non-blocking and close-on-exec, as
//! Node expects of a descriptor it is handed.

use std::{
    io,
    net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6},
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    path::Path,
};

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, UnixAddr, bind, getsockname,
    listen, setsockopt, socket, sockopt,
};

/// How an Internet socket is bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BindOptions {
    /// Whether an IPv6 socket leaves IPv4 alone.
    pub only_v6: bool,
    /// Whether a UDP address may be shared with others that ask for it. TCP always may be taken again at once after
    /// its last use.
    pub reuse_udp: bool,
    /// Whether a TCP address is taken beside other sockets that were bound so too: the system then spreads connections
    /// over all that listen.
    pub reuse_port: bool,
}

/// A TCP socket bound to `address`, not yet listening.
pub fn bind_tcp(address: SocketAddr, options: BindOptions) -> io::Result<OwnedFd> {
    let socket = new_socket(family(address), SockType::Stream)?;
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    if options.reuse_port {
        setsockopt(&socket, sockopt::ReusePort, &true)?;
    }
    bind_internet(socket, address, options)
}

/// A UDP socket bound to `address`.
pub fn bind_udp(address: SocketAddr, options: BindOptions) -> io::Result<OwnedFd> {
    let socket = new_socket(family(address), SockType::Datagram)?;
    if options.reuse_udp {
        setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    }
    bind_internet(socket, address, options)
}

/// A Unix socket bound to `path`, not yet listening. The file is the caller's to unlink.
pub fn bind_unix(path: &Path) -> io::Result<OwnedFd> {
    let socket = new_socket(AddressFamily::Unix, SockType::Stream)?;
    bind(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(socket)
}

/// Begins to take connections; at most `backlog` of them wait (the system may cap it lower).
pub fn start_listening(socket: &OwnedFd, backlog: i32) -> io::Result<()> {
    Ok(listen(
        socket,
        Backlog::new(backlog).unwrap_or(Backlog::MAXCONN),
    )?)
}

/// Takes one waiting connection; `WouldBlock` when none waits.
#[cfg(target_os = "linux")]
pub fn accept(listener: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let connection = nix::sys::socket::accept4(listener.as_raw_fd(), flags)?;
    // SAFETY: accept4 has just made this descriptor; this is its one owner.
    Ok(unsafe { OwnedFd::from_raw_fd(connection) })
}

/// Takes one waiting connection; `WouldBlock` when none waits.
#[cfg(not(target_os = "linux"))]
pub fn accept(listener: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let connection = nix::sys::socket::accept(listener.as_raw_fd())?;
    // SAFETY: accept has just made this descriptor; this is its one owner.
    flagged(unsafe { OwnedFd::from_raw_fd(connection) })
}

/// The Internet address a socket is bound to; `None` for any other kind of socket.
pub fn local_address(socket: BorrowedFd<'_>) -> Option<SocketAddr> {
    let address: SockaddrStorage = getsockname(socket.as_raw_fd()).ok()?;
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddrV4::from(*v4).into());
    }
    Some(SocketAddrV6::from(*address.as_sockaddr_in6()?).into())
}

/// Reads an address literal, with a zone (`fe80::1%eth0`) if it has one. Looks nothing up but the zone's interface.
pub fn parse_address(text: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(SocketAddr::new(ip, port));
    }
    let (ip, zone) = text.split_once('%')?;
    let scope = zone
        .parse()
        .or_else(|_| nix::net::if_::if_nametoindex(zone))
        .ok()?;
    Some(SocketAddrV6::new(ip.parse().ok()?, port, 0, scope).into())
}

fn family(address: SocketAddr) -> AddressFamily {
    match address {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    }
}

fn bind_internet(
    socket: OwnedFd,
    address: SocketAddr,
    options: BindOptions,
) -> io::Result<OwnedFd> {
    if address.is_ipv6() {
        setsockopt(&socket, sockopt::Ipv6V6Only, &options.only_v6)?;
    }
    let address = SockaddrStorage::from(address);
    bind(socket.as_raw_fd(), &address)?;
    Ok(socket)
}

#[cfg(target_os = "linux")]
fn new_socket(family: AddressFamily, kind: SockType) -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    Ok(socket(family, kind, flags, None)?)
}

#[cfg(not(target_os = "linux"))]
fn new_socket(family: AddressFamily, kind: SockType) -> io::Result<OwnedFd> {
    flagged(socket(family, kind, SockFlag::empty(), None)?)
}

#[cfg(not(target_os = "linux"))]
fn flagged(socket: OwnedFd) -> io::Result<OwnedFd> {
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    use std::os::fd::AsFd;
    fcntl(&socket, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    super::descriptor::set_nonblocking(socket.as_fd())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{net::TcpStream, os::fd::AsFd};

    #[test]
    fn a_bound_socket_accepts_connections_that_do_not_block() {
        let address = parse_address("127.0.0.1", 0).unwrap();
        let listener = bind_tcp(address, BindOptions::default()).unwrap();
        start_listening(&listener, 511).unwrap();
        let empty = accept(listener.as_fd()).unwrap_err();
        assert_eq!(empty.kind(), io::ErrorKind::WouldBlock);
        let bound = local_address(listener.as_fd()).unwrap();
        let _client = TcpStream::connect(bound).unwrap();
        let connection = accept(listener.as_fd()).unwrap();
        let mut buffer = [0; 1];
        let nothing = super::super::socket::receive(connection.as_fd(), &mut buffer).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        let taken = bind_tcp(bound, BindOptions::default()).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn address_literals_may_have_a_zone() {
        assert_eq!(parse_address("::1", 80), Some("[::1]:80".parse().unwrap()));
        assert_eq!(
            parse_address("fe80::1%7", 80),
            Some(SocketAddrV6::new("fe80::1".parse().unwrap(), 80, 0, 7).into())
        );
        assert_eq!(parse_address("localhost", 80), None);
        assert_eq!(parse_address("fe80::1%no such zone", 80), None);
    }
}
