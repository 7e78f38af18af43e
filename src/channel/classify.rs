//! What a line of an app is, as cheaply as can be told.

use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::cluster_message::{self, ClusterMessage};

/// A line, told apart.
#[derive(Debug)]
pub(super) enum Kind {
    /// For the app's listeners: valid JSON.
    Message(Bytes),
    /// For the cluster's primary.
    Cluster(ClusterMessage),
    /// Comes with a socket; the message inside.
    Handle(Bytes),
    /// The app has the socket we sent.
    HandleAcknowledged,
    /// The app did not get the socket that belongs to a line.
    HandleRefused,
    /// From the agent in the app.
    Agent(Bytes),
    /// Another of Node's internal messages; nothing to do.
    Internal,
    /// Not JSON.
    Invalid,
}

/// Node's mark of internal messages, with the quote that begins a text: a line without it is not one.
static INTERNAL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"NODE_"));

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    cmd: Option<&'a RawValue>,
    #[serde(borrow)]
    msg: Option<&'a RawValue>,
}

/// Tells what `line` is.
pub(super) fn classify(line: Bytes) -> Kind {
    if INTERNAL.find(&line).is_some()
        && let Some(kind) = internal(&line)
    {
        return kind;
    }
    // Read without recursion and without decoding: depth, numbers and lone surrogates are no matter.
    match serde_json::from_slice::<&RawValue>(&line) {
        Ok(_) => Kind::Message(line),
        Err(_) => Kind::Invalid,
    }
}

fn internal(line: &Bytes) -> Option<Kind> {
    if line.first() != Some(&b'{') {
        return None;
    }
    let head: Head<'_> = serde_json::from_slice(line).ok()?;
    Some(match head.cmd?.get() {
        "\"NODE_CLUSTER\"" => cluster_message::parse(line).map_or(Kind::Internal, Kind::Cluster),
        "\"NODE_HANDLE\"" => Kind::Handle(line.slice_ref(head.msg?.get().as_bytes())),
        "\"NODE_HANDLE_ACK\"" => Kind::HandleAcknowledged,
        "\"NODE_HANDLE_NACK\"" => Kind::HandleRefused,
        "\"NODE_RPM2\"" => Kind::Agent(line.clone()),
        other if other.starts_with("\"NODE_") => Kind::Internal,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(line: &[u8]) -> Kind {
        classify(Bytes::copy_from_slice(line))
    }

    #[test]
    fn messages_are_passed_on_byte_for_byte() {
        let deep = [b"[".repeat(200_000), b"]".repeat(200_000)].concat();
        let lines: [&[u8]; 9] = [
            b"null",
            b"-0",
            br#""\ud800 \u0000""#,
            b"123456789012345678901234567890",
            b"{\"a\":1,\"a\":2}",
            br#"{"type":"x","data":"NODE_CLUSTER"}"#,
            br#"{"cmd":"other","text":"\"NODE_"}"#,
            br#"["NODE_CLUSTER","NODE_HANDLE"]"#,
            &deep,
        ];
        for line in lines {
            match kind(line) {
                Kind::Message(body) => assert_eq!(&body[..], line),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn what_is_not_json_is_told() {
        let lines: [&[u8]; 7] = [
            b"",
            b"undefined",
            b"{}{}",
            b"{\"a\":",
            b"\"\xff\"",
            b"01",
            b"\"\t\"",
        ];
        for line in lines {
            assert!(matches!(kind(line), Kind::Invalid), "{line:?}");
        }
    }

    #[test]
    fn internal_messages_are_told_by_their_cmd() {
        assert!(matches!(
            kind(br#"{"cmd":"NODE_CLUSTER","act":"online","seq":0}"#),
            Kind::Cluster(ClusterMessage::Online)
        ));
        assert!(matches!(
            kind(br#"{"cmd":"NODE_HANDLE_ACK"}"#),
            Kind::HandleAcknowledged
        ));
        assert!(matches!(
            kind(br#"{"cmd":"NODE_HANDLE_NACK"}"#),
            Kind::HandleRefused
        ));
        assert!(matches!(
            kind(br#"{"cmd":"NODE_SOMETHING_ELSE"}"#),
            Kind::Internal
        ));
        let of_agent = br#"{"cmd":"NODE_RPM2","act":"agent"}"#;
        match kind(of_agent) {
            Kind::Agent(line) => assert_eq!(&line[..], of_agent),
            other => panic!("{other:?}"),
        }
        let with_handle =
            br#"{"cmd":"NODE_HANDLE","type":"net.Socket","msg":{"to": "me"},"key":"x"}"#;
        match kind(with_handle) {
            Kind::Handle(message) => assert_eq!(&message[..], br#"{"to": "me"}"#),
            other => panic!("{other:?}"),
        }
    }
}
