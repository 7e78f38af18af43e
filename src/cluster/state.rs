//! All workers, listeners and unanswered connections, and how they come and go.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::{runtime::Handle, sync::Notify};

use super::{
    answer,
    group::{Group, Listener},
    keep::Keeping,
    listener,
    record::{Policy, Seat, WorkerRecord},
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
    /// This state itself, for its tasks, and where they run.
    pub(super) shared: Weak<Mutex<State>>,
    pub(super) runtime: Option<Handle>,
    pub(super) workers: BTreeMap<u32, WorkerEntry>,
    pub(super) listeners: HashMap<Arc<str>, Group>,
    /// Connections that were given to a worker and not answered, by their numbers.
    pub(super) connections: HashMap<u64, Connection>,
    /// Sockets that apps may name by a descriptor's number.
    pub(super) lent: HashMap<i64, OwnedFd>,
    /// Workers of the primary before, whose channels have not come yet.
    pub(super) absent: BTreeMap<u32, WorkerRecord>,
    pub(super) keeping: Keeping,
    /// Kept listeners that are closed, until that is saved.
    pub(super) closed: Vec<String>,
    /// Another process goes on: nothing is accepted, closed or saved any more.
    pub(super) is_frozen: bool,
    /// Nothing is accepted any more; what was is still given to workers.
    pub(super) is_paused: bool,
    /// Connections that a change of the daemon lost.
    pub(super) lost: u64,
    pub(super) generation: u32,
    pub(super) last_worker: u32,
    /// The number in the last listener's name.
    pub(super) last_listener: u64,
    next_seq: u64,
}

/// A worker: what is known of it, and the way to it.
#[derive(Debug)]
pub(super) struct WorkerEntry {
    pub(super) record: WorkerRecord,
    pub(super) channel: ChannelSender,
    /// Its process, once that runs.
    pub(super) pid: Option<i32>,
    /// The connections it has not answered, oldest first.
    pub(super) in_flight: VecDeque<u64>,
    /// Told when `in_flight` has become empty.
    pub(super) settled: Arc<Notify>,
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
    pub(super) fn new(shared: &Weak<Mutex<Self>>, generation: u32, keeping: Keeping) -> Self {
        Self {
            shared: shared.clone(),
            runtime: Handle::try_current().ok(),
            keeping,
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

    pub(super) fn add_worker(&mut self, channel: ChannelSender, policy: Policy, seat: Seat) -> u32 {
        // The first may have been made before there was a runtime.
        self.runtime = self.runtime.take().or_else(|| Handle::try_current().ok());
        self.last_worker += 1;
        let record = WorkerRecord {
            policy,
            seat,
            ..WorkerRecord::default()
        };
        self.insert_worker(self.last_worker, record, channel);
        self.save();
        self.last_worker
    }

    pub(super) fn insert_worker(&mut self, id: u32, record: WorkerRecord, channel: ChannelSender) {
        let entry = WorkerEntry {
            record,
            channel,
            pid: None,
            in_flight: VecDeque::new(),
            settled: Arc::new(Notify::new()),
        };
        self.workers.insert(id, entry);
    }

    /// The worker's channel has ended: others get what it was given, and its listeners end if nobody else has them.
    pub(super) fn remove_worker(&mut self, id: u32) {
        if self.is_frozen {
            return;
        }
        let Some(worker) = self.workers.remove(&id) else {
            return;
        };
        worker.settled.notify_waiters();
        for key in worker.record.keys.keys() {
            self.leave_listener(key, id);
        }
        self.save();
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
            self.save();
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
        for key in std::mem::take(&mut worker.record.keys).into_keys() {
            self.leave_listener(&key, id);
        }
        // Before it is said: of us and a daemon that takes over, at most one may say it.
        self.save();
        if let Some(worker) = self.workers.get(&id) {
            // Closed: then it is leaving already. Full: it reads nothing, so nothing helps but its end.
            let _ = worker.channel.send_internal(&answer::disconnect(seq));
        }
    }

    /// The worker closed a server.
    pub(super) fn close_server(&mut self, id: u32, key: &str) {
        if let Some(worker) = self.workers.get_mut(&id)
            && worker.record.keys.remove(key).is_some()
        {
            self.leave_listener(key, id);
            self.save();
        }
    }

    /// Takes a worker from the listeners of a key, and ends them with its last one. To be saved afterwards.
    pub(super) fn leave_listener(&mut self, key: &str, id: u32) {
        let Some(group) = self.listeners.get_mut(key) else {
            return;
        };
        if let Some(listener) = group.of_mut(id) {
            listener.record.members.remove(&id);
        }
        if group.members().next().is_some() {
            return self.serve_waiting(key);
        }
        if let Some(group) = self.listeners.remove(key) {
            if let Some(any) = group.any() {
                listener::close(&any.record.binding);
            }
            let parts = group.parts.into_values().inspect(Listener::stop);
            self.closed.extend(parts.map(|part| part.record.name));
        }
    }
}
