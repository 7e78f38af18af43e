//! Node's IPC channel, seen from the parent: a connected pair of Unix stream sockets that carries one JSON document a
//! line, and sockets beside some of the lines.
//!
//! Bodies cross it verbatim: they are validated, so that nothing that is not JSON goes on, but never decoded and
//! encoded again.
//!
//! A channel outlives the process that uses it if another holds a copy of its descriptor: [`resume`].
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
    cluster_message::{AddressType, ClusterMessage, HandlesLost, Query},
    reader::{ChannelEvent, ChannelReader},
    sender::{ChannelError, ChannelSender, HandleType, LongLine},
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
    let (reader, sender) = run(ours, Queue::new(), false)?;
    Ok((reader, sender, childs))
}

/// Goes on with our end of a channel that a process used which is dead, where that kept a copy of
/// [`ChannelSender::descriptor`]. Must be called on a tokio runtime.
///
/// What the other had not acted on is read here, see [`ChannelReader`]; what it had not written is lost with it. If it
/// was killed in the middle of a long line ([`ChannelSender::on_long_line`]), the app reads the rest of that line from
/// the next one, and dies of it: then do not send, but replace the app.
pub fn resume(fd: OwnedFd) -> io::Result<(ChannelReader, ChannelSender)> {
    run(fd, Queue::resumed(), true)
}

fn run(fd: OwnedFd, queue: Queue, resumed: bool) -> io::Result<(ChannelReader, ChannelSender)> {
    let shared = Arc::new(Shared {
        socket: watched::watch(fd, Interest::READABLE | Interest::WRITABLE)?,
        queue: Mutex::new(queue),
        runtime: Handle::current(),
    });
    let sender = ChannelSender::new(Arc::clone(&shared));
    Ok((ChannelReader::new(shared, sender.clone(), resumed), sender))
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
