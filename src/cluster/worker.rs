//! One worker's handle.

use std::{os::fd::OwnedFd, sync::Arc};

use super::{
    answer, query,
    record::WorkerRecord,
    state::{Shared, lock},
};
use crate::{
    channel::{AddressType, ClusterMessage},
    sys::connections::Served,
};

/// What a worker's message means for its supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkerEvent {
    /// It runs.
    Online,
    /// It listens.
    Listening {
        /// The address it asked for; `None` is every address.
        address: Option<String>,
        /// The port; negative for a Unix socket.
        port: Option<i64>,
        /// The kind of address.
        address_type: AddressType,
    },
    /// A server of it is closed.
    Closed,
    /// It leaves of its own accord.
    ExitedAfterDisconnect,
}

/// A worker of the primary. Dropping it means that its channel has ended.
#[derive(Debug)]
pub struct Worker {
    state: Shared,
    id: u32,
}

/// The way from a worker, which may be gone, to the others.
#[derive(Debug, Clone)]
pub struct Giver {
    state: Shared,
    id: u32,
}

impl Giver {
    /// Gives a connection that the worker had and let go of to another worker of that server; without one it is closed.
    pub fn give(&self, served: &Served, socket: OwnedFd) {
        lock(&self.state).give_away(self.id, served, socket);
    }
}

impl Worker {
    pub(super) fn new(state: Shared, id: u32) -> Self {
        Self { state, id }
    }

    /// Its number, never used again: the `NODE_UNIQUE_ID` of its process.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Says which process it is.
    pub fn runs_as(&self, pid: i32) {
        if let Some(entry) = lock(&self.state).workers.get_mut(&self.id) {
            entry.pid = Some(pid);
        }
    }

    /// Whether a server of it has listened, under this daemon or one before.
    pub fn is_listening(&self) -> bool {
        self.record(|record| record.listening)
    }

    /// Whether it was told to disconnect, or said that it will, under this daemon or one before. If that one died in
    /// between, it may not have been told.
    pub fn is_leaving(&self) -> bool {
        self.record(|record| record.leaving)
    }

    /// Whether it listens on everything that `other` listens on: it can then take its place.
    pub fn covers(&self, other: &Self) -> bool {
        let state = lock(&self.state);
        let servers = |worker: &Self| {
            let entry = state.workers.get(&worker.id);
            entry.map(|entry| entry.record.ready_keys())
        };
        let (Some(own), Some(others)) = (servers(self), servers(other)) else {
            return false;
        };
        others.is_subset(&own)
    }

    /// Where its servers listen, but for those that take no connections.
    pub fn served(&self) -> Vec<Served> {
        lock(&self.state).served(self.id)
    }

    /// The same, without the servers whose connections carry state that only the worker has: encrypted ones.
    pub fn served_plainly(&self) -> Vec<Served> {
        lock(&self.state).served_plainly(self.id)
    }

    /// How many servers it has.
    pub fn servers(&self) -> usize {
        let state = lock(&self.state);
        let entry = state.workers.get(&self.id);
        entry.map_or(0, |entry| entry.record.keys.len())
    }

    /// Gives others what it had.
    pub fn giver(&self) -> Giver {
        Giver {
            state: Arc::clone(&self.state),
            id: self.id,
        }
    }

    /// Whether another worker would get a connection that it had.
    pub fn has_heirs(&self) -> bool {
        lock(&self.state).has_heirs(self.id)
    }

    /// Whether it takes connections from a listening socket of its own accord.
    pub fn accepts_itself(&self) -> bool {
        lock(&self.state).accepts_itself(self.id)
    }

    fn record(&self, tell: impl FnOnce(&WorkerRecord) -> bool) -> bool {
        let state = lock(&self.state);
        let entry = state.workers.get(&self.id);
        entry.is_some_and(|entry| tell(&entry.record))
    }

    /// Acts on a message of the worker. Must be called on a tokio runtime.
    pub fn message(&self, message: ClusterMessage) -> Option<WorkerEvent> {
        match message {
            ClusterMessage::Online => return Some(WorkerEvent::Online),
            ClusterMessage::Listening {
                address,
                port,
                address_type,
            } => {
                lock(&self.state).listening(self.id, address.as_deref(), port, address_type);
                return Some(WorkerEvent::Listening {
                    address,
                    port,
                    address_type,
                });
            }
            ClusterMessage::ExitedAfterDisconnect { seq } => {
                self.acknowledge_leaving(seq);
                return Some(WorkerEvent::ExitedAfterDisconnect);
            }
            ClusterMessage::QueryServer { seq, query } => {
                query::answer(&self.state, self.id, seq, *query);
            }
            ClusterMessage::Close { key } => {
                lock(&self.state).close_server(self.id, &key);
                return Some(WorkerEvent::Closed);
            }
            ClusterMessage::Accepted { ack, accepted } => {
                lock(&self.state).answered(self.id, ack, accepted);
            }
            ClusterMessage::HandlesLost(lost) => {
                lock(&self.state).handles_lost(self.id, lost);
            }
        }
        None
    }

    /// Gives it no new connection any more; its listeners stay open.
    pub fn retire(&self) {
        lock(&self.state).retire_worker(self.id);
    }

    /// Tells it to close its servers, finish what it has and end its channel. A second call does nothing. It has no
    /// part in its listeners from here on: one that no other worker has is closed.
    pub fn disconnect(&self) {
        lock(&self.state).disconnect_worker(self.id);
    }

    /// Its channel has ended, after everything in it was read: listeners that nobody else has are closed, and
    /// connections that it has not taken go to other workers. Afterwards this handle does nothing.
    pub fn gone(&self) {
        lock(&self.state).remove_worker(self.id);
    }

    /// Connections that it was given and has not answered.
    pub fn in_flight(&self) -> usize {
        let state = lock(&self.state);
        let entry = state.workers.get(&self.id);
        entry.map_or(0, |entry| entry.in_flight.len())
    }

    /// Waits until it has answered every connection it was given; to be used after [`retire`](Self::retire). A
    /// worker that is gone has.
    pub async fn settled(&self) {
        loop {
            let settled = {
                let state = lock(&self.state);
                match state.workers.get(&self.id) {
                    Some(entry) if !entry.in_flight.is_empty() => {
                        Arc::clone(&entry.settled).notified_owned()
                    }
                    _ => return,
                }
            };
            // Made under the lock under which it is told, so nothing is missed before the wait.
            settled.await;
        }
    }

    fn acknowledge_leaving(&self, seq: u64) {
        let mut state = lock(&self.state);
        if let Some(entry) = state.workers.get_mut(&self.id) {
            entry.record.leaving = true;
            state.save();
        }
        if let Some(entry) = state.workers.get(&self.id) {
            // Not taken only when it is gone.
            let _ = entry.channel.send_internal(&answer::acknowledge(seq));
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.gone();
    }
}
