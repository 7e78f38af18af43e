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
    /// We accept them and give each to the worker that has the fewest open.
    LeastConnections,
    /// Workers share the listening socket and accept for themselves (`NODE_CLUSTER_SCHED_POLICY=none`).
    Shared,
    /// Each process has a listening socket of its own, over which the kernel spreads them.
    Kernel,
}

impl Policy {
    /// The policy that the attribute `load_balancing` and the variable `NODE_CLUSTER_SCHED_POLICY` ask for. As in Node
    /// only `none` changes anything, and only where the attribute leaves it to us.
    pub fn asked(attribute: Option<&str>, variable: Option<&str>) -> Self {
        match (attribute, variable) {
            (Some("least-connections"), _) => Self::LeastConnections,
            (Some("kernel"), _) => Self::Kernel,
            (_, Some("none")) => Self::Shared,
            _ => Self::RoundRobin,
        }
    }

    /// Whether we accept.
    pub(super) fn is_ours(self) -> bool {
        matches!(self, Self::RoundRobin | Self::LeastConnections)
    }
}

/// Whose worker it is. A process keeps its seat over all its runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// The app's name.
    pub app: String,
    /// The process's number.
    pub number: u32,
}

impl Seat {
    fn is_unknown(&self) -> bool {
        self.app.is_empty()
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

    /// How its connections are shared out when the worker's policy is `policy`: UDP has no connections to give, and the
    /// kernel only spreads those of TCP sockets that are ours to bind.
    pub(super) fn mode(&self, policy: Policy) -> Policy {
        match policy {
            _ if self.address_type.is_udp() => Policy::Shared,
            Policy::Kernel if !self.may_be_several() => Policy::Shared,
            policy => policy,
        }
    }

    fn may_be_several(&self) -> bool {
        let is_tcp = matches!(self.address_type, AddressType::Tcp4 | AddressType::Tcp6);
        cfg!(target_os = "linux") && is_tcp && self.fd.is_none()
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
    /// The process whose own it is, if it is not everyone's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) slot: Option<u32>,
    /// Its place among the sockets of its address, in the order in which they began to listen; see
    /// [`steer`](crate::sys::reuse_port::steer).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<u32>,
    /// It is about to be closed, and the others go on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) closing: bool,
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
    #[serde(default, skip_serializing_if = "Seat::is_unknown")]
    pub(super) seat: Seat,
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
    /// Whose socket it listens on at an address: its process's own, or everyone's.
    pub(super) fn slot(&self, binding: &Binding) -> Option<u32> {
        (binding.mode(self.policy) == Policy::Kernel).then_some(self.seat.number)
    }

    /// Whether it is of the same app, as far as that is known, or even of the same process.
    pub(super) fn is_kin(&self, other: &Self) -> bool {
        let (one, other) = (&self.seat, &other.seat);
        one.is_unknown() || other.is_unknown() || one.app == other.app || one.number == other.number
    }

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
    }

    #[test]
    fn the_policy_is_the_attributes_then_the_variables() {
        use Policy::{Kernel, LeastConnections, RoundRobin, Shared};
        let table = [
            (None, None, RoundRobin),
            (None, Some("rr"), RoundRobin),
            (None, Some("none"), Shared),
            (Some("round-robin"), None, RoundRobin),
            (Some("round-robin"), Some("none"), Shared),
            (Some("least-connections"), Some("none"), LeastConnections),
            (Some("kernel"), Some("none"), Kernel),
            (Some("whatever"), None, RoundRobin),
        ];
        for (attribute, variable, expected) in table {
            let policy = Policy::asked(attribute, variable);
            assert_eq!(policy, expected, "{attribute:?} {variable:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_kernel_spreads_only_tcp_connections() {
        use Policy::{Kernel, LeastConnections, RoundRobin, Shared};
        let table = [
            (AddressType::Tcp4, None, Kernel, Kernel),
            (AddressType::Tcp6, None, Kernel, Kernel),
            (AddressType::Tcp4, Some(7), Kernel, Shared),
            (AddressType::Pipe, None, Kernel, Shared),
            (AddressType::Pipe, None, LeastConnections, LeastConnections),
            (AddressType::Udp4, None, Kernel, Shared),
            (AddressType::Udp6, None, RoundRobin, Shared),
            (AddressType::Tcp4, None, Shared, Shared),
        ];
        for (address_type, fd, policy, expected) in table {
            let binding = Binding {
                address: None,
                port: Some(80),
                address_type,
                fd,
                flags: 0,
                backlog: 0,
                readable_all: false,
                writable_all: false,
            };
            let case = format!("{address_type:?} {fd:?} {policy:?}");
            assert_eq!(binding.mode(policy), expected, "{case}");
            let worker = WorkerRecord {
                policy,
                seat: Seat {
                    app: "a".to_owned(),
                    number: 3,
                },
                ..WorkerRecord::default()
            };
            let slot = worker.slot(&binding);
            assert_eq!(slot, (expected == Kernel).then_some(3), "{case}");
        }
    }
}
