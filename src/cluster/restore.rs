//! Going on from what a primary saved that is dead.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use nix::errno::Errno;

use super::{
    group::Group,
    listener,
    record::ListenerRecord,
    saved::{Saved, key_of},
    state::{Shared, State, lock},
};
use crate::channel::{AddressType, ChannelSender};

/// Takes over what `saved` says. Workers stay absent until their channels come.
pub(super) fn restore(shared: &Shared, saved: Saved, mut sockets: BTreeMap<String, OwnedFd>) {
    let mut state = lock(shared);
    state.last_worker = saved.last_worker;
    state.last_listener = saved.last_listener;
    state.absent = saved.workers;
    // Those that are kept first: others are opened beside them.
    let (kept, lost): (Vec<_>, Vec<_>) = saved
        .listeners
        .into_iter()
        .partition(|(_, record)| sockets.contains_key(&record.name));
    for (name, mut record) in kept.into_iter().chain(lost) {
        let key: Arc<str> = key_of(&name, record.slot).into();
        record.members = members(&state, &key, &record);
        let kept = sockets.remove(&record.name);
        let is_kept = kept.is_some();
        let Some(socket) = kept.or_else(|| state.open_again(&key, &record)) else {
            continue;
        };
        let slot = record.slot;
        // Not served only if the system is short of everything: then it is as if it had not been kept.
        if state.serve(&key, record, socket, is_kept).is_ok() && !is_kept {
            state.keep_listener(shared, &key, slot);
        }
    }
    state.go_on_with_slots();
    for name in sockets.into_keys() {
        state.closed.push(name);
    }
    state.save();
}

fn members(state: &State, key: &str, listener: &ListenerRecord) -> BTreeSet<u32> {
    let having = state.absent.iter().filter(|(_, record)| {
        record.keys.contains_key(key) && record.slot(&listener.binding) == listener.slot
    });
    having.map(|(id, _)| *id).collect()
}

impl State {
    /// The other died before its socket was kept, so nobody was told of it: the address is free again, or it is opened
    /// beside those that there are.
    fn open_again(&self, key: &str, record: &ListenerRecord) -> Option<OwnedFd> {
        if record.members.is_empty() {
            return None;
        }
        if let Some(first) = self.listeners.get(key).and_then(Group::any) {
            return listener::open_beside(&record.binding, first.socket.as_fd()).ok();
        }
        listener::close(&record.binding);
        let lent = record.binding.fd.and_then(|fd| self.lent.get(&fd));
        listener::open(&record.binding, record.mode, lent).ok()
    }

    /// Accepts where no worker does, and closes what was about to be closed.
    fn go_on_with_slots(&mut self) {
        let keys: Vec<Arc<str>> = self.listeners.keys().cloned().collect();
        for key in keys {
            self.review(&key);
            let Some(group) = self.listeners.get(&key) else {
                continue;
            };
            for part in group.parts.values().filter(|part| part.record.closing) {
                self.close_later(&key, part.record.slot, part.given_up);
            }
        }
    }

    /// A worker of the primary before goes on. Whatever may not have been answered is answered now.
    pub(super) fn resume_worker(&mut self, id: u32, channel: ChannelSender) -> bool {
        let Some(record) = self.absent.remove(&id) else {
            return false;
        };
        let servers: Vec<(String, u64, bool)> = record
            .keys
            .iter()
            .map(|(key, server)| (key.clone(), server.seq, server.ready))
            .collect();
        self.insert_worker(id, record, channel);
        for (key, seq, ready) in servers {
            if !self.listeners.contains_key(&*key) {
                self.miss_listener(id, seq, &key, ready);
            } else if !ready {
                self.tell_listener(id, seq, &key);
            }
            self.serve_waiting(&key);
        }
        self.save();
        true
    }

    /// A listener of the worker's could not be restored.
    fn miss_listener(&mut self, id: u32, seq: u64, key: &str, ready: bool) {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.record.keys.remove(key);
        }
        if !ready {
            self.send_failure(id, seq, key, &Errno::EADDRINUSE.into());
        }
    }

    /// All workers that live were resumed: the others have no listeners any more.
    pub(super) fn settle(&mut self) {
        for (id, record) in std::mem::take(&mut self.absent) {
            for key in record.keys.keys() {
                self.leave_listener(key, id);
            }
        }
        self.save();
    }

    /// A worker says that it listens: the answers to what it asked for have reached it.
    pub(super) fn listening(
        &mut self,
        id: u32,
        address: Option<&str>,
        port: Option<i64>,
        kind: AddressType,
    ) {
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        worker.record.listening = true;
        for (key, server) in &mut worker.record.keys {
            let listener = self.listeners.get(&**key).and_then(Group::any);
            let binding = listener.map(|listener| &listener.record.binding);
            server.ready |= binding.is_some_and(|binding| {
                let any_port = matches!(binding.port, None | Some(..=0));
                binding.address.as_deref() == address
                    && binding.address_type == kind
                    && (any_port || binding.port == port)
            });
        }
        let keys: Vec<String> = worker.record.keys.keys().cloned().collect();
        self.save();
        // From here on it accepts for itself, if it does.
        for key in keys {
            self.serve_waiting(&key);
        }
    }
}
