//! Who is at the other end of a Unix socket.

use std::{io, os::fd::AsFd};

/// Credentials of a connected peer, taken when it connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Effective user.
    pub uid: u32,
    /// Process, where the system tells it.
    pub pid: Option<i32>,
}

impl Peer {
    /// Whether the peer may speak to a daemon that runs as the calling user: that user, or root.
    pub fn may_command(&self) -> bool {
        self.uid == nix::unistd::geteuid().as_raw() || self.uid == 0
    }
}

/// Asks the system for the peer of a connected Unix socket.
#[cfg(target_os = "linux")]
pub fn credentials(socket: impl AsFd) -> io::Result<Peer> {
    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
    let found = getsockopt(&socket, PeerCredentials)?;
    Ok(Peer {
        uid: found.uid(),
        pid: Some(found.pid()),
    })
}

/// Asks the system for the peer of a connected Unix socket.
#[cfg(not(target_os = "linux"))]
pub fn credentials(socket: impl AsFd) -> io::Result<Peer> {
    let (uid, _) = nix::unistd::getpeereid(socket)?;
    Ok(Peer {
        uid: uid.as_raw(),
        pid: None,
    })
}
