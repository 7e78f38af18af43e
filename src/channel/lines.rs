//! Cutting what is read into lines. Every byte is copied once.

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memrchr};

const NEWLINE: u8 = b'\n';

/// What stood between two newlines.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, without its newline.
    Whole(Bytes),
    /// A line over the limit, of so many bytes, that was not kept.
    TooLarge(usize),
}

/// Takes pieces of a stream and gives its lines. A line that comes in several pieces is gathered; one over the limit
/// is skipped up to its newline, and the lines after it are read as ever.
#[derive(Debug)]
pub(super) struct Lines {
    limit: usize,
    /// The end of the line that began in an earlier piece.
    first: Option<Line>,
    /// Whole lines, each with its newline.
    whole: Bytes,
    /// The beginning of a line whose newline has not come.
    partial: BytesMut,
    /// Bytes of the line that is being skipped, if one is.
    skipped: Option<usize>,
}

impl Lines {
    /// Takes lines of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            first: None,
            whole: Bytes::new(),
            partial: BytesMut::new(),
            skipped: None,
        }
    }

    /// Takes the next piece of the stream. All lines of the piece before must have been taken out.
    pub(super) fn push(&mut self, piece: &[u8]) {
        debug_assert!(self.first.is_none() && self.whole.is_empty());
        let rest = self.finish_line(piece);
        let end = memrchr(NEWLINE, rest).map_or(0, |index| index + 1);
        if end > 0 {
            self.whole = Bytes::copy_from_slice(&rest[..end]);
        }
        self.gather(&rest[end..]);
    }

    /// The next line.
    pub(super) fn next(&mut self) -> Option<Line> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let end = memchr(NEWLINE, &self.whole)?;
        let line = self.whole.split_to(end);
        self.whole.advance(1);
        Some(self.within_limit(line))
    }

    /// Ends the line begun in an earlier piece if its newline is in this one, and returns what follows.
    fn finish_line<'p>(&mut self, piece: &'p [u8]) -> &'p [u8] {
        if self.partial.is_empty() && self.skipped.is_none() {
            return piece;
        }
        let Some(end) = memchr(NEWLINE, piece) else {
            return piece;
        };
        self.gather(&piece[..end]);
        self.first = Some(match self.skipped.take() {
            Some(size) => Line::TooLarge(size),
            // Taken, not split off: the buffer that grew for this line goes away with it.
            None => Line::Whole(std::mem::take(&mut self.partial).freeze()),
        });
        &piece[end + 1..]
    }

    fn gather(&mut self, piece: &[u8]) {
        let size = self.skipped.unwrap_or(self.partial.len()) + piece.len();
        if size > self.limit {
            self.skipped = Some(size);
            self.partial = BytesMut::new();
        } else {
            self.partial.extend_from_slice(piece);
        }
    }

    fn within_limit(&self, line: Bytes) -> Line {
        if line.len() > self.limit {
            Line::TooLarge(line.len())
        } else {
            Line::Whole(line)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &mut Lines, piece: &[u8]) -> Vec<Line> {
        lines.push(piece);
        std::iter::from_fn(|| lines.next()).collect()
    }

    fn whole(text: &'static str) -> Line {
        Line::Whole(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn lines_are_the_same_however_the_stream_is_cut() {
        let stream = b"1\n\n{\"a\":2}\n[3]\nnot ended";
        for size in 1..stream.len() {
            let mut lines = Lines::new(100);
            let mut found = Vec::new();
            for piece in stream.chunks(size) {
                found.extend(read(&mut lines, piece));
            }
            assert_eq!(
                found,
                [whole("1"), whole(""), whole("{\"a\":2}"), whole("[3]")]
            );
        }
    }

    #[test]
    fn a_line_over_the_limit_is_skipped_and_its_size_told() {
        let stream = b"12345\n123456\n1234567890123\n1\n";
        for size in 1..=stream.len() {
            let mut lines = Lines::new(5);
            let mut found = Vec::new();
            for piece in stream.chunks(size) {
                found.extend(read(&mut lines, piece));
            }
            let expected = [
                whole("12345"),
                Line::TooLarge(6),
                Line::TooLarge(13),
                whole("1"),
            ];
            assert_eq!(found, expected, "pieces of {size}");
        }
    }

    #[test]
    fn a_buffer_that_grew_is_given_back() {
        let mut lines = Lines::new(1 << 20);
        assert!(read(&mut lines, &vec![b'1'; 600_000]).is_empty());
        assert_eq!(read(&mut lines, b"\n").len(), 1);
        assert_eq!(lines.partial.capacity(), 0);
        assert!(read(&mut lines, &vec![b'1'; 2_000_000]).is_empty());
        assert_eq!(lines.partial.capacity(), 0);
    }
}
