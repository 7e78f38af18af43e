//! The primary's handle.

use std::{
    collections::BTreeMap,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, Weak},
};

use super::{
    keep::{Keep, Keeping, NoKeep},
    record::{Policy, Seat},
    restore,
    saved::{RestoreError, Saved},
    state::{Shared, State, lock},
    worker::Worker,
};
use crate::channel::ChannelSender;

/// The cluster primary of all apps of a daemon; clones are the same one.
#[derive(Debug, Clone)]
pub struct Primary {
    state: Shared,
}

impl Primary {
    /// A primary without workers.
    pub fn new() -> Self {
        Self::with_generation(0)
    }

    /// A primary whose message numbers no primary of a lower generation has used, so that late answers to another are
    /// told apart. At most 2^21 - 1, so that the numbers are exact in JavaScript.
    pub fn with_generation(generation: u32) -> Self {
        Self::with_keep(generation, Arc::new(NoKeep))
    }

    /// The same, whose listeners and state `keep` holds for another to go on.
    pub fn with_keep(generation: u32, keep: Arc<dyn Keep>) -> Self {
        let state = |shared: &Weak<_>| Mutex::new(State::new(shared, generation, Keeping(keep)));
        Self {
            state: Arc::new_cyclic(state),
        }
    }

    /// A primary that goes on where one of a lower generation was when it died: from its last saved `state`, and the
    /// copies of its listeners by their names. Connections wait in the listeners until workers are
    /// [resumed](Self::resume_worker); once all that live are, [`settle`](Self::settle). Must be called on a tokio
    /// runtime.
    pub fn restore(
        generation: u32,
        state: &[u8],
        listeners: BTreeMap<String, OwnedFd>,
        keep: Arc<dyn Keep>,
    ) -> Result<Self, RestoreError> {
        let saved = Saved::read(state)?;
        let primary = Self::with_keep(generation, keep);
        restore::restore(&primary.state, saved, listeners);
        Ok(primary)
    }

    /// Goes on with a worker of the primary before; `None` if that did not know it.
    pub fn resume_worker(&self, id: u32, channel: ChannelSender) -> Option<Worker> {
        let known = lock(&self.state).resume_worker(id, channel);
        known.then(|| Worker::new(Arc::clone(&self.state), id))
    }

    /// All workers that live were resumed: listeners that only others had are closed.
    pub fn settle(&self) {
        lock(&self.state).settle();
    }

    /// Accepts nothing from here on: connections wait in the listeners for another that goes on. To be called before
    /// [`freeze`](Self::freeze), so that workers can answer what they were given.
    pub fn pause(&self) {
        lock(&self.state).is_paused = true;
    }

    /// Connections that were accepted and that no worker has taken for certain yet.
    pub fn unsettled(&self) -> usize {
        let state = lock(&self.state);
        let waiting = state.listeners.values().map(|group| group.waiting.len());
        state.connections.len() + waiting.sum::<usize>()
    }

    /// For a process that ends so that another goes on: what is dropped from here on closes and saves nothing, and
    /// nothing is accepted. To be called once no channel is read any more.
    pub fn freeze(&self) {
        lock(&self.state).is_frozen = true;
    }

    /// Connections that were lost with a daemon before this one.
    pub fn lost_connections(&self) -> u64 {
        lock(&self.state).lost
    }

    /// Takes a worker on, whose process is to get its [`Worker::id`] as `NODE_UNIQUE_ID`.
    pub fn add_worker(&self, channel: ChannelSender, policy: Policy, seat: Seat) -> Worker {
        let id = lock(&self.state).add_worker(channel, policy, seat);
        Worker::new(Arc::clone(&self.state), id)
    }

    /// The process of this number is gone for good: nothing is kept for another run of it.
    pub fn forget_seat(&self, number: u32) {
        lock(&self.state).forget_seat(number);
    }

    /// Lets apps listen on `socket` when they ask for the descriptor `number`. Any other number is refused: it would
    /// name something of the daemon's own.
    pub fn lend(&self, number: i64, socket: OwnedFd) {
        lock(&self.state).lent.insert(number, socket);
    }
}

impl Default for Primary {
    fn default() -> Self {
        Self::new()
    }
}
