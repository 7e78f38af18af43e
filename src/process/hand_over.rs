//! Idle kept connections of a worker that leaves, for the workers that stay. A server that closes drops its idle
//! connections at that moment, and a client that was just sending loses its request. While we hold copies nothing is
//! said to the clients, and what the server has dropped another worker goes on with, unread requests included.

use std::time::Duration;

use tokio::sync::mpsc;

use super::{launch::Run, messages::Word, record::Live};
use crate::sys::connections::{self, Copied};

/// How long a worker has for closing its servers once it is told to.
const CLOSING: Duration = Duration::from_millis(500);

/// Copies of what the worker holds, to be taken right before it is told to disconnect: how many servers it will close,
/// and the copies. None if we may not look into the process, or it has nothing that can be given to another: what is
/// encrypted lives in the process.
pub(super) fn copies(run: &Run, live: &Live) -> (usize, Vec<Copied>) {
    let Some(worker) = &run.worker else {
        return (0, Vec::new());
    };
    let plain = worker.served_plainly();
    let copies = connections::copies(&live.handle, &plain).unwrap_or_default();
    (worker.servers(), copies)
}

/// Waits until the worker has closed its servers, then gives what it let go to the others. Never held longer: the
/// server's own time-outs would no longer close what it has.
pub(super) async fn hand_over(
    pid: i32,
    worker: &crate::cluster::Worker,
    words: &mut mpsc::Receiver<Word>,
    (servers, copies): (usize, Vec<Copied>),
) {
    if copies.is_empty() {
        return;
    }
    let mut left = servers;
    let closed = async {
        while left > 0
            && let Some(word) = words.recv().await
        {
            left -= usize::from(word == Word::Closed);
        }
    };
    let _ = tokio::time::timeout(CLOSING, closed).await;
    for copy in connections::let_go(pid, copies) {
        worker.give_away(&copy.served, copy.socket);
    }
}
