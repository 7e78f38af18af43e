//! Reading from the channel.
//!
//! A line stays in the socket until it was acted on: [`ChannelReader::next`] looks at what is there (`MSG_PEEK`), and
//! takes a line out when it is called again. So when this process is killed, whoever takes the channel over finds
//! every line that was not acted on, whole; and the one line that was being acted on at that instant a second time.
//! Node's answer to a socket of ours is harmless then; a cluster message is too, see `cluster`. Only a line over 64
//! KiB that had been taken in part is lost: its rest is told as [`ChannelEvent::Torn`].
//!
//! Taking each line out by itself costs half a microsecond of processor time a message (1.9 instead of 1.4 for all of
//! the reading, short messages of a real Node); Node needs several for sending one, and stays the slower side.

use std::{
    cell::RefCell,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use bytes::{Bytes, BytesMut};

use super::{
    ChannelSender, ClusterMessage, Shared,
    classify::{Kind, classify},
    lines::{Line, Lines},
};
use crate::{protocol::MESSAGE_LIMIT, sys::socket};

/// Bytes read at once. The buffers are shared by all channels of a thread: an idle one costs none.
const PIECE: usize = 64 * 1024;

/// Bytes of a bad line that are shown.
const PREVIEW: usize = 100;

thread_local! {
    /// What is looked at; the lines are parts of it until they are acted on. Empty while a channel has it.
    static SEEN: RefCell<BytesMut> = RefCell::default();
    /// What was acted on goes here.
    static TAKEN: RefCell<Box<[u8]>> = RefCell::new(vec![0; PIECE].into_boxed_slice());
}

/// What an app did on its channel.
#[derive(Debug)]
pub enum ChannelEvent {
    /// It sent a message: valid JSON, verbatim.
    Message(Bytes),
    /// It said something to its cluster primary.
    Cluster(ClusterMessage),
    /// The agent in it said something: the whole line.
    Agent(Bytes),
    /// It sent a message over the limit, which was skipped.
    TooLarge {
        /// The message's size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// It wrote a line that is not JSON, which was skipped.
    NotJson {
        /// The beginning of the line.
        preview: String,
    },
    /// The rest of a line whose beginning was read by a process that is dead. That message is lost.
    Torn {
        /// The beginning of what was left.
        preview: String,
    },
    /// It closed the channel, or died. Nothing comes after this.
    Closed,
}

/// The receiving side of one app's channel.
#[derive(Debug)]
pub struct ChannelReader {
    shared: Arc<Shared>,
    /// To answer the app's own sockets.
    sender: ChannelSender,
    lines: Lines,
    /// What the lines are parts of.
    piece: Bytes,
    /// Bytes in the socket that were acted on, or are about to be.
    seen: usize,
    /// A socket of the app's is among the bytes that were looked at.
    carries_handle: bool,
    /// The socket that the app sent last, until the line it belongs to is complete.
    handle: Option<OwnedFd>,
    /// Nothing was read yet of what another process began to read.
    resumed: bool,
    ended: bool,
}

impl ChannelReader {
    pub(super) fn new(shared: Arc<Shared>, sender: ChannelSender, resumed: bool) -> Self {
        Self {
            shared,
            sender,
            lines: Lines::new(MESSAGE_LIMIT),
            piece: Bytes::new(),
            seen: 0,
            carries_handle: false,
            handle: None,
            resumed,
            ended: false,
        }
    }

    /// Waits for the next event. The one before counts as acted on, and will not be seen by a process that takes the
    /// channel over. Nothing is lost if the waiting is given up.
    pub async fn next(&mut self) -> ChannelEvent {
        self.acted();
        loop {
            while let Some((line, size)) = self.lines.next() {
                self.seen += size;
                if let Some(event) = self.event(line) {
                    return event;
                }
            }
            self.acted();
            give_back(std::mem::take(&mut self.piece));
            if self.ended {
                return ChannelEvent::Closed;
            }
            self.look().await;
        }
    }

    /// The last event was acted on, and its line is taken out of the socket. To be called only by who goes on to
    /// something long before the [`next`](Self::next).
    pub fn acted(&mut self) {
        while self.seen > 0 {
            match self.take(self.seen) {
                Ok(0) => break,
                Ok(count) => self.seen -= count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        // It was there when it was looked at, so it could be taken unless the channel broke meanwhile.
        self.seen = 0;
    }

    /// Takes at most `count` bytes out of the socket, and the app's socket if one came with them.
    fn take(&mut self, count: usize) -> io::Result<usize> {
        let socket = self.shared.socket.as_fd();
        TAKEN.with_borrow_mut(|buffer| {
            let limit = count.min(buffer.len());
            let buffer = &mut buffer[..limit];
            if !self.carries_handle {
                return socket::take(socket, buffer);
            }
            let (count, mut handles) = socket::receive(socket, buffer)?;
            // Node sends one and waits for the answer; any other is closed here.
            self.handle = handles.pop().or(self.handle.take());
            Ok(count)
        })
    }

    /// Looks at what is there, or notes the end.
    async fn look(&mut self) {
        // An app that never stops sending must not keep the others waiting.
        tokio::task::coop::consume_budget().await;
        let Ok(mut ready) = self.shared.socket.readable().await else {
            return self.end();
        };
        let is_closed = ready.ready().is_read_closed();
        let begun = self.lines.has_begun();
        let mut buffer = SEEN.take();
        buffer.resize(PIECE, 0);
        let seen = socket::peek(self.shared.socket.as_fd(), &mut buffer);
        self.piece = buffer.freeze();
        match seen {
            Ok((0, _)) => self.end(),
            Ok((count, handle)) => {
                let full = count == PIECE || handle;
                let taken = self.lines.see(&self.piece.slice(..count), full);
                self.carries_handle = handle;
                // Where all there was has been seen, more is waited for; else the rest is looked at next.
                if !full && taken == if begun { count } else { 0 } {
                    ready.clear_ready();
                }
                // The app is gone and this line will not be ended.
                let ended = is_closed && !full && taken == 0 && self.lines.is_empty();
                self.seen += taken;
                self.acted();
                if ended {
                    self.end();
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.end(),
        }
    }

    fn end(&mut self) {
        give_back(std::mem::take(&mut self.piece));
        self.ended = true;
        self.handle = None;
        self.shared.queue().end(self.shared.socket.as_fd());
    }

    fn event(&mut self, line: Line) -> Option<ChannelEvent> {
        let resumed = std::mem::take(&mut self.resumed);
        let line = match line {
            Line::Whole(line) => line,
            Line::TooLarge(size) => {
                return Some(ChannelEvent::TooLarge {
                    size,
                    limit: MESSAGE_LIMIT,
                });
            }
        };
        match classify(line.clone()) {
            Kind::Message(body) => Some(ChannelEvent::Message(body)),
            Kind::Cluster(message) => Some(ChannelEvent::Cluster(message)),
            Kind::Agent(line) => Some(ChannelEvent::Agent(line)),
            Kind::Handle(message) => self.handle_received(message),
            Kind::HandleAcknowledged => {
                self.handle_answered(super::Queue::handle_acknowledged);
                None
            }
            Kind::HandleRefused => self
                .handle_answered(super::Queue::handle_refused)
                .map(|lost| ChannelEvent::Cluster(ClusterMessage::HandlesLost(lost))),
            Kind::Internal => None,
            Kind::Invalid => {
                let preview =
                    String::from_utf8_lossy(&line[..line.len().min(PREVIEW)]).into_owned();
                Some(if resumed {
                    ChannelEvent::Torn { preview }
                } else {
                    ChannelEvent::NotJson { preview }
                })
            }
        }
    }

    /// The app sent a socket with a message. It gets its answer, without which it would hold back all its further
    /// messages; the message is passed on, the socket is of no use to anyone here.
    fn handle_received(&mut self, message: Bytes) -> Option<ChannelEvent> {
        // Taken out before it is answered: the socket comes that way, and answered twice it would kill the app.
        self.acted();
        let answer: &[u8] = match self.handle.take() {
            Some(_) => br#"{"cmd":"NODE_HANDLE_ACK"}"#,
            None => br#"{"cmd":"NODE_HANDLE_NACK"}"#,
        };
        // Not taken only if the app has stopped reading or is gone, and then no answer helps.
        let _ = self.sender.send_internal(answer);
        if answer.ends_with(b"NACK\"}") {
            return None;
        }
        match classify(message) {
            Kind::Message(body) => Some(ChannelEvent::Message(body)),
            _ => None,
        }
    }

    /// Notes an answer to a socket of ours and sends what waited for it.
    fn handle_answered<T>(&self, note: impl FnOnce(&mut super::Queue) -> T) -> T {
        let mut queue = self.shared.queue();
        let result = note(&mut queue);
        self.shared.flush(&mut queue);
        result
    }
}

/// Lets the next channel look into a buffer that nothing is a part of any more.
fn give_back(piece: Bytes) {
    if let Ok(buffer) = piece.try_into_mut()
        && buffer.len() == PIECE
    {
        SEEN.set(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the thread's buffer is there for the next channel.
    fn is_back() -> bool {
        SEEN.with_borrow(|buffer| buffer.len() == PIECE)
    }

    #[tokio::test]
    async fn a_channel_that_waits_has_no_buffer() {
        let (mut reader, _sender, child) = super::super::open().unwrap();
        for lines in [&b"1\n"[..], b"2\n3\n", b"4\n5"] {
            nix::unistd::write(&child, lines).unwrap();
            for _ in lines.iter().filter(|byte| **byte == b'\n') {
                let ChannelEvent::Message(body) = reader.next().await else {
                    panic!("a message");
                };
                assert!(!is_back(), "{body:?} is a part of it");
            }
            let waiting = tokio::select! {
                biased;
                event = reader.next() => Some(event),
                () = tokio::task::yield_now() => None,
            };
            assert!(waiting.is_none() && is_back(), "{lines:?}");
        }
    }
}
