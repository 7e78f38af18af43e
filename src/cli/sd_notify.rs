//! The word to systemd that a service of `Type=notify` is up: a datagram to the socket that `NOTIFY_SOCKET` names.

use std::{ffi::OsStr, io, os::unix::ffi::OsStrExt, os::unix::net::UnixDatagram};

/// Where systemd listens. Daemon and apps do not have it: see the launch of a daemon.
const SOCKET: &str = "NOTIFY_SOCKET";

/// Tells systemd, if it started us, that all is up and which process is the service's main one from now on.
pub(super) fn ready(main_pid: &str) -> io::Result<()> {
    let Some(address) = std::env::var_os(SOCKET).filter(|address| !address.is_empty()) else {
        return Ok(());
    };
    let text = format!("READY=1\nMAINPID={}\n", main_pid.trim());
    send(&address, text.as_bytes())
}

fn send(address: &OsStr, text: &[u8]) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    match address.as_bytes().split_first() {
        Some((b'@', name)) => send_abstract(&socket, name, text),
        _ => socket.send_to(text, address),
    }
    .map(drop)
}

#[cfg(target_os = "linux")]
fn send_abstract(socket: &UnixDatagram, name: &[u8], text: &[u8]) -> io::Result<usize> {
    use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
    socket.send_to_addr(text, &SocketAddr::from_abstract_name(name)?)
}

#[cfg(not(target_os = "linux"))]
fn send_abstract(_: &UnixDatagram, _: &[u8], _: &[u8]) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_reached() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let at_path = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), b"READY=1").unwrap();
        let mut text = [0; 16];
        let count = at_path.recv(&mut text).unwrap();
        assert_eq!(&text[..count], b"READY=1");
        assert!(send(OsStr::new("/none/notify"), b"READY=1").is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_abstract_name_is_reached() {
        use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
        let name = format!("rpm2-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listening = UnixDatagram::bind_addr(&address).unwrap();
        send(OsStr::new(&format!("@{name}")), b"READY=1").unwrap();
        let mut text = [0; 16];
        assert_eq!(listening.recv(&mut text).unwrap(), 7);
    }
}
