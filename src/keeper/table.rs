//! What the keeper holds: descriptors by name, living apps, exits that nobody has recorded yet.

use std::{
    collections::{BTreeMap, VecDeque},
    os::fd::OwnedFd,
};

use crate::sys::{descriptor, proc::Exit};

/// A living app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct App {
    /// Its name for the daemon.
    pub(super) key: Box<str>,
    pub(super) pid: i32,
    /// Unlike a process id, never used again.
    pub(super) serial: u64,
}

/// An app that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) key: Box<str>,
    pub(super) pid: i32,
    pub(super) serial: u64,
    pub(super) exit: Exit,
    /// When it was reaped, in milliseconds since 1970.
    pub(super) at_ms: i64,
}

/// So many exits may wait to be acknowledged before the keeper starts no further app.
pub(super) const EXITS_LIMIT: usize = 65_536;

/// Kept descriptors have numbers from here on. What a start needs arrives below them, so that the child's table, which
/// ends after the last one it needs, is short however many are kept.
const KEPT_FROM: i32 = 256;

#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) kept: BTreeMap<Box<str>, OwnedFd>,
    /// By process id.
    pub(super) apps: BTreeMap<i32, App>,
    /// Unacknowledged, oldest first, and whether the present daemon was told.
    pub(super) exits: VecDeque<(Ended, bool)>,
    /// Serial number of the next app.
    pub(super) next_serial: u64,
    /// How many daemons there were before the present one.
    pub(super) generation: u32,
}

impl Table {
    /// A started app; returns its serial number.
    pub(super) fn started(&mut self, key: Box<str>, pid: i32) -> u64 {
        let serial = self.next_serial;
        self.next_serial += 1;
        self.apps.insert(pid, App { key, pid, serial });
        serial
    }

    /// Records the exit of an app; `false` if the process is none.
    pub(super) fn ended(&mut self, pid: i32, exit: Exit, at_ms: i64) -> bool {
        let Some(App { key, pid, serial }) = self.apps.remove(&pid) else {
            return false;
        };
        let ended = Ended {
            key,
            pid,
            serial,
            exit,
            at_ms,
        };
        self.exits.push_back((ended, false));
        true
    }

    pub(super) fn acknowledge(&mut self, serial: u64) {
        self.exits.retain(|(ended, _)| ended.serial != serial);
    }

    /// A new daemon has been told of no exit yet.
    pub(super) fn tell_all_again(&mut self) {
        for (_, told) in &mut self.exits {
            *told = false;
        }
    }

    /// Keeps descriptors; returns what these names held before.
    pub(super) fn keep(
        &mut self,
        new: Vec<(Box<str>, OwnedFd)>,
    ) -> Vec<(Box<str>, Option<OwnedFd>)> {
        new.into_iter()
            .map(|(name, fd)| {
                let before = self.kept.insert(name.clone(), out_of_the_way(fd));
                (name, before)
            })
            .collect()
    }

    /// Undoes [`Self::keep`].
    pub(super) fn restore(&mut self, before: Vec<(Box<str>, Option<OwnedFd>)>) {
        // Backwards, so that of a name given twice the very first value comes back.
        for (name, fd) in before.into_iter().rev() {
            match fd {
                Some(fd) => self.kept.insert(name, fd),
                None => self.kept.remove(&name),
            };
        }
    }

    /// Lets go of `prefix` and of all names that begin with it and a slash.
    pub(super) fn forget(&mut self, prefix: &str) {
        self.kept.retain(|name, _| {
            name.strip_prefix(prefix)
                .is_none_or(|rest| !rest.is_empty() && !rest.starts_with('/'))
        });
    }
}

/// The same with a high number; with the one it has, if the system refuses another.
fn out_of_the_way(fd: OwnedFd) -> OwnedFd {
    if descriptor::number(&fd) >= KEPT_FROM {
        return fd;
    }
    descriptor::copy_above(&fd, KEPT_FROM).unwrap_or(fd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fd() -> OwnedFd {
        descriptor::pipe().unwrap().0
    }

    #[test]
    fn forgetting_takes_the_name_and_those_below_it_only() {
        let mut table = Table::default();
        for name in ["p1", "p1/out", "p1/err", "p10/out", "p11", "rpc"] {
            table.keep(vec![(name.into(), fd())]);
        }
        table.forget("p1");
        let left: Vec<&str> = table.kept.keys().map(AsRef::as_ref).collect();
        assert_eq!(left, ["p10/out", "p11", "rpc"]);
    }

    #[test]
    fn what_a_failed_start_replaced_comes_back() {
        use std::os::fd::AsRawFd;
        let mut table = Table::default();
        table.keep(vec![("a".into(), fd())]);
        let number = table.kept["a"].as_raw_fd();
        let before = table.keep(vec![
            ("a".into(), fd()),
            ("a".into(), fd()),
            ("b".into(), fd()),
        ]);
        assert_ne!(table.kept["a"].as_raw_fd(), number);
        table.restore(before);
        assert_eq!(table.kept["a"].as_raw_fd(), number);
        assert_eq!(table.kept.len(), 1);
    }

    #[test]
    fn what_is_kept_leaves_the_low_numbers_free() {
        use std::os::fd::AsRawFd;
        let mut table = Table::default();
        table.keep(vec![("a".into(), fd()), ("b".into(), fd())]);
        assert!(table.kept.values().all(|fd| fd.as_raw_fd() >= KEPT_FROM));
        let high = descriptor::copy_above(fd(), KEPT_FROM).unwrap();
        let number = high.as_raw_fd();
        table.keep(vec![("c".into(), high)]);
        assert_eq!(table.kept["c"].as_raw_fd(), number);
        assert!(descriptor::is_close_on_exec(&table.kept["a"]).unwrap());
    }

    #[test]
    fn an_exit_stays_until_its_own_serial_is_acknowledged() {
        let mut table = Table::default();
        let first = table.started("p0".into(), 77);
        assert!(table.ended(77, Exit::Code(1), 5));
        assert!(!table.ended(77, Exit::Code(1), 5));
        let second = table.started("p0".into(), 77);
        assert!(table.ended(77, Exit::Signal(9), 6));
        table.acknowledge(first);
        assert_eq!(table.exits.len(), 1);
        assert_eq!(table.exits[0].0.serial, second);
    }
}
