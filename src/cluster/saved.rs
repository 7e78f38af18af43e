//! The primary's state as it is saved. Must be readable for ever: members may be added, with a default, and nothing
//! else may change. `tests/fixtures/cluster-v1.json` is one of the first.

use std::{borrow::Cow, collections::BTreeMap};

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
    /// By their keys; one of a process's own has `#` and the process's number behind it.
    pub(super) listeners: BTreeMap<String, ListenerRecord>,
}

impl Saved {
    pub(super) fn read(state: &[u8]) -> Result<Self, RestoreError> {
        Ok(serde_json::from_slice(state)?)
    }
}

/// The name of a listener among all. A key ends in a number, so it can be told from what was put behind it.
fn name_of(key: &str, slot: Option<u32>) -> Cow<'_, str> {
    slot.map_or(Cow::Borrowed(key), |slot| {
        Cow::Owned(format!("{key}#{slot}"))
    })
}

/// The key in such a name.
pub(super) fn key_of(name: &str, slot: Option<u32>) -> &str {
    match (slot, name.rsplit_once('#')) {
        (Some(_), Some((key, _))) => key,
        _ => name,
    }
}

#[derive(Serialize)]
struct Saving<'a> {
    version: u32,
    last_worker: u32,
    last_listener: u64,
    workers: BTreeMap<u32, &'a WorkerRecord>,
    listeners: BTreeMap<Cow<'a, str>, &'a ListenerRecord>,
}

impl State {
    /// Saves what has changed, and then gives up the listeners that are closed.
    pub(super) fn save(&mut self) {
        if self.is_frozen {
            return;
        }
        let present = self.workers.iter().map(|(id, entry)| (*id, &entry.record));
        let absent = self.absent.iter().map(|(id, record)| (*id, record));
        let groups = self.listeners.iter();
        let listeners = groups.flat_map(|(key, group)| {
            let parts = group.parts.values();
            parts.map(|part| (name_of(key, part.record.slot), &part.record))
        });
        let saving = Saving {
            version: VERSION,
            last_worker: self.last_worker,
            last_listener: self.last_listener,
            workers: present.chain(absent).collect(),
            listeners: listeners.collect(),
        };
        let state = serde_json::to_vec(&saving).expect("plain structs always serialise");
        self.keeping.0.save(&state);
        for name in self.closed.drain(..) {
            self.keeping.0.forget(&name);
        }
    }
}
