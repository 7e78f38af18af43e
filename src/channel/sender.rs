//! Writing to the channel: straight away when nothing waits, else by a task that waits for the socket.

use std::{
    fmt,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;

use super::{HANDLE_LINE_LIMIT, QUEUE_LIMIT, Shared, queue::Stop};
use crate::protocol::MESSAGE_LIMIT;

/// Room beyond [`QUEUE_LIMIT`] for Node's internal messages: an app that begins to read again must find its answers.
const INTERNAL_ROOM: usize = 1024 * 1024;

/// How long to wait when the system is short of something.
const SHORT_PAUSE: Duration = Duration::from_millis(10);

/// Why a message was not taken.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
pub enum ChannelError {
    /// The app, or we, ended the channel.
    #[error("the app's IPC channel is closed")]
    Closed,
    /// The app does not read its messages.
    #[error(
        "the app does not read its IPC channel: {queued} bytes wait, at most {limit} may; try again when it does"
    )]
    Full {
        /// Bytes that wait.
        queued: usize,
        /// How many may.
        limit: usize,
    },
    /// The message is over the limit.
    #[error("message of {size} bytes is over the limit of {limit} bytes")]
    TooLarge {
        /// The message's size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
}

/// What a socket is, in Node's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandleType {
    /// TCP or a Unix socket: a listener or a connection.
    Net,
    /// UDP.
    Datagram,
}

impl HandleType {
    fn name(self) -> &'static str {
        match self {
            Self::Net => "net.Native",
            Self::Datagram => "dgram.Native",
        }
    }
}

/// Hears of lines that may go in more than one piece: `true` right before one begins, `false` once it is written, or
/// the channel has ended.
#[derive(Clone)]
pub struct LongLine(Arc<dyn Fn(bool) + Send + Sync>);

impl LongLine {
    /// `told` is called while the channel is locked: it must not use the channel, nor wait.
    pub fn new(told: impl Fn(bool) + Send + Sync + 'static) -> Self {
        Self(Arc::new(told))
    }

    pub(super) fn tell(&self, begins: bool) {
        (self.0)(begins);
    }
}

impl fmt::Debug for LongLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LongLine")
    }
}

/// A handle to write to one app's channel. What it takes is written in order, or the app is gone.
#[derive(Debug, Clone)]
pub struct ChannelSender {
    shared: Arc<Shared>,
}

impl ChannelSender {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Takes one JSON document, given in pieces. Never waits. The caller vouches that it is valid JSON: anything else
    /// would kill the app.
    pub fn send(&self, body: &[&[u8]]) -> Result<(), ChannelError> {
        self.queue_line(body, QUEUE_LIMIT)
    }

    /// As [`send`](Self::send), but writes nothing before [`flush`](Self::flush), or another message, is called for.
    pub fn send_later(&self, body: &[&[u8]]) -> Result<(), ChannelError> {
        let size = size_of_line(body)?;
        let mut queue = self.shared.queue();
        check(&queue, size, QUEUE_LIMIT)?;
        queue.push(body, size);
        Ok(())
    }

    /// Writes what waits, as far as the socket takes it; the rest follows.
    pub fn flush(&self) {
        self.shared.flush(&mut self.shared.queue());
    }

    /// Whether both write to the same channel.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// As [`send`](Self::send), for Node's internal messages, which have some room of their own.
    pub(crate) fn send_internal(&self, body: &[u8]) -> Result<(), ChannelError> {
        self.queue_line(&[body], QUEUE_LIMIT + INTERNAL_ROOM)
    }

    /// Takes one JSON document and a socket that goes with it, and returns the socket's ticket: tickets count up. The
    /// socket must be non-blocking. The caller keeps its copy until the app's answer.
    pub fn send_handle(
        &self,
        kind: HandleType,
        message: &[u8],
        fd: Arc<OwnedFd>,
    ) -> Result<u64, ChannelError> {
        let head = [
            br#"{"cmd":"NODE_HANDLE","type":""#,
            kind.name().as_bytes(),
            br#"","msg":"#,
        ]
        .concat();
        let line = Bytes::from([&head, message, b"}\n"].concat());
        if line.len() > HANDLE_LINE_LIMIT {
            return Err(ChannelError::TooLarge {
                size: line.len(),
                limit: HANDLE_LINE_LIMIT,
            });
        }
        let mut queue = self.shared.queue();
        check(&queue, line.len(), QUEUE_LIMIT + INTERNAL_ROOM)?;
        let ticket = queue.push_handle(line, fd);
        self.shared.flush(&mut queue);
        Ok(ticket)
    }

    /// From here on `told` hears of lines that may go in more than one piece. A process that takes the channel over in
    /// the middle of one cannot go on, see [`resume`](super::resume).
    pub fn on_long_line(&self, told: LongLine) {
        self.shared.queue().on_long_line(told);
    }

    /// Our end of the channel, for a copy from which another process can go on, see [`resume`](super::resume). Dropping
    /// readers and senders leaves the channel to such a copy; only the app's end, or [`close`](Self::close), ends it.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.shared.socket.as_fd()
    }

    /// The app has acted on the socket with this ticket.
    pub(crate) fn handle_settled(&self, ticket: u64) {
        let mut queue = self.shared.queue();
        queue.handle_settled(ticket);
        self.shared.flush(&mut queue);
    }

    /// Ends the channel: the app reads what was taken before, and then its `disconnect`.
    pub fn close(&self) {
        let mut queue = self.shared.queue();
        queue.close();
        self.shared.flush(&mut queue);
    }

    /// Whether the channel takes messages.
    pub fn is_open(&self) -> bool {
        self.shared.queue().is_open()
    }

    /// Bytes taken and not yet written.
    pub fn queued_bytes(&self) -> usize {
        self.shared.queue().len()
    }

    /// Whether a line is written in part: the app could not go on with another process now.
    pub fn is_amid_line(&self) -> bool {
        self.shared.queue().is_amid_line()
    }

    fn queue_line(&self, pieces: &[&[u8]], limit: usize) -> Result<(), ChannelError> {
        let size = size_of_line(pieces)?;
        let mut queue = self.shared.queue();
        check(&queue, size, limit)?;
        if !queue.write_now(self.shared.socket.as_fd(), pieces, size) {
            queue.push(pieces, size);
            self.shared.flush(&mut queue);
        }
        if queue.is_open() {
            Ok(())
        } else {
            Err(ChannelError::Closed)
        }
    }
}

/// Bytes of a document that is within the limit.
fn size_of_line(pieces: &[&[u8]]) -> Result<usize, ChannelError> {
    let size = pieces.iter().map(|piece| piece.len()).sum();
    let limit = MESSAGE_LIMIT;
    if size > limit {
        return Err(ChannelError::TooLarge { size, limit });
    }
    Ok(size)
}

fn check(queue: &super::Queue, size: usize, limit: usize) -> Result<(), ChannelError> {
    if !queue.is_open() {
        return Err(ChannelError::Closed);
    }
    let queued = queue.len();
    if queued + size > limit {
        return Err(ChannelError::Full { queued, limit });
    }
    Ok(())
}

impl Shared {
    /// Writes what can be written now, and leaves the rest to a task.
    pub(super) fn flush(self: &Arc<Self>, queue: &mut super::Queue) {
        if queue.flushing {
            return;
        }
        let stop = queue.flush(self.socket.as_fd());
        if stop != Stop::Idle {
            queue.flushing = true;
            self.runtime.spawn(Arc::clone(self).go_on(stop));
        }
    }

    /// Goes on writing until nothing is left, or what is left waits for the app's acknowledgement.
    async fn go_on(self: Arc<Self>, mut stop: Stop) {
        loop {
            match stop {
                Stop::Idle => return,
                Stop::Turn => tokio::task::yield_now().await,
                Stop::Short => tokio::time::sleep(SHORT_PAUSE).await,
                Stop::Full => {}
            }
            // The registration fails only when the runtime is going away.
            let Ok(mut ready) = self.socket.writable().await else {
                return;
            };
            let mut queue = self.queue();
            stop = queue.flush(self.socket.as_fd());
            queue.flushing = stop != Stop::Idle;
            if stop == Stop::Full {
                ready.clear_ready();
            }
        }
    }
}
