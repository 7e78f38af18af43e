//! Descriptors whose readiness the async runtime watches.

use std::{io, os::fd::OwnedFd};

use tokio::io::{Interest, unix::AsyncFd};

/// Registers a non-blocking descriptor with the runtime this is called in.
pub fn watch(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: `OwnedFd` names one open descriptor as long as it lives and cannot be made to name another; `AsyncFd`
    // owns it and is deregistered before it is closed.
    Ok(unsafe { AsyncFd::register_with_interest(fd, interest) }?)
}
