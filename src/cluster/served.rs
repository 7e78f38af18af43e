//! Where a worker's connections come from: for whoever waits until they are over.

use std::os::fd::AsFd;

use super::{
    record::Policy,
    state::{Listener, Socket, State},
};
use crate::{
    channel::AddressType,
    sys::{connections::Served, listen},
};

impl State {
    fn listeners_of(&self, worker: u32) -> impl Iterator<Item = &Listener> {
        let entry = self.workers.get(&worker);
        let keys = entry.into_iter().flat_map(|entry| entry.record.keys.keys());
        keys.filter_map(|key| self.listeners.get(&**key))
            .filter(|listener| !listener.record.binding.address_type.is_udp())
    }

    /// The places of the worker's servers, each once.
    pub(super) fn served(&self, worker: u32) -> Vec<Served> {
        let mut found = Vec::new();
        for listener in self.listeners_of(worker) {
            if let Some(place) = place(listener)
                && !found.contains(&place)
            {
                found.push(place);
            }
        }
        found
    }

    /// Whether the worker accepts connections itself on any of its listeners.
    pub(super) fn accepts_itself(&self, worker: u32) -> bool {
        self.listeners_of(worker)
            .any(|listener| listener.record.mode == Policy::Shared)
    }
}

fn place(listener: &Listener) -> Option<Served> {
    let socket = match &listener.socket {
        Socket::RoundRobin { socket, .. } => socket.as_fd(),
        Socket::Shared(socket) => socket.as_fd(),
    };
    if let Some(address) = listen::local_address(socket) {
        return Some(Served::Port(address.port()));
    }
    let binding = &listener.record.binding;
    (binding.address_type == AddressType::Pipe).then_some(())?;
    Some(Served::Path(binding.address.as_deref()?.into()))
}
