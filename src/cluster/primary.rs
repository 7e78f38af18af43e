//! The primary's handle.

use std::{
    os::fd::OwnedFd,
    sync::{Arc, Mutex},
};

use super::{
    record::Policy,
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

    /// A primary whose message numbers no primary of a lower generation has used, for a daemon that takes over the
    /// workers of another: late answers to the other are then told apart. At most 2^21 - 1, so that the numbers are
    /// exact in JavaScript.
    pub fn with_generation(generation: u32) -> Self {
        Self {
            state: Arc::new(Mutex::new(State::new(generation))),
        }
    }

    /// Takes a worker on, whose process is to get its [`Worker::id`] as `NODE_UNIQUE_ID`.
    pub fn add_worker(&self, channel: ChannelSender, policy: Policy) -> Worker {
        let id = lock(&self.state).add_worker(channel, policy);
        Worker::new(Arc::clone(&self.state), id)
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
