//! Reading from the channel.

use std::{
    cell::RefCell,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    ChannelSender, ClusterMessage, Shared,
    classify::{Kind, classify},
    lines::{Line, Lines},
};
use crate::{protocol::MESSAGE_LIMIT, sys::socket};

/// Bytes read at once. The buffer is shared by all channels of a thread: an idle one costs none.
const PIECE: usize = 64 * 1024;

/// Bytes of a bad line that are shown.
const PREVIEW: usize = 100;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; PIECE].into_boxed_slice());
}

/// What an app did on its channel.
#[derive(Debug)]
pub enum ChannelEvent {
    /// It sent a message: valid JSON, verbatim.
    Message(Bytes),
    /// It said something to its cluster primary.
    Cluster(ClusterMessage),
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
    /// The socket that the app sent last, until the line it belongs to is complete.
    handle: Option<OwnedFd>,
    ended: bool,
}

impl ChannelReader {
    pub(super) fn new(shared: Arc<Shared>, sender: ChannelSender) -> Self {
        Self {
            shared,
            sender,
            lines: Lines::new(MESSAGE_LIMIT),
            handle: None,
            ended: false,
        }
    }

    /// Waits for the next event. Nothing is lost if the waiting is given up.
    pub async fn next(&mut self) -> ChannelEvent {
        loop {
            while let Some(line) = self.lines.next() {
                if let Some(event) = self.event(line) {
                    return event;
                }
            }
            if self.ended {
                return ChannelEvent::Closed;
            }
            self.read().await;
        }
    }

    /// Reads one piece, or notes the end.
    async fn read(&mut self) {
        // An app that never stops sending must not keep the others waiting.
        tokio::task::coop::consume_budget().await;
        let Ok(mut ready) = self.shared.socket.readable().await else {
            return self.end();
        };
        let lines = &mut self.lines;
        let received = BUFFER.with_borrow_mut(|buffer| {
            let (count, handles) = socket::receive(self.shared.socket.as_fd(), buffer)?;
            lines.push(&buffer[..count]);
            Ok::<_, io::Error>((count, handles))
        });
        match received {
            Ok((0, _)) => self.end(),
            Ok((count, mut handles)) => {
                // A read that a socket ends may leave more; any other short one has taken all there was.
                if count < PIECE && handles.is_empty() {
                    ready.clear_ready();
                }
                // Node sends one and waits for the answer; any other is closed here.
                self.handle = handles.pop().or(self.handle.take());
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.end(),
        }
    }

    fn end(&mut self) {
        self.ended = true;
        self.handle = None;
        self.shared.queue().end(self.shared.socket.as_fd());
    }

    fn event(&mut self, line: Line) -> Option<ChannelEvent> {
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
            Kind::Handle(message) => self.handle_received(message),
            Kind::HandleAcknowledged => {
                self.handle_answered(super::Queue::handle_acknowledged);
                None
            }
            Kind::HandleRefused => self
                .handle_answered(super::Queue::handle_refused)
                .map(|before| ChannelEvent::Cluster(ClusterMessage::HandlesLost { before })),
            Kind::Internal => None,
            Kind::Invalid => Some(ChannelEvent::NotJson {
                preview: String::from_utf8_lossy(&line[..line.len().min(PREVIEW)]).into_owned(),
            }),
        }
    }

    /// The app sent a socket with a message. It gets its answer, without which it would hold back all its further
    /// messages; the message is passed on, the socket is of no use to anyone here.
    fn handle_received(&mut self, message: Bytes) -> Option<ChannelEvent> {
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
