//! A listener's socket: opening it as a [`Binding`] says, and closing it.

use std::{
    fs::{self, Permissions},
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::PermissionsExt,
    },
    path::Path,
};

use nix::errno::Errno;

use super::record::{Binding, Policy};
use crate::{
    channel::AddressType,
    sys::{
        listen::{self, BindOptions},
        reuse_port,
    },
};

/// What Node takes for the backlog when an app names none.
const BACKLOG: i32 = 511;

/// libuv's flags: `UV_TCP_IPV6ONLY` and `UV_UDP_IPV6ONLY`, and `UV_UDP_REUSEADDR`.
const ONLY_V6: i64 = 1;
const REUSE_UDP: i64 = 4;

/// Opens a socket for `binding`. If we accept, or others will be opened beside it, it listens; else that is left to the
/// workers. The error is the system's, as the app is to see it.
pub(super) fn open(binding: &Binding, mode: Policy, lent: Option<&OwnedFd>) -> io::Result<OwnedFd> {
    let socket = bind(binding, lent)?;
    let prepared = prepare(binding, mode, &socket);
    if prepared.is_err() {
        close(binding);
    }
    prepared.map(|()| socket)
}

/// Opens another socket beside `first`, which is bound as `binding` says: the kernel then spreads connections over
/// both. It listens.
pub(super) fn open_beside(binding: &Binding, first: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let address = listen::local_address(first).ok_or(Errno::EINVAL)?;
    reuse_port::allow(first)?;
    let options = BindOptions {
        reuse_port: true,
        ..options(binding)
    };
    let socket = listen::bind_tcp(address, options)?;
    listen::start_listening(&socket, backlog(binding))?;
    Ok(socket)
}

/// Removes what a listener leaves behind: a Unix socket's file.
pub(super) fn close(binding: &Binding) {
    if let Some(path) = path(binding) {
        // Gone already, or no longer ours to remove: nothing more can be done.
        let _ = fs::remove_file(path);
    }
}

fn path(binding: &Binding) -> Option<&Path> {
    let is_path = binding.fd.is_none() && binding.address_type == AddressType::Pipe;
    is_path.then_some(binding.address.as_deref().map(Path::new))?
}

fn bind(binding: &Binding, lent: Option<&OwnedFd>) -> io::Result<OwnedFd> {
    if binding.fd.is_some() {
        return lent.ok_or(Errno::EINVAL)?.try_clone();
    }
    let options = options(binding);
    match binding.address_type {
        AddressType::Pipe => listen::bind_unix(path(binding).ok_or(Errno::EINVAL)?),
        AddressType::Udp4 | AddressType::Udp6 => listen::bind_udp(address(binding)?, options),
        AddressType::Tcp4 | AddressType::Tcp6 if binding.address.is_some() => {
            listen::bind_tcp(address(binding)?, options)
        }
        AddressType::Tcp4 | AddressType::Tcp6 | AddressType::Descriptor => {
            bind_every_address(port(binding)?, options)
        }
    }
}

fn options(binding: &Binding) -> BindOptions {
    BindOptions {
        only_v6: binding.flags & ONLY_V6 != 0,
        reuse_udp: binding.flags & REUSE_UDP != 0,
        reuse_port: false,
    }
}

fn backlog(binding: &Binding) -> i32 {
    let asked = i32::try_from(binding.backlog).unwrap_or(i32::MAX);
    if asked > 0 { asked } else { BACKLOG }
}

/// IPv6 and with it IPv4; where there is no IPv6, IPv4 alone.
fn bind_every_address(port: u16, options: BindOptions) -> io::Result<OwnedFd> {
    match listen::bind_tcp((Ipv6Addr::UNSPECIFIED, port).into(), options) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            listen::bind_tcp((Ipv4Addr::UNSPECIFIED, port).into(), options)
        }
        result => result,
    }
}

fn address(binding: &Binding) -> io::Result<SocketAddr> {
    let port = port(binding)?;
    match (&binding.address, binding.address_type) {
        (Some(text), _) => Ok(listen::parse_address(text, port).ok_or(Errno::EINVAL)?),
        (None, AddressType::Udp6) => Ok((Ipv6Addr::UNSPECIFIED, port).into()),
        (None, _) => Ok((Ipv4Addr::UNSPECIFIED, port).into()),
    }
}

fn port(binding: &Binding) -> io::Result<u16> {
    Ok(u16::try_from(binding.port.unwrap_or(0)).map_err(|_| Errno::EINVAL)?)
}

fn prepare(binding: &Binding, mode: Policy, socket: &OwnedFd) -> io::Result<()> {
    if let Some(path) = path(binding) {
        open_to_all(path, binding)?;
    }
    if mode == Policy::Kernel {
        // Only now, so that a port in use was told.
        reuse_port::allow(socket.as_fd())?;
    }
    if mode != Policy::Shared {
        listen::start_listening(socket, backlog(binding))?;
    }
    Ok(())
}

fn open_to_all(path: &Path, binding: &Binding) -> io::Result<()> {
    let readable = if binding.readable_all { 0o444 } else { 0 };
    let writable = if binding.writable_all { 0o222 } else { 0 };
    if readable | writable == 0 {
        return Ok(());
    }
    let mode = fs::metadata(path)?.permissions().mode();
    fs::set_permissions(path, Permissions::from_mode(mode | readable | writable))
}
