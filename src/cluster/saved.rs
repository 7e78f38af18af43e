//! The primary's state as it is saved. Must be readable for ever: members may be added, with a default, and nothing
//! else may change. `tests/fixtures/cluster-v1.json` is one of the first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    record::{ListenerRecord, WorkerRecord},
    state::State,
};

/// Told by readers to people; what is newer is read as far as it is known.
const VERSION: u32 = 1;

/// Why a saved state was not taken.
#[derive(Debug, thiserror::Error)]
#[error("the saved state of the cluster's primary cannot be read: {0}")]
pub struct RestoreError(#[from] serde_json::Error);

/// A saved state.
#[derive(Debug, Deserialize)]
pub(super) struct Saved {
    pub(super) last_worker: u32,
    pub(super) last_listener: u64,
    pub(super) workers: BTreeMap<u32, WorkerRecord>,
    /// By their keys.
    pub(super) listeners: BTreeMap<String, ListenerRecord>,
}

impl Saved {
    pub(super) fn read(state: &[u8]) -> Result<Self, RestoreError> {
        Ok(serde_json::from_slice(state)?)
    }
}

#[derive(Serialize)]
struct Saving<'a> {
    version: u32,
    last_worker: u32,
    last_listener: u64,
    workers: BTreeMap<u32, &'a WorkerRecord>,
    listeners: BTreeMap<&'a str, &'a ListenerRecord>,
}

impl State {
    /// Saves what has changed, and then gives up the listeners that are closed.
    pub(super) fn save(&mut self) {
        if self.is_frozen {
            return;
        }
        let present = self.workers.iter().map(|(id, entry)| (*id, &entry.record));
        let absent = self.absent.iter().map(|(id, record)| (*id, record));
        let listeners = self.listeners.iter();
        let saving = Saving {
            version: VERSION,
            last_worker: self.last_worker,
            last_listener: self.last_listener,
            workers: present.chain(absent).collect(),
            listeners: listeners
                .map(|(key, listener)| (&**key, &listener.record))
                .collect(),
        };
        let state = serde_json::to_vec(&saving).expect("plain structs always serialise");
        self.keeping.0.save(&state);
        for name in self.closed.drain(..) {
            self.keeping.0.forget(&name);
        }
    }
}
