//! AMP v1 frames: one byte `version << 4 | argc`, then for each argument its length (u32, big endian) and its bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::FRAME_LIMIT;

const VERSION: u8 = 1;
const ARGUMENTS_LIMIT: usize = 15;
const LENGTH_BYTES: usize = 4;
/// A connection's read buffer larger than this is given back once the frame that needed it is gone.
const KEPT_BUFFER: usize = 256 * 1024;

/// One message: its arguments as raw bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// At most 15.
    pub arguments: Vec<Bytes>,
}

/// Why a frame cannot be read or written. After one of these the stream is useless and must be closed.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The first byte does not say version 1.
    #[error("frame of version {0}, expected {VERSION}")]
    Version(u8),
    /// The peer announced more than we take.
    #[error("frame of {size} bytes is over the limit of {limit} bytes")]
    TooLarge {
        /// Announced so far, in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// More than 15 arguments do not fit in the header.
    #[error("a frame cannot have {0} arguments, at most {ARGUMENTS_LIMIT}")]
    TooManyArguments(usize),
    /// The connection broke, or ended inside a frame.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Reads and writes frames; lengths are checked before anything is allocated for them.
#[derive(Debug)]
pub struct FrameCodec {
    limit: usize,
    /// Bytes that the frame at the front of the buffer needs before looking again is worthwhile.
    wanted: usize,
}

impl FrameCodec {
    /// A codec that refuses frames over [`FRAME_LIMIT`].
    pub fn new() -> Self {
        Self::with_limit(FRAME_LIMIT)
    }

    /// A codec that refuses frames over `limit` bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self { limit, wanted: 0 }
    }
}

impl Default for FrameCodec {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder for FrameCodec {
    type Item = Frame;
    type Error = FrameError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        if source.is_empty() || source.len() < self.wanted {
            return Ok(None);
        }
        match frame_size(source, self.limit)? {
            Size::Complete(size) => {
                self.wanted = 0;
                let frame = split_arguments(source.split_to(size).freeze());
                if source.is_empty() && source.capacity() > KEPT_BUFFER {
                    *source = BytesMut::new();
                }
                Ok(Some(frame))
            }
            Size::AtLeast(size) => {
                self.wanted = size;
                source.reserve(size.saturating_sub(source.len()));
                Ok(None)
            }
        }
    }
}

enum Size {
    Complete(usize),
    AtLeast(usize),
}

fn frame_size(source: &[u8], limit: usize) -> Result<Size, FrameError> {
    let version = source[0] >> 4;
    if version != VERSION {
        return Err(FrameError::Version(version));
    }
    let mut end = 1_usize;
    for _ in 0..source[0] & 0x0f {
        let Some(mut length) = source.get(end..end + LENGTH_BYTES) else {
            return Ok(Size::AtLeast(end + LENGTH_BYTES));
        };
        end = end
            .saturating_add(LENGTH_BYTES)
            .saturating_add(length.get_u32() as usize);
        if end > limit {
            return Err(FrameError::TooLarge { size: end, limit });
        }
    }
    Ok(if source.len() >= end {
        Size::Complete(end)
    } else {
        Size::AtLeast(end)
    })
}

fn split_arguments(mut frame: Bytes) -> Frame {
    let count = usize::from(frame.get_u8() & 0x0f);
    let mut arguments = Vec::with_capacity(count);
    for _ in 0..count {
        let length = frame.get_u32() as usize;
        arguments.push(frame.split_to(length));
    }
    Frame { arguments }
}

impl Encoder<&[&[&[u8]]]> for FrameCodec {
    type Error = FrameError;

    fn encode(&mut self, arguments: &[&[&[u8]]], target: &mut BytesMut) -> Result<(), FrameError> {
        encode(arguments, target)
    }
}

/// Appends a frame to `target`. Each argument is given in pieces, so that an envelope can be put around a body
/// without copying the body first.
pub fn encode(arguments: &[&[&[u8]]], target: &mut BytesMut) -> Result<(), FrameError> {
    let count = u8::try_from(arguments.len()).unwrap_or(u8::MAX);
    if usize::from(count) > ARGUMENTS_LIMIT {
        return Err(FrameError::TooManyArguments(arguments.len()));
    }
    let sizes = arguments
        .iter()
        .map(|pieces| pieces.iter().map(|piece| piece.len()).sum::<usize>());
    let total = 1 + sizes.clone().map(|size| size + LENGTH_BYTES).sum::<usize>();
    if total > FRAME_LIMIT {
        return Err(FrameError::TooLarge {
            size: total,
            limit: FRAME_LIMIT,
        });
    }
    target.reserve(total);
    target.put_u8(VERSION << 4 | count);
    for (pieces, size) in arguments.iter().zip(sizes) {
        target.put_u32(u32::try_from(size).unwrap_or(u32::MAX));
        for piece in *pieces {
            target.put_slice(piece);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(arguments: &[&[u8]]) -> BytesMut {
        let pieces: Vec<Vec<&[u8]>> = arguments.iter().map(|argument| vec![*argument]).collect();
        let views: Vec<&[&[u8]]> = pieces.iter().map(Vec::as_slice).collect();
        let mut target = BytesMut::new();
        encode(&views, &mut target).unwrap();
        target
    }

    #[test]
    fn frames_are_read_back_whole_and_in_order() {
        let mut stream = encoded(&[b"j:{}", b"s:1:2"]);
        stream.extend_from_slice(&encoded(&[]));
        stream.extend_from_slice(&encoded(&[b""]));
        let mut codec = FrameCodec::new();
        let first = codec.decode(&mut stream).unwrap().unwrap();
        assert_eq!(
            first.arguments,
            [Bytes::from_static(b"j:{}"), Bytes::from_static(b"s:1:2")]
        );
        assert!(
            codec
                .decode(&mut stream)
                .unwrap()
                .unwrap()
                .arguments
                .is_empty()
        );
        assert_eq!(
            codec.decode(&mut stream).unwrap().unwrap().arguments,
            [Bytes::new()]
        );
        assert!(codec.decode(&mut stream).unwrap().is_none());
    }

    #[test]
    fn a_frame_may_arrive_byte_by_byte() {
        let whole = encoded(&[b"j:[1,2,3]", b"s:7:1"]);
        let mut codec = FrameCodec::new();
        let mut stream = BytesMut::new();
        for (index, byte) in whole.iter().enumerate() {
            stream.put_u8(*byte);
            let frame = codec.decode(&mut stream).unwrap();
            assert_eq!(frame.is_some(), index + 1 == whole.len());
        }
    }

    #[test]
    fn pieces_of_an_argument_are_joined() {
        let mut target = BytesMut::new();
        encode(&[&[b"j:{\"a\":", b"1", b"}"]], &mut target).unwrap();
        let frame = FrameCodec::new().decode(&mut target).unwrap().unwrap();
        assert_eq!(frame.arguments, [Bytes::from_static(b"j:{\"a\":1}")]);
    }

    #[test]
    fn a_wrong_version_and_an_oversized_length_are_refused_before_allocation() {
        let mut codec = FrameCodec::with_limit(1000);
        let mut wrong = BytesMut::from(&[0x21, 0, 0, 0, 1, b'x'][..]);
        assert!(matches!(
            codec.decode(&mut wrong),
            Err(FrameError::Version(2))
        ));
        let mut large = BytesMut::from(&[0x11, 0xff, 0xff, 0xff, 0xff][..]);
        assert!(matches!(
            codec.decode(&mut large),
            Err(FrameError::TooLarge { .. })
        ));
        assert!(large.capacity() < 1000);
        let mut sum = encoded(&[&[0; 600], &[0; 600]]);
        assert!(matches!(
            codec.decode(&mut sum),
            Err(FrameError::TooLarge { .. })
        ));
    }

    #[test]
    fn more_than_fifteen_arguments_are_refused() {
        let argument: &[&[u8]] = &[b"x"];
        assert!(matches!(
            encode(&[argument; 16], &mut BytesMut::new()),
            Err(FrameError::TooManyArguments(16))
        ));
    }

    #[test]
    fn the_end_inside_a_frame_is_an_error() {
        let mut half = BytesMut::from(&encoded(&[b"j:{}"])[..4]);
        assert!(matches!(
            FrameCodec::new().decode_eof(&mut half),
            Err(FrameError::Io(_))
        ));
        assert!(
            FrameCodec::new()
                .decode_eof(&mut BytesMut::new())
                .unwrap()
                .is_none()
        );
    }
}
