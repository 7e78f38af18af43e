//! Kernel mode: a socket for each process, from which its worker accepts. What comes by one whose worker is away we take
//! and give to the others. One that nobody needs any more gets no new connections, and is closed when the last that was
//! on its way must have come.

use std::{
    collections::BTreeMap,
    os::fd::AsFd,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use super::{
    accept,
    group::{Group, Listener, Socket},
    state::{State, WorkerEntry, lock},
};
use crate::sys::reuse_port;

/// How long a connection whose handshake had begun when its socket was given up has for the rest of it.
const LAST: Duration = Duration::from_secs(3);

impl State {
    /// A socket of a process's own is accepted from by us exactly while no worker does; one that nobody needs is given
    /// up. To be called whenever a worker has come, has said that it listens, or has gone.
    pub(super) fn review(&mut self, key: &Arc<str>) {
        let Some(group) = self.listeners.get(key).filter(|group| group.is_spread()) else {
            return;
        };
        let slots: Vec<Option<u32>> = group.parts.keys().copied().collect();
        for slot in slots {
            if self.is_spare(key, slot) {
                self.give_up(key, slot);
            }
            self.watch_slot(key, slot);
        }
    }

    /// The process of this number is gone for good.
    pub(super) fn forget_seat(&mut self, number: u32) {
        if self.is_frozen {
            return;
        }
        let having = self.listeners.iter();
        let having = having.filter(|(_, group)| group.parts.contains_key(&Some(number)));
        let keys: Vec<Arc<str>> = having.map(|(key, _)| Arc::clone(key)).collect();
        for key in &keys {
            self.give_up(key, Some(number));
            self.watch_slot(key, Some(number));
        }
        if !keys.is_empty() {
            self.save();
        }
    }

    /// Whether nobody listens on it and nobody will: its process's worker, or everyone's, listens on another.
    fn is_spare(&self, key: &str, slot: Option<u32>) -> bool {
        let Some(group) = self.listeners.get(key) else {
            return false;
        };
        let is_left = |part: &Listener| part.record.members.is_empty();
        if !group.parts.get(&slot).is_some_and(is_left) {
            return false;
        }
        let Some(number) = slot else { return true };
        let seat = |id| Some(self.workers.get(&id)?.record.seat.number);
        group.members().any(|id| seat(id) == Some(number))
    }

    /// Has the kernel send no new connections to it, and closes it a little later.
    fn give_up(&mut self, key: &Arc<str>, slot: Option<u32>) {
        let Some(group) = self.listeners.get_mut(key) else {
            return;
        };
        let Some(part) = group.parts.get_mut(&slot) else {
            return;
        };
        if !std::mem::replace(&mut part.record.closing, true) {
            part.given_up += 1;
            let time = part.given_up;
            steer(group);
            self.close_later(key, slot, time);
        }
    }

    pub(super) fn close_later(&self, key: &Arc<str>, slot: Option<u32>, time: u32) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(close(self.shared.clone(), Arc::clone(key), slot, time));
        }
    }

    /// Closes a socket that was given up for the `time`th time, unless it has come to use again.
    fn close_part(&mut self, key: &Arc<str>, slot: Option<u32>, time: u32) {
        let Some(group) = self.listeners.get_mut(key).filter(|_| !self.is_frozen) else {
            return;
        };
        let is_closing = |part: &&Listener| part.record.closing && part.given_up == time;
        let Some(part) = group.parts.get(&slot).filter(is_closing) else {
            return;
        };
        let late = accept::all(part.socket.as_fd());
        let name = part.record.name.clone();
        group.remove_part(slot);
        steer(group);
        self.closed.push(name);
        self.save();
        for socket in late {
            self.take(key, socket);
        }
    }

    /// Begins or ends to accept from the socket of a process.
    fn watch_slot(&mut self, key: &Arc<str>, slot: Option<u32>) {
        let Self {
            listeners,
            workers,
            absent,
            shared,
            runtime,
            ..
        } = self;
        let Some(group) = listeners.get_mut(key) else {
            return;
        };
        let Some(part) = group.parts.get_mut(&slot) else {
            return;
        };
        let Socket::Slot(socket, accepting) = &mut part.socket else {
            return;
        };
        let accepts = |id: &u32| match (workers.get(id), absent.get(id)) {
            (Some(entry), _) => accepts(entry, key),
            // It lives, as far as is known, and is not spoken to yet.
            (None, Some(record)) => record.ready_keys().contains(&**key),
            (None, None) => false,
        };
        if part.record.members.iter().any(accepts) && !part.record.closing {
            *accepting = None;
            part.waker = None;
        } else if accepting.is_none() {
            // Not done only if the system is short of everything: then at the next review.
            *accepting = runtime.as_ref().and_then(|runtime| {
                let copy = socket.try_clone().ok()?;
                accept::begin(runtime, shared, (key, slot), copy).ok()
            });
        }
    }
}

/// Whether a worker accepts of its own accord on the socket of that key that it was given.
fn accepts(entry: &WorkerEntry, key: &str) -> bool {
    let is_ready = entry
        .record
        .keys
        .get(key)
        .is_some_and(|server| server.ready);
    is_ready && !entry.record.leaving && entry.channel.is_open()
}

async fn close(shared: Weak<Mutex<State>>, key: Arc<str>, slot: Option<u32>, time: u32) {
    tokio::time::sleep(LAST).await;
    if let Some(shared) = shared.upgrade() {
        lock(&shared).close_part(&key, slot, time);
    }
}

/// Sends new connections to those that are not about to be closed.
pub(super) fn steer(group: &Group) {
    let Some(any) = group.any() else { return };
    let _ = reuse_port::steer(any.socket.as_fd(), &places(&group.parts));
}

/// Where connections may go, if not everywhere.
fn places(parts: &BTreeMap<Option<u32>, Listener>) -> Vec<u32> {
    let open = parts.values().filter(|part| !part.record.closing);
    let places: Vec<u32> = open.filter_map(|part| part.record.place).collect();
    if places.len() == parts.len() {
        Vec::new()
    } else {
        places
    }
}

impl Group {
    /// Takes a socket out of the group: it gets nothing any more, and the last takes its place.
    fn remove_part(&mut self, slot: Option<u32>) {
        let Some(part) = self.parts.remove(&slot) else {
            return;
        };
        part.stop();
        let last = u32::try_from(self.parts.len()).ok();
        let moved = self
            .parts
            .values_mut()
            .find(|part| part.record.place == last);
        if let Some(moved) = moved {
            moved.record.place = part.record.place;
        }
    }
}

impl Listener {
    /// Copies of its socket may live on for a moment: they must not get any connections then.
    pub(super) fn stop(&self) {
        if self.record.place.is_some() {
            let _ = reuse_port::stop_listening(self.socket.as_fd());
        }
    }
}
