//! The last lines of a file, found from its end: files may be larger than memory.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use super::sources::LogFile;
use crate::cli::output::{Output, Style};

/// Bytes read at a time.
const BLOCK: usize = 64 * 1024;
/// A line longer than this many bytes is printed in pieces.
const PIECE: u64 = 1024 * 1024;
/// Columns of the name before each line.
const LABEL: usize = 10;
/// At most so many bytes of an app's last words.
const WORDS_LIMIT: u64 = 16 * 1024;

/// Prints the last `count` lines of a file under its path, and an empty line. An error means that nobody reads it any
/// more; a file that cannot be read is passed over with a warning.
pub(crate) fn print(log: &LogFile, count: usize, raw: bool, out: &Output) -> io::Result<()> {
    let style = if log.is_error {
        Style::Red
    } else {
        Style::Green
    };
    let title = format!("{} last {count} lines:", log.path.display());
    out.write(format!("{}\n", out.paint(style, &title)).as_bytes())?;
    let label = format!("{} | ", out.paint(style, &label(&log.label)));
    match open_tail(&log.path, count) {
        Ok(tail) => print_lines(
            tail,
            if raw { "" } else { &label },
            raw && log.is_error,
            out,
        )?,
        Err(error) => out.warn(&format!("cannot read {}: {error}", log.path.display())),
    }
    out.write(b"\n")
}

/// The last `count` lines of a file, or the end of them.
pub(crate) fn last_lines(path: &Path, count: usize) -> io::Result<String> {
    let mut text = Vec::new();
    let mut tail = open_tail(path, count)?;
    let excess = tail.limit().saturating_sub(WORDS_LIMIT);
    if excess > 0 {
        let excess = i64::try_from(excess).unwrap_or(i64::MAX);
        tail.get_mut().seek(SeekFrom::Current(excess))?;
        tail.set_limit(WORDS_LIMIT);
    }
    tail.read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The name of a process, cut or filled to its columns.
fn label(name: &str) -> String {
    let cut: String = name.chars().take(LABEL).collect();
    format!("{cut:<LABEL$}")
}

/// The file from its `count`th last line to its present end.
fn open_tail(path: &Path, count: usize) -> io::Result<io::Take<File>> {
    let mut file = File::open(path)?;
    let end = file.metadata()?.len();
    let start = start_of_tail(&mut file, end, count)?;
    file.seek(SeekFrom::Start(start))?;
    Ok(file.take(end - start))
}

/// Where the last `count` lines of the first `end` bytes begin. A last line without a newline counts.
fn start_of_tail(file: &mut (impl Read + Seek), end: u64, count: usize) -> io::Result<u64> {
    let mut block = vec![0; BLOCK];
    let mut position = end;
    let mut wanted = count;
    while position > 0 {
        let from = position.saturating_sub(BLOCK as u64);
        // At most BLOCK, which fits.
        let length = usize::try_from(position - from).unwrap_or(BLOCK);
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(&mut block[..length])?;
        for index in memchr::memrchr_iter(b'\n', &block[..length]) {
            let after = from + index as u64 + 1;
            // The newline at the very end ends the last line.
            if after == end {
                continue;
            }
            if wanted <= 1 {
                return Ok(after);
            }
            wanted -= 1;
        }
        position = from;
    }
    Ok(0)
}

fn print_lines(tail: io::Take<File>, label: &str, to_error: bool, out: &Output) -> io::Result<()> {
    let mut lines = BufReader::with_capacity(BLOCK, tail);
    let mut begun = false;
    let mut text = Vec::with_capacity(2 * BLOCK);
    loop {
        let before = text.len();
        if !begun {
            text.extend_from_slice(label.as_bytes());
        }
        let read = (&mut lines).take(PIECE).read_until(b'\n', &mut text);
        // What was cut off or removed meanwhile is no longer there to print.
        let read = read.unwrap_or(0);
        if read == 0 {
            text.truncate(before);
            if begun {
                text.push(b'\n');
            }
        } else {
            begun = !text.ends_with(b"\n");
        }
        if read == 0 || text.len() >= BLOCK {
            if to_error {
                out.write_error(&text)?;
            } else {
                out.write(&text)?;
            }
            text.clear();
        }
        if read == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn tail_of(text: &str, count: usize) -> &str {
        let start = start_of_tail(&mut Cursor::new(text), text.len() as u64, count).unwrap();
        &text[usize::try_from(start).unwrap()..]
    }

    #[test]
    fn tails_begin_at_lines() {
        for (text, count, tail) in [
            ("", 3, ""),
            ("a\nb\nc\n", 2, "b\nc\n"),
            ("a\nb\nc", 2, "b\nc"),
            ("a\nb\nc\n", 3, "a\nb\nc\n"),
            ("a\nb\nc\n", 9, "a\nb\nc\n"),
            ("\n\n\n", 2, "\n\n"),
            ("a\n\n", 1, "\n"),
            ("no newline", 1, "no newline"),
        ] {
            assert_eq!(tail_of(text, count), tail, "{text:?} {count}");
        }
    }

    #[test]
    fn lines_are_found_across_blocks() {
        let long = "x".repeat(BLOCK * 2 + 17);
        let text = format!("first\n{long}\n{}\n", "y".repeat(BLOCK - 1));
        assert_eq!(tail_of(&text, 1).len(), BLOCK);
        assert_eq!(tail_of(&text, 2).len(), BLOCK + long.len() + 1);
        assert_eq!(tail_of(&text, 3), text);
    }

    #[test]
    fn last_words_are_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "x".repeat(1_000_000)).unwrap();
        assert_eq!(last_lines(&path, 3).unwrap().len() as u64, WORDS_LIMIT);
        std::fs::write(&path, "a\nb\nc\n").unwrap();
        assert_eq!(last_lines(&path, 2).unwrap(), "b\nc\n");
    }

    #[test]
    fn labels_have_ten_columns() {
        assert_eq!(label("0|m"), "0|m       ");
        assert_eq!(label("1|averylongname"), "1|averylon");
    }
}
