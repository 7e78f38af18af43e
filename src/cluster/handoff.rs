//! Giving connections to workers, and what comes of it.

use std::{os::fd::OwnedFd, sync::Arc, task::Waker};

use super::{
    answer,
    balance::{self, Candidate},
    record::Policy,
    state::{Connection, State},
};
use crate::channel::{HandleType, HandlesLost};

impl State {
    /// The worker to give the next connection of this listener to, if any is free.
    pub(super) fn free_worker(&self, key: &str, refused_by: &[u32]) -> Option<u32> {
        let group = self.listeners.get(key).filter(|_| !self.is_frozen)?;
        let counts = group.any()?.record.mode == Policy::LeastConnections;
        let kept = group.parts.values().filter(|listener| listener.kept);
        let members = kept.flat_map(|listener| &listener.record.members);
        let candidates = members.filter_map(|id| {
            let worker = self.workers.get(id)?;
            let may_have = !worker.record.retired
                && !worker.record.leaving
                && !refused_by.contains(id)
                && worker.channel.is_open();
            may_have.then(|| Candidate {
                id: *id,
                in_flight: worker.in_flight.len(),
                open: if counts { group.counts.open(*id) } else { 0 },
            })
        });
        balance::next(candidates, group.last())
    }

    /// A connection was accepted for `worker`.
    pub(super) fn accepted(&mut self, key: &Arc<str>, worker: u32, socket: OwnedFd) {
        let connection = Connection::new(key, socket);
        if let Err(connection) = self.hand(connection, worker) {
            self.give(connection);
        }
    }

    /// A connection was accepted for whomever.
    pub(super) fn take(&mut self, key: &Arc<str>, socket: OwnedFd) {
        self.give(Connection::new(key, socket));
    }

    /// Gives a connection to a worker that has not refused it, or keeps it until one is free. When every worker of
    /// its listener has refused it, or there is none, it is closed.
    pub(super) fn give(&mut self, mut connection: Connection) {
        while let Some(worker) = self.free_worker(&connection.key, &connection.refused_by) {
            match self.hand(connection, worker) {
                Ok(()) => return,
                Err(returned) => connection = returned,
            }
        }
        if let Some(group) = self.listeners.get_mut(&connection.key) {
            let mut members = group.members();
            if members.any(|id| !connection.refused_by.contains(&id)) {
                drop(members);
                group.waiting.push_back(connection);
            }
        }
    }

    /// Sends a connection to a worker; if its channel does not take it, it comes back.
    fn hand(&mut self, mut connection: Connection, worker: u32) -> Result<(), Connection> {
        let seq = self.next_seq();
        let Some(entry) = self.workers.get_mut(&worker) else {
            connection.refused_by.push(worker);
            return Err(connection);
        };
        let message = answer::new_connection(&connection.key, seq);
        let socket = Arc::clone(&connection.socket);
        let sent = entry.channel.send_handle(HandleType::Net, &message, socket);
        let Ok(ticket) = sent else {
            connection.refused_by.push(worker);
            return Err(connection);
        };
        connection.ticket = ticket;
        entry.in_flight.push_back(seq);
        if let Some(group) = self.listeners.get_mut(&connection.key) {
            group.set_last(worker);
        }
        self.connections.insert(seq, connection);
        Ok(())
    }

    /// The worker's answer to a connection. Answers come in the order of the questions, so an older question without
    /// one never reached it.
    pub(super) fn answered(&mut self, worker: u32, ack: u64, accepted: bool) {
        let Some(entry) = self.workers.get_mut(&worker) else {
            return;
        };
        let Some(place) = entry.in_flight.iter().position(|seq| *seq == ack) else {
            // An answer to an earlier daemon, with which the connection was lost if it is not accepted.
            let is_earlier = ack >> 32 < u64::from(self.generation);
            self.lost += u64::from(is_earlier && !accepted);
            return;
        };
        let lost: Vec<u64> = entry.in_flight.drain(..=place).take(place).collect();
        let mut returned: Vec<Connection> = lost
            .iter()
            .filter_map(|seq| self.connections.remove(seq))
            .collect();
        let connection = self.connections.remove(&ack);
        if let Some(connection) = &connection {
            entry.channel.handle_settled(connection.ticket);
            let group = self.listeners.get_mut(&connection.key);
            if let Some(group) = group.filter(|_| accepted) {
                group.counts.taken(worker);
            }
        }
        if !accepted {
            returned.extend(connection);
        }
        self.refused(worker, returned);
    }

    /// Whatever the worker has not answered of what was sent to it never reached it; where that is not certain, it is
    /// closed: two workers with one connection would be worse.
    pub(super) fn handles_lost(&mut self, worker: u32, lost: HandlesLost) {
        let Some(entry) = self.workers.get_mut(&worker) else {
            return;
        };
        let connections = &mut self.connections;
        let mut returned = Vec::new();
        entry.in_flight.retain(|seq| {
            let is_lost = connections
                .get(seq)
                .is_none_or(|kept| kept.ticket < lost.before);
            returned.extend(is_lost.then(|| connections.remove(seq)).flatten());
            !is_lost
        });
        if !lost.certain {
            self.lost += returned.len() as u64;
            returned.clear();
        }
        self.refused(worker, returned);
    }

    /// Finds other takers for what `worker` did not take, and lets those who wait for it go on.
    fn refused(&mut self, worker: u32, returned: Vec<Connection>) {
        for mut connection in returned {
            connection.refused_by.push(worker);
            self.give(connection);
        }
        let Some(entry) = self.workers.get(&worker) else {
            return;
        };
        if entry.in_flight.is_empty() {
            entry.settled.notify_waiters();
        }
        let keys: Vec<String> = entry.record.keys.keys().cloned().collect();
        for key in keys {
            self.serve_waiting(&key);
        }
    }

    /// A worker of this listener has become free, or one has come or gone: gives out what waits, and lets the
    /// accepting task look again.
    pub(super) fn serve_waiting(&mut self, key: &str) {
        let Some((key, _)) = self.listeners.get_key_value(key) else {
            return;
        };
        let key = Arc::clone(key);
        self.review(&key);
        let Some(group) = self.listeners.get_mut(&key) else {
            return;
        };
        let parts = group.parts.values_mut();
        let wakers: Vec<Waker> = parts.filter_map(|part| part.waker.take()).collect();
        for connection in std::mem::take(&mut group.waiting) {
            self.give(connection);
        }
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Connection {
    /// One that nobody has been given yet.
    pub(super) fn new(key: &Arc<str>, socket: OwnedFd) -> Self {
        Self {
            socket: Arc::new(socket),
            key: Arc::clone(key),
            ticket: 0,
            refused_by: Vec::new(),
        }
    }
}
