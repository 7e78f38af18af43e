//! Where things are in a slot.

use super::SLOT_LIMIT;

/// The first bytes; the last of them is the layout's version.
pub(super) const MAGIC: &[u8; 8] = b"rpm2slt1";

/// The note's byte.
pub(super) const NOTE: u64 = 8;

/// The two headers.
pub(super) const HEADERS: [u64; 2] = [64, 128];

/// Where the two numbers begin that are noted beside the content.
pub(super) const NUMBERS: u64 = 192;

/// Where contents may begin.
pub(super) const CONTENTS: u64 = 4096;

/// Describes one content. All zero: none yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) sequence: u64,
    pub(super) offset: u64,
    pub(super) length: u64,
    checksum: u64,
}

impl Header {
    pub(super) const SIZE: usize = 32;

    /// The header for `content` that follows the one of `old`: before that if it fits there, else behind it.
    pub(super) fn after(old: &Self, content: &[u8]) -> Self {
        let length = content.len() as u64;
        let offset = if old.sequence == 0 || CONTENTS + length <= old.offset {
            CONTENTS
        } else {
            old.end()
        };
        let mut header = Self {
            sequence: old.sequence.wrapping_add(1).max(1),
            offset,
            length,
            checksum: 0,
        };
        header.checksum = header.sum(content);
        header
    }

    /// Where its content ends.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }

    /// Whether `content` is what it was made for.
    pub(super) fn describes(&self, content: &[u8]) -> bool {
        self.checksum == self.sum(content)
    }

    pub(super) fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let numbers = [self.sequence, self.offset, self.length, self.checksum];
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// Reads a header; `None` for one that was never written or cannot be true.
    pub(super) fn from_bytes(bytes: &[u8; Self::SIZE]) -> Option<Self> {
        let mut numbers = bytes.chunks_exact(8).map(|bytes| {
            let mut number = [0; 8];
            number.copy_from_slice(bytes);
            u64::from_le_bytes(number)
        });
        let header = Self {
            sequence: numbers.next()?,
            offset: numbers.next()?,
            length: numbers.next()?,
            checksum: numbers.next()?,
        };
        let possible = header.sequence > 0
            && header.offset >= CONTENTS
            && header.length <= SLOT_LIMIT as u64
            && header.offset <= CONTENTS + 4 * SLOT_LIMIT as u64;
        possible.then_some(header)
    }

    fn sum(&self, content: &[u8]) -> u64 {
        let numbers = [self.sequence, self.offset, self.length];
        let hash = numbers
            .iter()
            .fold(FNV_START, |hash, number| fnv(hash, &number.to_le_bytes()));
        fnv(hash, content)
    }
}

/// FNV-1a, 64 bits: any single changed byte changes it.
const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME)
    })
}
