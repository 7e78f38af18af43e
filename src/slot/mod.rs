//! A place for state that outlives its writer, even one killed in the middle of a write.
//!
//! It is a file in memory, so whoever holds a copy of its descriptor keeps it. Two contents alternate: a write goes
//! where the content before the last one stood, and counts only once its header, with a checksum over everything, is
//! written. So there is always a whole one to read.
//!
//! The layout must be readable by every later version: 8 bytes [`MAGIC`], the note's byte, at 64 and 128 the two
//! headers, each of four little-endian 64-bit numbers: sequence (from 1), offset, length, checksum (FNV-1a over the
//! three numbers and the content), and at 192 two such numbers that are noted apart. Contents begin at 4096.

#![forbid(unsafe_code)]

mod layout;
#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::FileExt,
    },
    sync::{Mutex, PoisonError},
};

use self::layout::{CONTENTS, HEADERS, Header, MAGIC, NOTE, NUMBERS};
use crate::sys::memory;

/// Longest content in bytes.
pub const SLOT_LIMIT: usize = 64 * 1024 * 1024;

/// The file may be this much longer than its contents before it is cut.
const SLACK: u64 = 256 * 1024;

/// State that outlives its writer. One process writes it at a time; reading and noting may be done beside it.
#[derive(Debug)]
pub struct StateSlot {
    file: File,
    writing: Mutex<Writing>,
}

/// Where the last whole content is.
#[derive(Debug, Default)]
struct Writing {
    /// Which of the two headers describes it.
    place: usize,
    header: Header,
}

impl StateSlot {
    /// A slot without content. `name` only shows in `/proc`.
    pub fn create(name: &str) -> io::Result<Self> {
        let file = memory::anonymous_file(name)?;
        file.write_all_at(MAGIC, 0)?;
        file.set_len(CONTENTS)?;
        Ok(Self {
            file,
            writing: Mutex::default(),
        })
    }

    /// The slot that another process made. Whatever its file holds, this does not fail: what makes no sense reads as
    /// no content.
    pub fn open(fd: OwnedFd) -> Self {
        let slot = Self {
            file: fd.into(),
            writing: Mutex::default(),
        };
        if let Some((place, header, _)) = slot.newest() {
            *slot.writing() = Writing { place, header };
        }
        slot
    }

    /// Its descriptor, to be kept by another process.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Replaces the content, at most [`SLOT_LIMIT`] bytes. After an error the old one still stands.
    pub fn write(&self, content: &[u8]) -> io::Result<()> {
        if content.len() > SLOT_LIMIT {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!(
                    "state of {} bytes is over the limit of {SLOT_LIMIT}",
                    content.len()
                ),
            ));
        }
        let mut writing = self.writing();
        let old = writing.header;
        let header = Header::after(&old, content);
        self.file.write_all_at(content, header.offset)?;
        let place = 1 - writing.place;
        self.file.write_all_at(&header.to_bytes(), HEADERS[place])?;
        // A slot whose beginning was lost with its old content is one again.
        if old.sequence == 0 {
            self.file.write_all_at(MAGIC, 0)?;
        }
        *writing = Writing { place, header };
        self.cut(old.end().max(header.end()));
        Ok(())
    }

    /// The last whole content; `None` if there is none, or none that is whole.
    pub fn read(&self) -> Option<Vec<u8>> {
        self.newest().map(|(_, _, content)| content)
    }

    /// Sets the note, a single flag beside the content.
    pub fn note(&self, on: bool) -> io::Result<()> {
        self.file.write_all_at(&[u8::from(on)], NOTE)
    }

    /// Whether the note is set; one that cannot be read is.
    pub fn noted(&self) -> bool {
        let mut byte = [1];
        self.file.read_exact_at(&mut byte, NOTE).is_err() || byte != [0]
    }

    /// Notes a number beside the content, the first (0) or the second (1).
    pub fn set_number(&self, index: u8, number: u64) -> io::Result<()> {
        self.file.write_all_at(&number.to_le_bytes(), place(index))
    }

    /// The number that was noted last, zero if none ever was.
    pub fn number(&self, index: u8) -> Option<u64> {
        let mut bytes = [0; 8];
        self.file.read_exact_at(&mut bytes, place(index)).ok()?;
        Some(u64::from_le_bytes(bytes))
    }

    /// The newest whole content, with its header and which of the two that is.
    fn newest(&self) -> Option<(usize, Header, Vec<u8>)> {
        let mut magic = [0; MAGIC.len()];
        self.file.read_exact_at(&mut magic, 0).ok()?;
        if magic != *MAGIC {
            return None;
        }
        let mut found: Vec<(usize, Header)> = (0..HEADERS.len())
            .filter_map(|place| Some((place, self.header(place)?)))
            .collect();
        found.sort_by_key(|(_, header)| std::cmp::Reverse(header.sequence));
        found
            .into_iter()
            .find_map(|(place, header)| Some((place, header, self.content(&header)?)))
    }

    fn header(&self, place: usize) -> Option<Header> {
        let mut bytes = [0; Header::SIZE];
        self.file.read_exact_at(&mut bytes, HEADERS[place]).ok()?;
        Header::from_bytes(&bytes)
    }

    fn content(&self, header: &Header) -> Option<Vec<u8>> {
        // Its length is believed only as far as the file goes: nothing is reserved for what is not there.
        if header.end() > self.file.metadata().ok()?.len() {
            return None;
        }
        let mut content = vec![0; usize::try_from(header.length).ok()?];
        self.file.read_exact_at(&mut content, header.offset).ok()?;
        header.describes(&content).then_some(content)
    }

    /// Gives memory back that no content needs.
    fn cut(&self, end: u64) {
        let long = self.file.metadata().map_or(0, |metadata| metadata.len());
        if long > end + SLACK {
            // Costs memory only.
            let _ = self.file.set_len(end);
        }
    }

    fn writing(&self) -> std::sync::MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(index: u8) -> u64 {
    NUMBERS + 8 * u64::from(index & 1)
}
