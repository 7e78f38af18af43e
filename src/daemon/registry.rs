//! All processes by number.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::process::Process;

/// A cheap handle around a mutex that is held for a few lines.
#[derive(Clone, Default)]
pub(super) struct Registry {
    table: Arc<Mutex<Table>>,
}

#[derive(Default)]
struct Table {
    processes: BTreeMap<u32, Process>,
    next_id: u32,
}

impl Registry {
    /// Adds the process that `make` makes for its number. Numbers are not used again until the table is empty.
    pub(super) fn add(&self, make: impl FnOnce(u32) -> Process) -> Process {
        let mut table = self.lock();
        if table.processes.is_empty() {
            table.next_id = 0;
        }
        let id = table.next_id;
        table.next_id += 1;
        let process = make(id);
        table.processes.insert(id, process.clone());
        process
    }

    /// Puts a process back that an earlier daemon had.
    pub(super) fn restore(&self, id: u32, process: Process) {
        let mut table = self.lock();
        table.next_id = table.next_id.max(id + 1);
        table.processes.insert(id, process);
    }

    /// The number that the next process gets.
    pub(super) fn next_id(&self) -> u32 {
        self.lock().next_id
    }

    /// Goes on counting where an earlier daemon was.
    pub(super) fn count_from(&self, next_id: u32) {
        let mut table = self.lock();
        table.next_id = table.next_id.max(next_id);
    }

    /// Forgets a process; `false` if the number is not its own any more.
    pub(super) fn remove(&self, id: u32, process: &Process) -> bool {
        let mut table = self.lock();
        let is_there = table
            .processes
            .get(&id)
            .is_some_and(|known| known.is(process));
        if is_there {
            table.processes.remove(&id);
        }
        is_there
    }

    /// The process of this number.
    pub(super) fn get(&self, id: u32) -> Option<Process> {
        self.lock().processes.get(&id).cloned()
    }

    /// All of them, by number.
    pub(super) fn all(&self) -> Vec<Process> {
        self.lock().processes.values().cloned().collect()
    }

    /// Those of this name.
    pub(super) fn named(&self, name: &str) -> Vec<Process> {
        // Without copies of all the others: it is asked at every start.
        let table = self.lock();
        let is_named = |process: &&Process| process.record().name() == name;
        table.processes.values().filter(is_named).cloned().collect()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.lock().processes.len()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
