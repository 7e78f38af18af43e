//! A daemon that belongs to one program, which wants it in no background: it and its apps end with that program, however
//! that ends. The program holds the other end of a socket.

use std::{io, os::fd::OwnedFd, os::unix::net::UnixStream};

use tokio::io::AsyncReadExt;

use super::context::Daemon;
use crate::protocol::OWNER;

/// The kept socket to the owner.
pub(super) const KEPT: &str = OWNER;

/// Ends the daemon when the owner at the other end of this socket has ended.
pub(super) fn end_with(daemon: &Daemon, socket: OwnedFd) -> io::Result<()> {
    let socket = UnixStream::from(socket);
    socket.set_nonblocking(true)?;
    let mut socket = tokio::net::UnixStream::from_std(socket)?;
    let daemon = daemon.clone();
    tokio::spawn(async move {
        let mut nothing = [0; 64];
        // The owner never says anything: whatever is not a byte is its end.
        while socket.read(&mut nothing).await.is_ok_and(|count| count > 0) {}
        daemon.orphaned().await;
    });
    Ok(())
}

impl Daemon {
    async fn orphaned(&self) {
        self.journal()
            .info("the program that this daemon belongs to has ended, stopping all apps");
        self.close_for_restarts();
        self.say_killed("pm2 has been killed by the end of its program");
        self.stop_all().await;
        self.end();
    }
}
