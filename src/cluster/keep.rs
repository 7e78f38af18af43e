//! What outlives the daemon for the primary: somebody holds copies of its sockets, and its state.

use std::{fmt, future::Future, io, os::fd::BorrowedFd, pin::Pin, sync::Arc};

/// Ends when a copy is held.
pub type KeepFuture = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// Holds what a later primary needs to go on, see [`Primary::restore`](super::Primary::restore). It is called while
/// the primary is locked: it must neither wait nor call back.
pub trait Keep: Send + Sync {
    /// Holds a copy of a listener's socket under `name`; the copy must be made before this returns. A worker is told
    /// of the listener only when the future has ended. If it fails the listener serves, but will not be restored.
    fn listener(&self, name: &str, socket: BorrowedFd<'_>) -> KeepFuture;

    /// The listener of that name is closed, and with it should be the copy.
    fn forget(&self, name: &str);

    /// The state from here on; when this returns it must outlive the process.
    fn save(&self, state: &[u8]);
}

/// Holds nothing: everything ends with the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoKeep;

impl Keep for NoKeep {
    fn listener(&self, _name: &str, _socket: BorrowedFd<'_>) -> KeepFuture {
        Box::pin(std::future::ready(Ok(())))
    }

    fn forget(&self, _name: &str) {}

    fn save(&self, _state: &[u8]) {}
}

/// The keep of a primary.
#[derive(Clone)]
pub(super) struct Keeping(pub(super) Arc<dyn Keep>);

impl Default for Keeping {
    fn default() -> Self {
        Self(Arc::new(NoKeep))
    }
}

impl fmt::Debug for Keeping {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Keeping")
    }
}
