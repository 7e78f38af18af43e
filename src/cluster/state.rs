//! All workers, listeners and unanswered connections, and how they come and go.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use tokio::{io::unix::AsyncFd, sync::Notify, task::AbortHandle};

use super::{
    answer, listener,
    record::{ListenerRecord, Policy, WorkerRecord},
};
use crate::channel::ChannelSender;

/// The state, shared by the primary, its workers and the tasks that accept.
pub(super) type Shared = Arc<Mutex<State>>;

/// Locks the state, for a few lines and never across a wait.
pub(super) fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) workers: BTreeMap<u32, WorkerEntry>,
    pub(super) listeners: HashMap<Arc<str>, Listener>,
    /// Connections that were given to a worker and not answered, by their numbers.
    pub(super) connections: HashMap<u64, Connection>,
    /// Sockets that apps may name by a descriptor's number.
    pub(super) lent: HashMap<i64, OwnedFd>,
    /// Connections that a change of the daemon lost.
    pub(super) lost: u64,
    pub(super) generation: u32,
    last_worker: u32,
    next_seq: u64,
}

/// A worker: what is known of it, and the way to it.
#[derive(Debug)]
pub(super) struct WorkerEntry {
    pub(super) record: WorkerRecord,
    pub(super) channel: ChannelSender,
    /// The connections it has not answered, oldest first.
    pub(super) in_flight: VecDeque<u64>,
    /// Told when `in_flight` has become empty.
    pub(super) settled: Arc<Notify>,
}

/// A listener: what is known of it, and its socket.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) record: ListenerRecord,
    pub(super) socket: Socket,
    /// Connections that came back, or that no worker could be given.
    pub(super) waiting: VecDeque<Connection>,
    /// Wakes the accepting task when a worker has become free.
    pub(super) waker: Option<Waker>,
}

/// A listener's socket.
#[derive(Debug)]
pub(super) enum Socket {
    /// We accept.
    RoundRobin {
        socket: AsyncFd<OwnedFd>,
        task: AbortHandle,
    },
    /// The workers accept.
    Shared(Arc<OwnedFd>),
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Self::RoundRobin { task, .. } = self {
            task.abort();
        }
    }
}

/// A connection on its way to a worker. Our copy stays open until a worker has it for certain.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) socket: Arc<OwnedFd>,
    /// The listener it came by.
    pub(super) key: Arc<str>,
    /// Its ticket with the channel of the worker it was given to.
    pub(super) ticket: u64,
    /// Workers that did not want it.
    pub(super) refused_by: Vec<u32>,
}

impl State {
    /// An empty state whose numbers no earlier state of a lower generation has used.
    pub(super) fn new(generation: u32) -> Self {
        Self {
            generation,
            next_seq: u64::from(generation) << 32,
            ..Self::default()
        }
    }

    /// A number for a message of ours.
    pub(super) fn next_seq(&mut self) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        seq
    }

    pub(super) fn add_worker(&mut self, channel: ChannelSender, policy: Policy) -> u32 {
        self.last_worker += 1;
        let record = WorkerRecord {
            policy,
            ..WorkerRecord::default()
        };
        let entry = WorkerEntry {
            record,
            channel,
            in_flight: VecDeque::new(),
            settled: Arc::new(Notify::new()),
        };
        self.workers.insert(self.last_worker, entry);
        self.last_worker
    }

    /// The worker's channel has ended: others get what it was given, and its listeners end if nobody else has them.
    pub(super) fn remove_worker(&mut self, id: u32) {
        let Some(worker) = self.workers.remove(&id) else {
            return;
        };
        worker.settled.notify_waiters();
        for key in &worker.record.keys {
            self.leave_listener(key, id);
        }
        for seq in worker.in_flight {
            if let Some(connection) = self.connections.remove(&seq) {
                self.give(connection);
            }
        }
    }

    /// Gives the worker no new connection.
    pub(super) fn retire_worker(&mut self, id: u32) {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.record.retired = true;
        }
    }

    /// Tells the worker to leave, once only: a second time it would drop what it serves. It has its listeners no
    /// more, and what it is asked for from here on is not answered.
    pub(super) fn disconnect_worker(&mut self, id: u32) {
        let seq = self.next_seq();
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        if std::mem::replace(&mut worker.record.leaving, true) {
            return;
        }
        // Closed: then it is leaving already. Full: it reads nothing, so nothing helps but its end.
        let _ = worker.channel.send_internal(&answer::disconnect(seq));
        for key in std::mem::take(&mut worker.record.keys) {
            self.leave_listener(&key, id);
        }
    }

    /// The worker closed a server.
    pub(super) fn close_server(&mut self, id: u32, key: &str) {
        if let Some(worker) = self.workers.get_mut(&id)
            && worker.record.keys.remove(key)
        {
            self.leave_listener(key, id);
        }
    }

    /// Takes a worker from a listener, and ends the listener with its last one.
    fn leave_listener(&mut self, key: &str, id: u32) {
        let Some(listener) = self.listeners.get_mut(key) else {
            return;
        };
        listener.record.members.remove(&id);
        if listener.record.members.is_empty() {
            listener::close(&listener.record.binding);
            self.listeners.remove(key);
        } else {
            self.serve_waiting(key);
        }
    }
}
