//! The daemon: everything with a mind. It serves the two sockets of one home on one thread.

#![forbid(unsafe_code)]

mod calls;
mod connection;
mod context;
mod registry;
mod start;
mod subscriber;
mod takeover;
mod watches;

use std::{process::ExitCode, time::Duration};

use tokio::net::UnixListener;

use self::context::Daemon;

/// How long subscribers have for the last events when the daemon ends.
const LAST_EVENTS: Duration = Duration::from_millis(200);

/// Runs the daemon of the home that the environment names until it is told to end; the keeper starts it. Says on
/// standard output that it is ready, or why it cannot be.
pub fn main() -> ExitCode {
    start::main()
}

/// Serves the sockets until the daemon is told to end.
async fn run(daemon: Daemon, rpc: UnixListener, events: UnixListener) {
    let ending = daemon.ending();
    tokio::select! {
        () = connection::accept(&daemon, rpc) => {}
        () = subscriber::accept(&daemon, events) => {}
        () = ending => {}
    }
    daemon.subscribers().close();
    // A subscriber that does not read must not keep us.
    let _ = tokio::time::timeout(LAST_EVENTS, daemon.subscribers().wait()).await;
}
