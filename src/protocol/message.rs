//! The arguments of a frame: `j:` JSON, `s:` text, anything else a blob.

use bytes::Bytes;

use super::frame::Frame;

/// Why an argument is not what its place asks for.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The frame has too few arguments.
    #[error("message of {0} arguments, expected 2")]
    Arguments(usize),
    /// JSON was expected.
    #[error("argument is not JSON: it does not begin with `j:`")]
    NotJson,
    /// Text was expected.
    #[error("argument is not text: it does not begin with `s:` or is not UTF-8")]
    NotText,
}

/// A message of two arguments, the only kind both sockets carry: a call or reply with its id, or a topic with its
/// payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// First argument.
    pub first: Bytes,
    /// Last argument.
    pub last: Bytes,
}

impl TryFrom<Frame> for Pair {
    type Error = MessageError;

    fn try_from(frame: Frame) -> Result<Self, MessageError> {
        let count = frame.arguments.len();
        let mut arguments = frame.arguments.into_iter();
        match (arguments.next(), arguments.next_back()) {
            (Some(first), Some(last)) => Ok(Self { first, last }),
            _ => Err(MessageError::Arguments(count)),
        }
    }
}

/// The JSON text of a `j:` argument, not yet parsed.
pub fn json(argument: &Bytes) -> Result<Bytes, MessageError> {
    if argument.starts_with(b"j:") {
        Ok(argument.slice(2..))
    } else {
        Err(MessageError::NotJson)
    }
}

/// The text of an `s:` argument.
pub fn text(argument: &Bytes) -> Result<&str, MessageError> {
    let body = argument.strip_prefix(b"s:").ok_or(MessageError::NotText)?;
    std::str::from_utf8(body).map_err(|_| MessageError::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_told_apart_by_their_prefix() {
        assert_eq!(
            json(&Bytes::from_static(b"j:[1]")).unwrap(),
            Bytes::from_static(b"[1]")
        );
        assert_eq!(text(&Bytes::from_static(b"s:7:1")).unwrap(), "7:1");
        assert!(json(&Bytes::from_static(b"s:x")).is_err());
        assert!(text(&Bytes::from_static(b"blob")).is_err());
        assert!(text(&Bytes::from_static(b"s:\xff")).is_err());
    }

    #[test]
    fn a_pair_takes_the_first_and_the_last_argument() {
        let argument = |text: &'static str| Bytes::from_static(text.as_bytes());
        let frame = |arguments: &[&'static str]| Frame {
            arguments: arguments.iter().map(|a| argument(a)).collect(),
        };
        let pair = Pair::try_from(frame(&["j:1", "j:2", "s:id"])).unwrap();
        assert_eq!((pair.first, pair.last), (argument("j:1"), argument("s:id")));
        assert!(matches!(
            Pair::try_from(frame(&["j:1"])),
            Err(MessageError::Arguments(1))
        ));
        assert!(matches!(
            Pair::try_from(frame(&[])),
            Err(MessageError::Arguments(0))
        ));
    }
}
