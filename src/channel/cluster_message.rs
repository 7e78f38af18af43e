//! What a cluster worker says to its primary.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, value::RawValue};

/// The kind of address a server listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AddressType {
    /// TCP over IPv4.
    Tcp4,
    /// TCP over IPv6.
    Tcp6,
    /// A Unix socket.
    Pipe,
    /// UDP over IPv4.
    Udp4,
    /// UDP over IPv6.
    Udp6,
    /// Known by its descriptor alone.
    Descriptor,
}

impl AddressType {
    /// The value Node uses for it: `4`, `6`, `-1`, `"udp4"`, `"udp6"` or `null`.
    pub fn to_json(self) -> Value {
        match self {
            Self::Tcp4 => 4.into(),
            Self::Tcp6 => 6.into(),
            Self::Pipe => (-1).into(),
            Self::Udp4 => "udp4".into(),
            Self::Udp6 => "udp6".into(),
            Self::Descriptor => Value::Null,
        }
    }

    /// Whether it is a kind of UDP.
    pub fn is_udp(self) -> bool {
        matches!(self, Self::Udp4 | Self::Udp6)
    }

    fn from_json(value: Option<&Value>) -> Option<Self> {
        Some(match value {
            None | Some(Value::Null) => Self::Descriptor,
            Some(Value::String(text)) if text == "udp4" => Self::Udp4,
            Some(Value::String(text)) if text == "udp6" => Self::Udp6,
            Some(number) => match number.as_i64()? {
                4 => Self::Tcp4,
                6 => Self::Tcp6,
                -1 => Self::Pipe,
                _ => return None,
            },
        })
    }
}

/// What an app asks for when it calls `listen` or `bind`.
#[derive(Debug, Clone)]
pub struct Query {
    /// An address literal or a path; `None` is every address.
    pub address: Option<String>,
    /// `None` or negative where there is none.
    pub port: Option<i64>,
    /// The kind of address.
    pub address_type: AddressType,
    /// A descriptor to listen on instead of an address.
    pub fd: Option<i64>,
    /// libuv's flags of the bind call.
    pub flags: i64,
    /// Connections that may wait; 0 is Node's default.
    pub backlog: i64,
    /// Tells apart several servers of one app on the same address.
    pub index: i64,
    /// The server's data (TLS ticket keys), for all workers the same; `None` for a plain server.
    pub data: Option<Box<RawValue>>,
    /// Whether every user may read a Unix socket.
    pub readable_all: bool,
    /// Whether every user may write to a Unix socket.
    pub writable_all: bool,
}

/// One message of a worker to its primary (`cmd: "NODE_CLUSTER"`).
#[derive(Debug, Clone)]
pub enum ClusterMessage {
    /// It runs.
    Online,
    /// It calls `listen`; must be answered.
    QueryServer {
        /// To be named in the answer.
        seq: u64,
        /// What it asks for.
        query: Box<Query>,
    },
    /// Its server is ready.
    Listening {
        /// As in the query.
        address: Option<String>,
        /// The port in fact.
        port: Option<i64>,
        /// The kind of address.
        address_type: AddressType,
    },
    /// It closed the server of that key.
    Close {
        /// From our answer to its query.
        key: String,
    },
    /// It wants to leave; must be answered.
    ExitedAfterDisconnect {
        /// To be named in the answer.
        seq: u64,
    },
    /// Its answer to a connection.
    Accepted {
        /// The connection's number.
        ack: u64,
        /// `false`: to be given to another worker.
        accepted: bool,
    },
    /// It read a line without the socket that belongs to it. Not a message of Node's; the channel's reader says it.
    HandlesLost(HandlesLost),
}

/// Sockets that did not reach an app: whatever it has not answered by now is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandlesLost {
    /// The tickets below this one; later sockets are still to be sent.
    pub before: u64,
    /// `false` on a channel that was taken over: the app may have some of them yet, so nobody else may get them.
    pub certain: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow)]
    act: Option<Cow<'a, str>>,
    seq: Option<u64>,
    ack: Option<u64>,
    #[serde(default, deserialize_with = "truthy")]
    accepted: bool,
    #[serde(borrow)]
    key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    address: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "number")]
    port: Option<i64>,
    address_type: Option<Value>,
    #[serde(default, deserialize_with = "number")]
    fd: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    flags: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    backlog: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    index: Option<i64>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "truthy")]
    readable_all: bool,
    #[serde(default, deserialize_with = "truthy")]
    writable_all: bool,
}

/// A number, or nothing: Node sends a backlog of `false` when an app names none.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(Value::deserialize(deserializer)?.as_i64())
}

/// What JavaScript takes for true: these options are the app's own values, of any type.
fn truthy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => false,
        Value::Bool(value) => value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    })
}

/// Reads a line whose `cmd` is `NODE_CLUSTER`; `None` for what Node does not say.
pub(super) fn parse(line: &[u8]) -> Option<ClusterMessage> {
    let fields: Fields<'_> = serde_json::from_slice(line).ok()?;
    if let Some(ack) = fields.ack {
        return Some(ClusterMessage::Accepted {
            ack,
            accepted: fields.accepted,
        });
    }
    Some(match fields.act.as_deref()? {
        "online" => ClusterMessage::Online,
        "queryServer" => ClusterMessage::QueryServer {
            seq: fields.seq?,
            query: Box::new(query(fields)?),
        },
        "listening" => ClusterMessage::Listening {
            address: fields.address.map(Cow::into_owned),
            port: fields.port,
            address_type: AddressType::from_json(fields.address_type.as_ref())?,
        },
        "close" => ClusterMessage::Close {
            key: fields.key?.into_owned(),
        },
        "exitedAfterDisconnect" => ClusterMessage::ExitedAfterDisconnect { seq: fields.seq? },
        _ => return None,
    })
}

fn query(fields: Fields<'_>) -> Option<Query> {
    Some(Query {
        address: fields.address.map(Cow::into_owned),
        port: fields.port,
        address_type: AddressType::from_json(fields.address_type.as_ref())?,
        fd: fields.fd.filter(|fd| *fd >= 0),
        flags: fields.flags.unwrap_or(0),
        backlog: fields.backlog.unwrap_or(0),
        index: fields.index.unwrap_or(0),
        data: fields.data.map(ToOwned::to_owned),
        readable_all: fields.readable_all,
        writable_all: fields.writable_all,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_keeps_its_data_verbatim() {
        let line = br#"{"cmd":"NODE_CLUSTER","act":"queryServer","index":1,"data":{"a": [1.0]},"address":"::1","port":0,"addressType":6,"flags":1,"backlog":7,"readableAll":1,"seq":9}"#;
        let Some(ClusterMessage::QueryServer { seq: 9, query }) = parse(line) else {
            panic!("{:?}", parse(line));
        };
        assert_eq!(query.data.unwrap().get(), r#"{"a": [1.0]}"#);
        assert_eq!(query.address_type, AddressType::Tcp6);
        assert_eq!(
            (query.index, query.flags, query.backlog, query.port),
            (1, 1, 7, Some(0))
        );
        assert!(query.readable_all && !query.writable_all);
    }

    #[test]
    fn a_descriptor_below_zero_is_none_and_null_data_is_no_data() {
        let line = br#"{"act":"queryServer","index":0,"data":null,"address":"0.0.0.0","port":53,"addressType":"udp4","fd":-1,"backlog":false,"seq":0}"#;
        let Some(ClusterMessage::QueryServer { query, .. }) = parse(line) else {
            panic!("{:?}", parse(line));
        };
        assert!(query.fd.is_none() && query.data.is_none());
        assert_eq!(query.backlog, 0);
        assert_eq!(query.address_type, AddressType::Udp4);
    }

    #[test]
    fn answers_are_told_by_their_ack() {
        let accepted = |line: &[u8]| match parse(line) {
            Some(ClusterMessage::Accepted { ack, accepted }) => (ack, accepted),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            accepted(br#"{"ack":4294967296,"accepted":true}"#),
            (1 << 32, true)
        );
        assert_eq!(
            accepted(br#"{"ack":0,"accepted":false,"seq":3}"#),
            (0, false)
        );
        assert!(parse(br#"{"act":"somethingNew"}"#).is_none());
        assert!(parse(br#"{"act":7}"#).is_none());
    }
}
