//! The daemon: everything with a mind. It serves the two sockets of one home on one thread.

#![forbid(unsafe_code)]

mod batch;
mod calls;
mod connection;
mod context;
mod leave;
mod limits;
mod owner;
mod registry;
mod replies;
mod rest;
mod schedule;
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

/// The same when another daemon goes on: apps that end meanwhile are waited for longer than this for their last words
/// (500 ms), so all of those are the next daemon's.
const LAST_EVENTS_BEFORE_NEXT: Duration = Duration::from_millis(400);

/// What comes after a daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// Nothing: the apps have ended.
    Nothing,
    /// The next daemon, which has the apps, the sockets and all that is kept.
    Next,
}

/// Serves the sockets until the daemon is told to end, or to leave everything to the next one.
async fn run(daemon: Daemon, rpc: UnixListener, events: UnixListener) -> After {
    let (ending, leaving) = (daemon.ending(), daemon.leaving());
    let after = tokio::select! {
        () = connection::accept(&daemon, rpc) => After::Nothing,
        () = subscriber::accept(&daemon, events) => After::Nothing,
        () = ending => After::Nothing,
        () = leaving => leave::prepare(&daemon).await,
    };
    daemon.subscribers().close();
    let patience = match after {
        After::Nothing => LAST_EVENTS,
        After::Next => LAST_EVENTS_BEFORE_NEXT,
    };
    // A subscriber that does not read must not keep us.
    let _ = tokio::time::timeout(patience, daemon.subscribers().wait()).await;
    if after == After::Next {
        leave::freeze(&daemon).await;
    }
    after
}
