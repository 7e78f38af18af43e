//! A process with its descendants, by handles that cannot be mistaken for later processes.

use nix::sys::signal::Signal;

use crate::sys::{pidfd::Handle, usage};

/// The processes that a stop is about.
pub(crate) struct Tree {
    members: Vec<Handle>,
}

impl Tree {
    /// The process `pid` and, if `whole`, all its descendants as they are now.
    pub(crate) fn of(pid: i32, whole: bool) -> Self {
        let mut pids = if whole {
            usage::descendants(pid)
        } else {
            Vec::new()
        };
        // Children first: a parent that sees its child end can still clean up.
        pids.reverse();
        pids.push(pid);
        Self {
            members: pids.into_iter().filter_map(Handle::open).collect(),
        }
    }

    /// No process.
    pub(crate) fn none() -> Self {
        Self {
            members: Vec::new(),
        }
    }

    /// Signals all of them. One that is gone, or that we may not signal, is passed over.
    pub(crate) fn signal(&self, signal: Signal) {
        for member in &self.members {
            let _ = member.signal(signal);
        }
    }

    /// Adds what the members have forked since.
    pub(crate) fn grow(&mut self) {
        for pid in self.members.iter().map(Handle::pid).collect::<Vec<_>>() {
            for child in usage::descendants(pid) {
                if self.members.iter().all(|member| member.pid() != child) {
                    self.members.extend(Handle::open(child));
                }
            }
        }
    }

    /// How many processes it has, gone or not.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns once all of them are gone.
    pub(crate) async fn gone(&self) {
        for member in &self.members {
            member.gone().await;
        }
    }
}
