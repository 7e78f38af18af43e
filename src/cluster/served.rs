//! Where a worker's connections come from: for whoever waits until they are over.

use std::{
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use super::{
    group::Listener,
    state::{Connection, State},
};
use crate::{
    channel::AddressType,
    sys::{connections::Served, listen},
};

impl State {
    fn listeners_of(&self, worker: u32) -> impl Iterator<Item = &Listener> {
        let entry = self.workers.get(&worker);
        let keys = entry.into_iter().flat_map(|entry| entry.record.keys.keys());
        keys.filter_map(move |key| self.listeners.get(&**key)?.of(worker))
            .filter(|listener| !listener.record.binding.address_type.is_udp())
    }

    /// The places of the worker's servers, each once.
    pub(super) fn served(&self, worker: u32) -> Vec<Served> {
        places(self.listeners_of(worker))
    }

    /// The same of servers without data of their own: only servers of encrypted connections have any.
    pub(super) fn served_plainly(&self, worker: u32) -> Vec<Served> {
        let listeners = self.listeners_of(worker);
        places(listeners.filter(|listener| listener.record.data.is_none()))
    }

    /// Gives a connection that `worker` has let go of to another one.
    pub(super) fn give_away(&mut self, worker: u32, served: &Served, socket: OwnedFd) {
        let is_served = |listener: &Listener| place(listener).as_ref() == Some(served);
        let found = self
            .listeners
            .iter()
            .find(|(_, group)| group.any().is_some_and(is_served));
        let Some(key) = found.map(|(key, _)| Arc::clone(key)) else {
            return;
        };
        self.give(Connection {
            refused_by: vec![worker],
            ..Connection::new(&key, socket)
        });
    }

    /// Whether every server of the worker is another worker's too, one that is to stay.
    pub(super) fn has_heirs(&self, worker: u32) -> bool {
        let stays = |id: &u32| {
            let entry = self.workers.get(id).filter(|_| *id != worker);
            entry.is_some_and(|entry| !entry.record.retired && !entry.record.leaving)
        };
        self.listeners_of(worker)
            .all(|listener| listener.record.members.iter().any(stays))
    }

    /// Whether the worker accepts connections itself on any of its listeners.
    pub(super) fn accepts_itself(&self, worker: u32) -> bool {
        self.listeners_of(worker)
            .any(|listener| listener.record.is_theirs())
    }
}

fn places<'l>(listeners: impl Iterator<Item = &'l Listener>) -> Vec<Served> {
    let mut found = Vec::new();
    for place in listeners.filter_map(place) {
        if !found.contains(&place) {
            found.push(place);
        }
    }
    found
}

/// Where a listener listens.
pub(super) fn place(listener: &Listener) -> Option<Served> {
    if let Some(address) = listen::local_address(listener.socket.as_fd()) {
        return Some(Served::Port(address.port()));
    }
    let binding = &listener.record.binding;
    (binding.address_type == AddressType::Pipe).then_some(())?;
    Some(Served::Path(binding.address.as_deref()?.into()))
}
