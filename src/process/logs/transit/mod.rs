//! Output between an app's pipe and its log files, so that the death of the daemon neither loses nor doubles any.
//!
//! A chunk is moved (not copied) from the app's pipe into a pipe of ours, read from there into memory that is shared
//! with our successor, and appended to the files. The keeper holds both, so at whatever instruction we die, the chunk
//! is whole: its beginning in the memory, its end in our pipe. What is noted beside it (see [`note`]) says whose it is
//! and how far it has come; what of it a file has already, its length then and now tells (see [`trace`]). One chunk is
//! under way at a time.

mod kept;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod kill_tests;
mod ledger;
mod note;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
mod trace;

use std::{
    io,
    num::NonZeroUsize,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use self::{kept::Kept, note::Note};
pub(super) use self::{ledger::Ledger, note::Origin};
use crate::sys::{descriptor, shared_memory::SharedMemory};

/// Bytes of a chunk, at most. Half as many cost a quarter more processor time: an app that writes as fast as it can is
/// waited for at its pipe, once for each chunk.
pub(super) const CHUNK: NonZeroUsize = NonZeroUsize::new(128 * 1024).unwrap();
/// Capacity of our pipe. Its places are pages that may hold a line each, so that a chunk can need more than its bytes.
const PIPE: i32 = 1024 * 1024;

/// Names of what the keeper keeps of it.
pub const KEPT: [&str; 3] = ["transit", "transit/out", "transit/in"];

/// A cheap handle.
#[derive(Clone)]
pub struct Transit {
    inner: Arc<Mutex<Way>>,
}

enum Way {
    Kept(Kept),
    /// The system lacks what is needed: output that is read and not written when we die is lost.
    Plain(Box<[u8]>),
}

impl Transit {
    /// A new one, whose [parts](Self::parts) are to be kept before it is used.
    pub fn create() -> io::Result<Self> {
        let memory = SharedMemory::create("transit", CHUNK)?;
        let (out, into) = descriptor::pipe()?;
        descriptor::enlarge_pipe(&into, PIPE);
        Self::over(memory, out, into)
    }

    /// The one of the daemon before us, from what was kept under the names in [`KEPT`].
    pub fn resume([memory, out, into]: [OwnedFd; 3]) -> io::Result<Self> {
        Self::over(SharedMemory::open(memory, CHUNK)?, out, into)
    }

    fn over(memory: SharedMemory, out: OwnedFd, into: OwnedFd) -> io::Result<Self> {
        if !cfg!(target_os = "linux") {
            return Err(io::ErrorKind::Unsupported.into());
        }
        if !Note::of(memory.numbers()).is_known() {
            return Err(io::Error::other("it is of another version"));
        }
        // Never to be waited for: what is in it is known.
        descriptor::set_nonblocking(out.as_fd())?;
        Ok(Self::with(Way::Kept(Kept { memory, out, into })))
    }

    /// One that keeps nothing.
    pub fn plain() -> Self {
        Self::with(Way::Plain(vec![0; CHUNK.get()].into_boxed_slice()))
    }

    fn with(way: Way) -> Self {
        let inner = Arc::new(Mutex::new(way));
        Self { inner }
    }

    /// Copies of what is to be kept under the names in [`KEPT`]; none if it keeps nothing.
    pub fn parts(&self) -> io::Result<Vec<OwnedFd>> {
        match &*self.lock() {
            Way::Kept(kept) => [kept.memory.as_fd(), kept.out.as_fd(), kept.into.as_fd()]
                .iter()
                .map(BorrowedFd::try_clone_to_owned)
                .collect(),
            Way::Plain(_) => Ok(Vec::new()),
        }
    }

    /// Takes what is in an app's pipe, at most a chunk, and has it delivered; how many bytes. Zero when the last writer
    /// has gone, an error if there is nothing.
    pub(super) fn carry(
        &self,
        from: impl AsFd,
        origin: Origin,
        flow: u64,
        deliver: impl FnOnce(&[u8], &Ledger<'_>),
    ) -> io::Result<usize> {
        match &mut *self.lock() {
            Way::Kept(kept) => kept.carry(from, origin, flow, deliver),
            Way::Plain(buffer) => {
                let count = nix::unistd::read(from, buffer)?;
                if count > 0 {
                    deliver(&buffer[..count], &Ledger::none());
                }
                Ok(count)
            }
        }
    }

    /// Whether a daemon before us had taken a chunk of this process.
    pub(crate) fn has_of(&self, pm_id: u32) -> bool {
        match &*self.lock() {
            Way::Kept(kept) => kept
                .note()
                .under_way()
                .is_some_and(|(origin, _)| origin.pm_id == pm_id),
            Way::Plain(_) => false,
        }
    }

    /// Has the chunk delivered that a daemon before us had taken, if it is this process's.
    pub(super) fn settle(
        &self,
        pm_id: u32,
        deliver: impl FnOnce(Origin, u64, &[u8], &Ledger<'_>),
    ) -> io::Result<()> {
        match &mut *self.lock() {
            Way::Kept(kept) => kept.settle(pm_id, deliver),
            Way::Plain(_) => Ok(()),
        }
    }

    /// Lets go of a chunk that nobody has claimed; whose it was and how long.
    pub(crate) fn discard(&self) -> Option<(u32, usize)> {
        match &mut *self.lock() {
            Way::Kept(kept) => kept.discard(),
            Way::Plain(_) => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Way> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
