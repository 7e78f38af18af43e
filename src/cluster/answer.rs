//! What the primary says to a worker, as JSON.

use std::net::SocketAddr;

use serde::Serialize;
use serde_json::value::RawValue;

const CMD: &str = "NODE_CLUSTER";

/// The address of a TCP listener, in Node's form.
#[derive(Debug, Serialize)]
pub(super) struct SocketName {
    address: String,
    family: &'static str,
    port: u16,
}

impl From<SocketAddr> for SocketName {
    fn from(address: SocketAddr) -> Self {
        Self {
            address: address.ip().to_string(),
            family: if address.is_ipv4() { "IPv4" } else { "IPv6" },
            port: address.port(),
        }
    }
}

/// The answer to `queryServer`.
#[derive(Debug, Default, Serialize)]
pub(super) struct QueryAnswer<'a> {
    /// The query's number.
    pub(super) ack: u64,
    pub(super) key: &'a str,
    /// Negative if it could not be bound.
    pub(super) errno: Option<i32>,
    pub(super) data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sockname: Option<SocketName>,
}

impl QueryAnswer<'_> {
    pub(super) fn to_json(&self) -> Vec<u8> {
        message(self)
    }
}

/// Gives a connection to a worker, together with the connection's socket.
pub(super) fn new_connection(key: &str, seq: u64) -> Vec<u8> {
    #[derive(Serialize)]
    struct NewConnection<'a> {
        act: &'static str,
        key: &'a str,
        seq: u64,
    }
    message(&NewConnection {
        act: "newconn",
        key,
        seq,
    })
}

/// Tells a worker to close its servers, finish what it has and leave. Must be said only once.
pub(super) fn disconnect(seq: u64) -> Vec<u8> {
    #[derive(Serialize)]
    struct Disconnect {
        act: &'static str,
        seq: u64,
    }
    message(&Disconnect {
        act: "disconnect",
        seq,
    })
}

/// Answers a message that only wants to be answered.
pub(super) fn acknowledge(ack: u64) -> Vec<u8> {
    #[derive(Serialize)]
    struct Acknowledge {
        ack: u64,
    }
    message(&Acknowledge { ack })
}

fn message(body: &impl Serialize) -> Vec<u8> {
    #[derive(Serialize)]
    struct Message<'a, T> {
        cmd: &'static str,
        #[serde(flatten)]
        body: &'a T,
    }
    serde_json::to_vec(&Message { cmd: CMD, body }).expect("plain structs always serialise")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_nodes_form() {
        let data = RawValue::from_string("{\"keys\":[1.50]}".to_owned()).unwrap();
        let answer = QueryAnswer {
            ack: 3,
            key: "null:80:4:null:0",
            errno: None,
            data: Some(&data),
            sockname: Some(SocketName::from("[::1]:80".parse::<SocketAddr>().unwrap())),
        };
        assert_eq!(
            String::from_utf8(answer.to_json()).unwrap(),
            r#"{"cmd":"NODE_CLUSTER","ack":3,"key":"null:80:4:null:0","errno":null,"data":{"keys":[1.50]},"sockname":{"address":"::1","family":"IPv6","port":80}}"#
        );
        assert_eq!(
            String::from_utf8(new_connection("a\"b", 1 << 32)).unwrap(),
            r#"{"cmd":"NODE_CLUSTER","act":"newconn","key":"a\"b","seq":4294967296}"#
        );
        assert_eq!(
            String::from_utf8(disconnect(2)).unwrap(),
            r#"{"cmd":"NODE_CLUSTER","act":"disconnect","seq":2}"#
        );
    }
}
