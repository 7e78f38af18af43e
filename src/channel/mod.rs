//! Node's IPC channel, seen from the parent: a connected pair of Unix stream sockets that carries one JSON document a
//! line, and sockets beside some of the lines.
//!
//! Bodies cross it verbatim: they are validated, so that nothing that is not JSON goes on, but never decoded and
//! encoded again.
//!
//! Whoever holds the [`ChannelReader`] must keep reading: the app's acknowledgements, which let further sockets be
//! sent to it, come that way.

#![forbid(unsafe_code)]

mod classify;
mod cluster_message;
mod lines;
mod queue;
mod reader;
mod sender;
#[cfg(test)]
mod tests;
mod window;

use std::{
    io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::{
    io::{Interest, unix::AsyncFd},
    runtime::Handle,
};

use self::queue::Queue;
pub use self::{
    cluster_message::{AddressType, ClusterMessage, Query},
    reader::{ChannelEvent, ChannelReader},
    sender::{ChannelError, ChannelSender, HandleType},
};
use crate::sys::{socket, watched};

/// Bytes that may wait for an app that does not read, before further messages to it are refused: twice the largest
/// message.
pub const QUEUE_LIMIT: usize = 2 * crate::protocol::MESSAGE_LIMIT;

/// Longest line that carries a socket, in bytes: it must go in one piece.
pub const HANDLE_LINE_LIMIT: usize = 32 * 1024;

/// What each direction of the channel may hold in the kernel; long lines then go in one call.
const SEND_BUFFER: usize = 1024 * 1024;

/// Both ends of a new channel: ours, and the descriptor for the child, which becomes its `NODE_CHANNEL_FD`. Must be
/// called on a tokio runtime, whose tasks then do the waiting.
pub fn open() -> io::Result<(ChannelReader, ChannelSender, OwnedFd)> {
    let (ours, childs) = socket::stream_pair()?;
    socket::enlarge_send_buffer(&ours, SEND_BUFFER);
    socket::enlarge_send_buffer(&childs, SEND_BUFFER);
    let shared = Arc::new(Shared {
        socket: watched::watch(ours, Interest::READABLE | Interest::WRITABLE)?,
        queue: Mutex::new(Queue::new()),
        runtime: Handle::current(),
    });
    let sender = ChannelSender::new(Arc::clone(&shared));
    Ok((ChannelReader::new(shared, sender.clone()), sender, childs))
}

/// Our end of the channel, shared by its reader and its senders.
#[derive(Debug)]
struct Shared {
    socket: AsyncFd<OwnedFd>,
    queue: Mutex<Queue>,
    runtime: Handle,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // A panic while it was held cannot leave it half changed in a way that matters more than going on.
        self.queue
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
