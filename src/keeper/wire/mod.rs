//! What keeper and daemon say to each other: bytes only, no system call. The two may be of different versions for a
//! moment (during an update), so the header never changes and unknown kinds are answered with an error.

mod fields;
mod report;
mod request;

pub(super) use fields::{Reader, Writer};
pub(super) use report::{Report, read_exit, write_exit};
pub(super) use request::{Request, Start};

/// Version of the messages behind the header.
pub(super) const VERSION: u8 = 1;
/// A payload above this goes in a memory file. Bytes.
pub(super) const INLINE_LIMIT: usize = 32 * 1024;
/// No payload is longer. Bytes; the system allows a program some 6 MiB of arguments and environment.
pub(super) const PAYLOAD_LIMIT: usize = 16 * 1024 * 1024;
/// Longest name of a kept descriptor, longest key of an app. Bytes.
pub(super) const NAME_LIMIT: usize = 255;
/// Length of the header in bytes.
pub(super) const HEADER: usize = 10;

/// What is wrong with a message or a saved state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    #[error("it ends too early")]
    Short,
    #[error("a text is not valid")]
    Text,
    #[error("a name is empty or too long")]
    Name,
    #[error("it is of a kind or version that is not known here")]
    Unknown,
    #[error("it came with the wrong number of descriptors")]
    Descriptors,
}

/// The fixed beginning of each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Version of what follows.
    pub(super) version: u8,
    /// What it is.
    pub(super) kind: u8,
    /// Whether the payload is in a memory file, the first descriptor.
    pub(super) in_file: bool,
    /// The request that this is or answers; 0 where there is none.
    pub(super) id: u32,
    /// How many descriptors came with it, not counting the memory file.
    pub(super) descriptors: u16,
}

impl Header {
    pub(super) fn encode(self) -> [u8; HEADER] {
        let [a, b, c, d] = self.id.to_le_bytes();
        let [low, high] = self.descriptors.to_le_bytes();
        let flags = u8::from(self.in_file);
        [self.version, self.kind, flags, 0, a, b, c, d, low, high]
    }

    /// The header and what is behind it.
    pub(super) fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let ([version, kind, flags, _, a, b, c, d, low, high], rest) =
            bytes.split_first_chunk::<HEADER>()?;
        let header = Self {
            version: *version,
            kind: *kind,
            in_file: flags & 1 != 0,
            id: u32::from_le_bytes([*a, *b, *c, *d]),
            descriptors: u16::from_le_bytes([*low, *high]),
        };
        Some((header, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_and_half_a_one_is_none() {
        let header = Header {
            version: 3,
            kind: 9,
            in_file: true,
            id: 0x0102_0304,
            descriptors: 253,
        };
        let mut bytes = header.encode().to_vec();
        bytes.push(7);
        assert_eq!(Header::decode(&bytes), Some((header, &[7][..])));
        assert_eq!(Header::decode(&bytes[..HEADER - 1]), None);
    }

    #[test]
    fn counts_beyond_the_end_are_refused_before_anything_is_allocated() {
        let mut writer = Writer::default();
        writer.u32(u32::MAX).u8(1);
        let bytes = writer.finish();
        assert_eq!(Reader::new(&bytes).bytes(), Err(WireError::Short));
        assert_eq!(Reader::new(&bytes).strings(), Err(WireError::Short));
    }
}
