//! Everything that listens at one address: one socket for all its workers, or in kernel mode one for each process.

use std::{
    collections::{BTreeMap, VecDeque},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    task::Waker,
};

use serde_json::value::RawValue;
use tokio::{io::unix::AsyncFd, task::AbortHandle};

use super::{
    least::Counts,
    record::{ListenerRecord, Policy},
    state::Connection,
};

/// The listeners of one key.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// By the process whose own it is; `None` is everyone's. Never empty but while it is made.
    pub(super) parts: BTreeMap<Option<u32>, Listener>,
    /// Connections that came back, or that no worker could be given.
    pub(super) waiting: VecDeque<Connection>,
    /// How many connections its workers have.
    pub(super) counts: Counts,
}

impl Group {
    /// Everybody who listens on any of them.
    pub(super) fn members(&self) -> impl Iterator<Item = u32> {
        let parts = self.parts.values();
        parts.flat_map(|part| part.record.members.iter().copied())
    }

    /// The one that a worker listens on.
    pub(super) fn of(&self, worker: u32) -> Option<&Listener> {
        let mut parts = self.parts.values();
        parts.find(|part| part.record.members.contains(&worker))
    }

    pub(super) fn of_mut(&mut self, worker: u32) -> Option<&mut Listener> {
        let mut parts = self.parts.values_mut();
        parts.find(|part| part.record.members.contains(&worker))
    }

    /// Any of them: all are bound in the same way.
    pub(super) fn any(&self) -> Option<&Listener> {
        self.parts.values().next()
    }

    /// The worker that was given a connection last.
    pub(super) fn last(&self) -> Option<u32> {
        self.any()?.record.last
    }

    pub(super) fn set_last(&mut self, worker: u32) {
        if let Some(first) = self.parts.values_mut().next() {
            first.record.last = Some(worker);
        }
    }

    /// The servers' data.
    pub(super) fn data(&self) -> Option<&RawValue> {
        let mut parts = self.parts.values();
        parts.find_map(|part| part.record.data.as_deref())
    }

    /// Whether the kernel spreads connections over several of them, or may.
    pub(super) fn is_spread(&self) -> bool {
        self.parts.keys().any(Option::is_some)
    }

    /// The place that the next one has among those that the kernel spreads connections over. One that was alone had
    /// none before.
    pub(super) fn next_place(&mut self) -> u32 {
        let mut count = 0;
        for part in self.parts.values_mut() {
            part.record.place.get_or_insert(0);
            count += 1;
        }
        count
    }
}

/// A listener: what is known of it, and its socket.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) record: ListenerRecord,
    pub(super) socket: Socket,
    /// Its socket outlives us; before that nobody is told of it, and nothing is accepted.
    pub(super) kept: bool,
    /// Queries to be answered when it is kept: worker and number.
    pub(super) unanswered: Vec<(u32, u64)>,
    /// Wakes the accepting task when a worker has become free.
    pub(super) waker: Option<Waker>,
    /// How often it was given up.
    pub(super) given_up: u32,
}

impl Listener {
    /// A listener with nothing to do yet.
    pub(super) fn new(record: ListenerRecord, socket: Socket, kept: bool) -> Self {
        Self {
            record,
            socket,
            kept,
            unanswered: Vec::new(),
            waker: None,
            given_up: 0,
        }
    }
}

/// A listener's socket.
#[derive(Debug)]
pub(super) enum Socket {
    /// We accept.
    Ours(Accepting),
    /// The workers accept.
    Shared(Arc<OwnedFd>),
    /// The worker of the process whose own it is accepts; while there is none, we do.
    Slot(Arc<OwnedFd>, Option<Accepting>),
}

impl Socket {
    /// How we accept from it, if we do.
    pub(super) fn accepting(&self) -> Option<&Accepting> {
        match self {
            Self::Ours(accepting) => Some(accepting),
            Self::Shared(_) => None,
            Self::Slot(_, accepting) => accepting.as_ref(),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Ours(accepting) => accepting.socket.as_fd(),
            Self::Shared(socket) | Self::Slot(socket, _) => socket.as_fd(),
        }
    }
}

/// A socket whose connections we take, and the task that does.
#[derive(Debug)]
pub(super) struct Accepting {
    pub(super) socket: AsyncFd<OwnedFd>,
    pub(super) task: AbortHandle,
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ListenerRecord {
    /// Whether workers accept from it of their own accord.
    pub(super) fn is_theirs(&self) -> bool {
        matches!(self.mode, Policy::Shared | Policy::Kernel)
    }
}
