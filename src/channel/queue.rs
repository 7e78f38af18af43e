//! What waits to be written, in order, and the rules of writing it.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use bytes::{Buf, Bytes, BytesMut};
use nix::errno::Errno;

use super::{HandlesLost, sender::LongLine, window::HandleWindow};
use crate::sys::socket;

/// Bytes that one call takes whole or not at all (the kernel's limit is 36,544). Longer lines are begun only when
/// the channel is empty, so that they go in one call if they can; shorter ones are gathered up to this size.
const ONE_PIECE: usize = 32 * 1024;

/// The kernel counts at least this much for any unread piece; less means that everything has been read.
const LEAST_UNREAD: usize = 64;

/// Calls in a row before others get their turn.
const CALLS_AT_ONCE: usize = 64;

/// Whether the channel takes and writes messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    /// Takes nothing new; ends once the queue is written.
    Closing,
    Ended,
}

#[derive(Debug)]
enum Item {
    /// Whole lines, or what is left of a long one.
    Plain(BytesMut),
    Handle {
        line: Bytes,
        fd: Arc<OwnedFd>,
    },
}

/// Why writing stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nothing is left, or what is left waits for the app's acknowledgement: nothing to do.
    Idle,
    /// The socket takes no more for now.
    Full,
    /// The system is short of something; to be tried again a little later.
    Short,
    /// Others should have their turn.
    Turn,
}

/// The queue towards one app.
#[derive(Debug, Default)]
pub(super) struct Queue {
    items: VecDeque<Item>,
    /// Bytes in `items`.
    bytes: usize,
    /// The front item is a long line that is begun and must be finished.
    begun: bool,
    window: HandleWindow,
    /// Sockets taken, and of those the ones sent: a socket's ticket is how many were taken before it.
    handles_taken: u64,
    handles_sent: u64,
    phase: Phase,
    /// A task waits for the socket and will go on writing.
    pub(super) flushing: bool,
    /// Told of lines that may go in more than one piece.
    long_line: Option<LongLine>,
    /// It was told that one begins.
    told_long: bool,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// The queue of a channel that another process used.
    pub(super) fn resumed() -> Self {
        Self {
            window: HandleWindow::resumed(),
            ..Self::default()
        }
    }

    /// From here on `told` hears of long lines.
    pub(super) fn on_long_line(&mut self, told: LongLine) {
        if self.told_long {
            told.tell(true);
        }
        self.long_line = Some(told);
    }

    fn tell_long(&mut self, begun: bool) {
        if self.told_long != begun {
            self.told_long = begun;
            if let Some(told) = &self.long_line {
                told.tell(begun);
            }
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether a long line may be written in part.
    pub(super) fn is_amid_line(&self) -> bool {
        self.told_long
    }

    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    /// Adds a line, given in pieces without its newline, of `size` bytes in all.
    pub(super) fn push(&mut self, pieces: &[&[u8]], size: usize) {
        let start = self.tail(size + 1);
        let Some(Item::Plain(tail)) = self.items.back_mut() else {
            return;
        };
        for piece in pieces {
            tail.extend_from_slice(piece);
        }
        // A raw newline can only stand between JSON's tokens, where a space means the same.
        for index in memchr::memchr_iter(b'\n', &tail[start..]).collect::<Vec<_>>() {
            tail[start + index] = b' ';
        }
        tail.extend_from_slice(b"\n");
        self.bytes += size + 1;
    }

    /// Makes the last item a plain one with room for `size` bytes, and returns where they begin.
    fn tail(&mut self, size: usize) -> usize {
        if let Some(Item::Plain(tail)) = self.items.back()
            && tail.len() + size <= ONE_PIECE
        {
            return tail.len();
        }
        self.items
            .push_back(Item::Plain(BytesMut::with_capacity(size)));
        0
    }

    /// Adds a line, newline included, that goes with a socket, and returns the socket's ticket.
    pub(super) fn push_handle(&mut self, line: Bytes, fd: Arc<OwnedFd>) -> u64 {
        self.bytes += line.len();
        self.items.push_back(Item::Handle { line, fd });
        let ticket = self.handles_taken;
        self.handles_taken += 1;
        ticket
    }

    /// Writes a line straight away if nothing waits before it. Returns whether it need not be queued.
    pub(super) fn write_now(
        &mut self,
        socket: BorrowedFd<'_>,
        pieces: &[&[u8]],
        size: usize,
    ) -> bool {
        let several_lines = || {
            pieces
                .iter()
                .any(|piece| memchr::memchr(b'\n', piece).is_some())
        };
        if !self.items.is_empty() || size >= ONE_PIECE || several_lines() {
            return false;
        }
        let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        slices.push(IoSlice::new(b"\n"));
        match socket::send(socket, &slices, &[]) {
            Ok(sent) if sent == size + 1 => self.window.plain_written(sent),
            // The kernel takes such a short line whole; should another one not, the rest follows.
            Ok(sent) => {
                self.push(pieces, size);
                self.written(sent);
            }
            Err(error) if is_temporary(&error) => return false,
            Err(_) => self.end(socket),
        }
        true
    }

    /// Writes what waits, as far as the socket and the rules allow.
    pub(super) fn flush(&mut self, socket: BorrowedFd<'_>) -> Stop {
        for _ in 0..CALLS_AT_ONCE {
            if self.begins_long(socket) {
                self.tell_long(true);
            }
            let result = match self.items.front() {
                None => {
                    if self.phase == Phase::Closing {
                        self.end(socket);
                    }
                    return Stop::Idle;
                }
                Some(Item::Handle { line, fd }) => {
                    if !may_send_handle(&mut self.window, socket, line.len()) {
                        return if self.window.awaits_answer() {
                            Stop::Idle
                        } else {
                            Stop::Full
                        };
                    }
                    socket::send(socket, &[IoSlice::new(line)], &[fd.as_fd()])
                }
                Some(Item::Plain(bytes)) => {
                    if bytes.len() > ONE_PIECE && !self.told_long {
                        return Stop::Full;
                    }
                    socket::send(socket, &[IoSlice::new(bytes)], &[])
                }
            };
            match result {
                Ok(sent) => self.written(sent),
                Err(error) => {
                    if let Some(stop) = self.failed(socket, &error) {
                        return stop;
                    }
                }
            }
        }
        Stop::Turn
    }

    /// Whether the front item is a long line whose time has come.
    fn begins_long(&self, socket: BorrowedFd<'_>) -> bool {
        let is_long =
            matches!(self.items.front(), Some(Item::Plain(bytes)) if bytes.len() > ONE_PIECE);
        is_long && !self.begun && all_read(socket)
    }

    /// `sent` bytes of the front item have gone.
    fn written(&mut self, sent: usize) {
        self.bytes -= sent;
        match self.items.front_mut() {
            Some(Item::Plain(bytes)) => {
                self.window.plain_written(sent);
                bytes.advance(sent);
                self.begun = !bytes.is_empty();
                let begun = self.begun;
                self.tell_long(begun);
                if begun {
                    return;
                }
            }
            // Its line is short enough to go whole or not at all.
            Some(Item::Handle { .. }) => {
                self.handles_sent += 1;
                self.window.handle_sent();
            }
            None => {}
        }
        self.items.pop_front();
    }

    fn failed(&mut self, socket: BorrowedFd<'_>, error: &io::Error) -> Option<Stop> {
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EINTR) => None,
            Some(Errno::EAGAIN) => Some(Stop::Full),
            _ if is_temporary(error) => Some(Stop::Short),
            _ => {
                self.end(socket);
                Some(Stop::Idle)
            }
        }
    }

    /// The app has the oldest socket that was sent to it.
    pub(super) fn handle_acknowledged(&mut self) {
        self.window.acknowledged();
    }

    /// The app did not get a socket. With none in flight any more, whatever was sent and not answered is lost:
    /// returns the ticket that all of those are below.
    pub(super) fn handle_refused(&mut self) -> Option<HandlesLost> {
        self.window.refused().then_some(HandlesLost {
            before: self.handles_sent,
            certain: self.window.is_sure(),
        })
    }

    /// The app has acted on the socket with this ticket.
    pub(super) fn handle_settled(&mut self, ticket: u64) {
        if ticket + 1 == self.handles_sent {
            self.window.settled();
        }
    }

    /// Takes nothing new; once what waits is written, the app reads the end.
    pub(super) fn close(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::Closing;
        }
    }

    /// Ends the channel now. What still waited was for an app that is gone.
    pub(super) fn end(&mut self, socket: BorrowedFd<'_>) {
        if self.phase != Phase::Ended {
            self.phase = Phase::Ended;
            self.items = VecDeque::new();
            self.bytes = 0;
            self.tell_long(false);
            socket::end(socket);
        }
    }
}

/// `ETOOMANYREFS`: too many sockets of this user are on their way; like a lack of memory it passes.
fn is_temporary(error: &io::Error) -> bool {
    let passing = [
        Errno::EAGAIN,
        Errno::EINTR,
        Errno::ETOOMANYREFS,
        Errno::ENOBUFS,
        Errno::ENOMEM,
    ];
    error
        .raw_os_error()
        .is_some_and(|code| passing.contains(&Errno::from_raw(code)))
}

fn may_send_handle(window: &mut HandleWindow, socket: BorrowedFd<'_>, size: usize) -> bool {
    if window.is_open(size) {
        return true;
    }
    if all_read(socket) {
        window.all_read();
    }
    window.is_open(size)
}

fn all_read(socket: BorrowedFd<'_>) -> bool {
    // Where the system cannot tell, a long line just goes in several calls.
    socket::unread_by_peer(socket).map_or(true, |bytes| bytes < LEAST_UNREAD)
}
