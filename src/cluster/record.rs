//! What the primary knows that is not a socket, a task or a channel.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::channel::{AddressType, Query};

/// How connections reach the workers of an app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Policy {
    /// We accept them and give them out in turn: pm2's way.
    #[default]
    RoundRobin,
    /// Workers share the listening socket and accept for themselves (`NODE_CLUSTER_SCHED_POLICY=none`).
    Shared,
}

impl Policy {
    /// The policy that a value of `NODE_CLUSTER_SCHED_POLICY` asks for; as in Node, only `none` changes anything.
    pub fn from_variable(value: Option<&str>) -> Self {
        if value == Some("none") {
            Self::Shared
        } else {
            Self::RoundRobin
        }
    }
}

/// What a listener is bound to and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Binding {
    pub(super) address: Option<String>,
    pub(super) port: Option<i64>,
    pub(super) address_type: AddressType,
    pub(super) fd: Option<i64>,
    pub(super) flags: i64,
    pub(super) backlog: i64,
    pub(super) readable_all: bool,
    pub(super) writable_all: bool,
}

impl Binding {
    pub(super) fn of(query: &Query) -> Self {
        Self {
            address: query.address.clone(),
            port: query.port,
            address_type: query.address_type,
            fd: query.fd,
            flags: query.flags,
            backlog: query.backlog,
            readable_all: query.readable_all,
            writable_all: query.writable_all,
        }
    }

    /// How its connections are shared out when the worker's policy is `policy`: UDP has no connections to give.
    pub(super) fn mode(&self, policy: Policy) -> Policy {
        if self.address_type.is_udp() {
            Policy::Shared
        } else {
            policy
        }
    }
}

/// A listener's identity, as Node builds it: who asks for the same gets the same.
pub(super) fn key(query: &Query) -> String {
    fn shown(value: Option<impl ToString>) -> String {
        value.map_or_else(|| "null".to_owned(), |value| value.to_string())
    }
    let kind = query.address_type.to_json();
    format!(
        "{}:{}:{}:{}:{}",
        shown(query.address.as_deref()),
        shown(query.port),
        kind.as_str()
            .map_or_else(|| kind.to_string(), ToOwned::to_owned),
        shown(query.fd),
        query.index
    )
}

/// A listener but for its socket.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ListenerRecord {
    /// Under which its socket is kept; never used again.
    pub(super) name: String,
    pub(super) binding: Binding,
    pub(super) mode: Policy,
    /// The first worker's server data; every other worker's server gets it.
    pub(super) data: Option<Box<RawValue>>,
    /// Workers that listen on it.
    #[serde(skip)]
    pub(super) members: BTreeSet<u32>,
    /// The worker that was given a connection last.
    #[serde(default)]
    pub(super) last: Option<u32>,
}

/// A server of a worker.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ServerRecord {
    /// The number of the query that asked for it.
    pub(super) seq: u64,
    /// The worker has said that it listens: it has the answer.
    #[serde(default)]
    pub(super) ready: bool,
    /// The query was answered by this process.
    #[serde(skip)]
    pub(super) answered: bool,
}

/// A worker but for its channel.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct WorkerRecord {
    pub(super) policy: Policy,
    /// The servers it has, by the keys of their listeners.
    pub(super) keys: BTreeMap<String, ServerRecord>,
    /// A server of it has listened.
    #[serde(default)]
    pub(super) listening: bool,
    /// It gets no new connection.
    #[serde(default)]
    pub(super) retired: bool,
    /// It was told to disconnect, or has said that it will.
    #[serde(default)]
    pub(super) leaving: bool,
}

impl WorkerRecord {
    /// The keys of the listeners on which it is known to listen.
    pub(super) fn ready_keys(&self) -> BTreeSet<&str> {
        let ready = self.keys.iter().filter(|(_, server)| server.ready);
        ready.map(|(key, _)| key.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_is_the_address_with_the_index() {
        let mut query = Query {
            address: None,
            port: Some(80),
            address_type: AddressType::Tcp4,
            fd: None,
            flags: 0,
            backlog: 0,
            index: 0,
            data: None,
            readable_all: false,
            writable_all: false,
        };
        assert_eq!(key(&query), "null:80:4:null:0");
        query.address_type = AddressType::Udp6;
        query.index = 2;
        assert_eq!(key(&query), "null:80:udp6:null:2");
        assert_eq!(Binding::of(&query).mode(Policy::RoundRobin), Policy::Shared);
    }

    #[test]
    fn only_none_asks_for_the_shared_policy() {
        assert_eq!(Policy::from_variable(Some("none")), Policy::Shared);
        assert_eq!(Policy::from_variable(Some("rr")), Policy::RoundRobin);
        assert_eq!(Policy::from_variable(None), Policy::RoundRobin);
    }
}
