//! How many sockets may be on their way to an app at once.
//!
//! Node reads 64 KiB at a time and pairs a socket with the first `NODE_HANDLE` line completed after it. If the end of
//! a read falls inside such a line and another socket follows, the first is lost and the second goes astray. That
//! takes nearly 64 KiB of unread plain lines before it, so they are counted.

use std::collections::VecDeque;

/// Sockets in flight when all goes well.
const WIDE: usize = 8;

/// Plain bytes before a socket that may be unread without harm: half of what Node reads at once, the line that goes
/// with the socket included.
const SAFE_UNREAD: u64 = 32 * 1024;

/// The sockets sent and not yet acknowledged, and the plain bytes between them.
#[derive(Debug)]
pub(super) struct HandleWindow {
    width: usize,
    /// For each socket in flight, oldest first: plain bytes written before it.
    in_flight: VecDeque<u64>,
    /// Plain bytes written since the beginning.
    written: u64,
    /// Of those, the bytes that the app is known to have read.
    known_read: u64,
    /// Another process used the channel before: an unknown number of its sockets, at most [`WIDE`], are still to be
    /// acknowledged. Answers then open the window, but prove nothing about what was read.
    unsure: bool,
}

impl Default for HandleWindow {
    fn default() -> Self {
        Self::new()
    }
}

impl HandleWindow {
    pub(super) fn new() -> Self {
        Self {
            width: WIDE,
            in_flight: VecDeque::new(),
            written: 0,
            known_read: 0,
            unsure: false,
        }
    }

    /// The window of a channel that another process used: what it wrote and the app has not read is unknown.
    pub(super) fn resumed() -> Self {
        Self {
            written: SAFE_UNREAD + 1,
            unsure: true,
            ..Self::new()
        }
    }

    /// Whether a socket may follow now, with a line of `size` bytes.
    pub(super) fn is_open(&self, size: usize) -> bool {
        let unread = self.written - self.known_read;
        let safe = unread + size as u64 <= SAFE_UNREAD;
        let alone = self.in_flight.is_empty() && !self.unsure;
        alone || (safe && self.in_flight.len() < self.width)
    }

    /// Whether an answer will come that may open it. If not, only reading will: see [`all_read`](Self::all_read).
    pub(super) fn awaits_answer(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// The app has acted on the socket sent last, so it has acknowledged every one.
    pub(super) fn settled(&mut self) {
        if self.unsure {
            let last = self.in_flight.back().copied();
            self.known_read = last.map_or(self.known_read, |last| self.known_read.max(last));
            self.in_flight.clear();
            self.unsure = false;
        }
    }

    /// Whether it is known which socket each answer is for.
    pub(super) fn is_sure(&self) -> bool {
        !self.unsure
    }

    /// `size` bytes of plain lines were written.
    pub(super) fn plain_written(&mut self, size: usize) {
        self.written += size as u64;
    }

    /// A socket was sent.
    pub(super) fn handle_sent(&mut self) {
        self.in_flight.push_back(self.written);
    }

    /// The app has read everything: nothing is left in the kernel.
    pub(super) fn all_read(&mut self) {
        self.known_read = self.written;
    }

    /// The app has the oldest socket in flight. An answer that nobody waits for changes nothing.
    pub(super) fn acknowledged(&mut self) {
        if let Some(before) = self.in_flight.pop_front()
            && !self.unsure
        {
            self.known_read = self.known_read.max(before);
        }
    }

    /// The app read a line without its socket; from here on they go one at a time. Returns whether nothing is in
    /// flight any more, so that whatever has not been answered is lost.
    pub(super) fn refused(&mut self) -> bool {
        self.acknowledged();
        self.width = 1;
        self.in_flight.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(window: &mut HandleWindow) -> usize {
        let mut count = 0;
        while window.is_open(200) {
            window.handle_sent();
            count += 1;
        }
        count
    }

    #[test]
    fn eight_go_and_each_answer_lets_one_more_go() {
        let mut window = HandleWindow::new();
        assert_eq!(sent(&mut window), 8);
        window.acknowledged();
        window.acknowledged();
        assert_eq!(sent(&mut window), 2);
    }

    #[test]
    fn behind_many_unread_bytes_they_go_one_at_a_time_until_those_are_known_to_be_read() {
        let mut window = HandleWindow::new();
        window.plain_written(32 * 1024 - 199);
        assert_eq!(sent(&mut window), 1);
        window.acknowledged();
        assert_eq!(
            sent(&mut window),
            8,
            "the answer came after the plain bytes"
        );
        for _ in 0..8 {
            window.acknowledged();
        }
        window.plain_written(1 << 20);
        assert!(!{
            window.handle_sent();
            window.is_open(200)
        });
        window.all_read();
        assert_eq!(sent(&mut window), 7);
    }

    #[test]
    fn plain_bytes_after_the_acknowledged_socket_still_count() {
        let mut window = HandleWindow::new();
        window.handle_sent();
        window.plain_written(40_000);
        assert!(!window.is_open(200));
        window.acknowledged();
        assert_eq!(sent(&mut window), 1);
    }

    #[test]
    fn a_refusal_narrows_it_to_one() {
        let mut window = HandleWindow::new();
        assert_eq!(sent(&mut window), 8);
        assert!(!window.refused());
        for _ in 0..6 {
            window.acknowledged();
        }
        assert!(window.refused());
        assert_eq!(sent(&mut window), 1);
        window.acknowledged();
        window.acknowledged();
        assert_eq!(sent(&mut window), 1);
    }

    #[test]
    fn what_another_process_left_is_waited_out_and_late_answers_prove_nothing() {
        let mut window = HandleWindow::resumed();
        window.acknowledged();
        assert!(!window.is_open(200) && !window.awaits_answer());
        window.all_read();
        assert_eq!(sent(&mut window), 8);
        window.plain_written(40_000);
        for _ in 0..8 {
            window.acknowledged();
        }
        assert!(!window.is_open(200), "these may be answers to the other");
        window.settled();
        assert_eq!(sent(&mut window), 1, "behind many bytes one alone");
        window.acknowledged();
        assert_eq!(sent(&mut window), 8, "answers count again");
    }
}
