//! Cutting what is read into lines. Only a line that cannot be seen at once is copied.

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

/// Looks at a stream and gives its lines. A line that cannot be seen at once is taken and gathered; one over the limit
/// is skipped up to its newline, and the lines after it are read as ever.
#[derive(Debug)]
pub(super) struct Lines {
    limit: usize,
    /// The line that was gathered.
    first: Option<Line>,
    /// Whole lines, each with its newline, which are still in the stream.
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

    /// Looks at what the stream has next, and returns how many of these bytes must be taken from it before it is
    /// looked at again. Whole lines are left in the stream: [`next`](Self::next) tells their sizes. `full` means that
    /// no more can be seen while these bytes are there, so a line without its end is begun. All lines seen before must
    /// have been taken out.
    pub(super) fn see(&mut self, piece: &Bytes, full: bool) -> usize {
        debug_assert!(self.first.is_none() && self.whole.is_empty());
        if self.has_begun() {
            return self.go_on(piece);
        }
        if let Some(end) = memrchr(NEWLINE, piece) {
            self.whole = piece.slice(..=end);
            return 0;
        }
        if full {
            self.gather(piece);
            return piece.len();
        }
        0
    }

    /// Whether the beginning of a line was taken and its end was not.
    pub(super) fn has_begun(&self) -> bool {
        !self.partial.is_empty() || self.skipped.is_some()
    }

    /// Whether no line waits to be taken out.
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none() && self.whole.is_empty()
    }

    /// The next line, and how many bytes of it are still in the stream.
    pub(super) fn next(&mut self) -> Option<(Line, usize)> {
        if let Some(first) = self.first.take() {
            return Some((first, 0));
        }
        let end = memchr(NEWLINE, &self.whole)?;
        let line = self.whole.split_to(end);
        self.whole.advance(1);
        if self.whole.is_empty() {
            // An empty part keeps what it is a part of, too.
            self.whole = Bytes::new();
        }
        Some((self.within_limit(line), end + 1))
    }

    /// Takes more of the line that has begun, up to its newline.
    fn go_on(&mut self, piece: &[u8]) -> usize {
        let Some(end) = memchr(NEWLINE, piece) else {
            self.gather(piece);
            return piece.len();
        };
        self.gather(&piece[..end]);
        self.first = Some(match self.skipped.take() {
            Some(size) => Line::TooLarge(size),
            // Taken, not split off: the buffer that grew for this line goes away with it.
            None => Line::Whole(std::mem::take(&mut self.partial).freeze()),
        });
        end + 1
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

    /// What is found in `stream` by looking at `size` bytes at once, and how many bytes are left in it.
    fn read(lines: &mut Lines, mut stream: &[u8], size: usize) -> (Vec<Line>, usize) {
        let mut found = Vec::new();
        loop {
            let seen = Bytes::copy_from_slice(&stream[..stream.len().min(size)]);
            let mut taken = lines.see(&seen, seen.len() == size);
            while let Some((line, size)) = lines.next() {
                taken += size;
                found.push(line);
            }
            if taken == 0 {
                return (found, stream.len());
            }
            stream = &stream[taken..];
        }
    }

    fn whole(text: &'static str) -> Line {
        Line::Whole(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn lines_are_the_same_however_the_stream_is_cut() {
        let stream = b"1\n\n{\"a\":2}\n[3]\nnot ended";
        for size in 1..stream.len() {
            let mut lines = Lines::new(100);
            let (found, left) = read(&mut lines, stream, size);
            assert_eq!(
                found,
                [whole("1"), whole(""), whole("{\"a\":2}"), whole("[3]")]
            );
            let begun = size <= "not ended".len();
            assert_eq!((lines.has_begun(), left == 0), (begun, begun), "{size}");
        }
    }

    #[test]
    fn a_line_over_the_limit_is_skipped_and_its_size_told() {
        let stream = b"12345\n123456\n1234567890123\n1\n";
        for size in 1..=stream.len() {
            let mut lines = Lines::new(5);
            let (found, left) = read(&mut lines, stream, size);
            assert_eq!(left, 0);
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
        assert_eq!(
            read(&mut lines, &b"1".repeat(600_000), 1000),
            (Vec::new(), 0)
        );
        assert_eq!(read(&mut lines, b"\n", 1000).0.len(), 1);
        assert_eq!(lines.partial.capacity(), 0);
        assert_eq!(
            read(&mut lines, &b"1".repeat(2_000_000), 1000),
            (Vec::new(), 0)
        );
        assert_eq!(lines.partial.capacity(), 0);
    }
}
