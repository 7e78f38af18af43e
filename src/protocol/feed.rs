//! Frames out of bytes that somebody else reads from the socket.

use bytes::BytesMut;
use tokio_util::codec::Decoder;

use super::{
    call::CallError,
    frame::{FrameCodec, FrameError},
    message::{MessageError, Pair},
};

/// Why what came cannot be read. The connection must be closed.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// It is no frame, or one over the limit.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It is not a message of these sockets.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// It is not a call's reply.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// The bytes of one connection that are no whole message yet.
#[derive(Debug, Default)]
pub struct Feed {
    codec: FrameCodec,
    bytes: BytesMut,
}

impl Feed {
    /// Takes what was read, and gives every message that is whole with it to `each`.
    pub fn take(
        &mut self,
        read: &[u8],
        mut each: impl FnMut(Pair) -> Result<(), FeedError>,
    ) -> Result<(), FeedError> {
        self.bytes.extend_from_slice(read);
        while let Some(frame) = self.codec.decode(&mut self.bytes)? {
            each(frame.try_into()?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::event::{encode_event, open_event};

    #[test]
    fn messages_are_the_same_however_the_stream_is_cut() {
        let mut stream = BytesMut::new();
        for (topic, payload) in [("a", "1"), ("log:out", "{\"b\":[]}"), ("c", "\"\"")] {
            encode_event(topic, &[payload.as_bytes()], &mut stream).unwrap();
        }
        for size in 1..=stream.len() {
            let mut feed = Feed::default();
            let mut found = Vec::new();
            for piece in stream.chunks(size) {
                let each = |pair: Pair| {
                    let (topic, payload) = open_event(&pair)?;
                    found.push((topic.to_owned(), payload));
                    Ok(())
                };
                feed.take(piece, each).unwrap();
            }
            let found: Vec<_> = found.iter().map(|(t, p)| (t.as_str(), &p[..])).collect();
            let expected: [(&str, &[u8]); 3] =
                [("a", b"1"), ("log:out", b"{\"b\":[]}"), ("c", b"\"\"")];
            assert_eq!(found, expected, "pieces of {size}");
        }
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        let none = |_| Ok(());
        assert!(Feed::default().take(b"\x20", none).is_err());
        assert!(Feed::default().take(b"\x10", none).is_err());
        assert!(Feed::default().take(b"\x11\xff\xff\xff\xff", none).is_err());
        assert!(Feed::default().take(b"", none).is_ok());
    }
}
