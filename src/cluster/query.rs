//! Answering `queryServer`: a worker's `listen`.

use std::{
    collections::BTreeSet,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, Mutex, Weak},
    task::{Context, Waker},
};

use nix::errno::Errno;

use super::{
    accept,
    answer::{QueryAnswer, SocketName},
    group::{Group, Listener, Socket},
    keep::KeepFuture,
    listener,
    record::{self, Binding, ListenerRecord, Policy, ServerRecord},
    slots,
    state::{Shared, State, WorkerEntry, lock},
};
use crate::{
    channel::{ChannelError, HandleType, Query},
    sys::listen,
};

/// Servers that one worker may have.
const SERVERS_LIMIT: usize = 4096;

/// Longest server data in bytes; a server's ticket keys take some 100.
const DATA_LIMIT: usize = 16 * 1024;

/// Answers the query numbered `seq` of a worker. A worker that leaves gets no answer, as in Node.
pub(super) fn answer(shared: &Shared, worker: u32, seq: u64, query: Query) {
    let mut state = lock(shared);
    let leaves = |entry: &WorkerEntry| entry.record.leaving;
    if state.workers.get(&worker).is_none_or(leaves) {
        return;
    }
    let key: Arc<str> = record::key(&query).into();
    let servers = state.workers.get(&worker).map(|entry| &entry.record.keys);
    if let Some(server) = servers.and_then(|servers| servers.get(&*key))
        && server.seq == seq
    {
        // A daemon before us read it, and may have died before it answered.
        if !server.answered {
            state.tell_listener(worker, seq, &key);
        }
        return;
    }
    let result = state
        .check(worker, &key, &query)
        .and_then(|()| state.join(worker, seq, &key, query));
    match result {
        Ok(Joined { slot, is_new }) => {
            state.save();
            if is_new {
                state.keep_listener(shared, &key, slot);
            }
            state.tell_listener(worker, seq, &key);
            state.serve_waiting(&key);
        }
        Err(error) => state.send_failure(worker, seq, &key, &error),
    }
}

/// The listener that a worker has become a member of.
struct Joined {
    /// The process whose own it is, if it is not everyone's.
    slot: Option<u32>,
    /// Whether it was opened for that.
    is_new: bool,
}

/// The listener's socket has been kept: its workers may know of it. A keep that failed changes nothing: better a
/// listener that will not outlive us than none.
async fn kept(
    shared: Weak<Mutex<State>>,
    (key, slot): (Arc<str>, Option<u32>),
    name: String,
    keeping: KeepFuture,
) {
    let _ = keeping.await;
    let Some(shared) = shared.upgrade() else {
        return;
    };
    let mut state = lock(&shared);
    let group = state.listeners.get_mut(&key);
    let Some(listener) = group.and_then(|group| group.parts.get_mut(&slot)) else {
        return;
    };
    if listener.record.name != name {
        return;
    }
    listener.kept = true;
    for (worker, seq) in std::mem::take(&mut listener.unanswered) {
        state.tell_listener(worker, seq, &key);
    }
    state.serve_waiting(&key);
}

impl State {
    /// Refuses what no worker asks for in good faith.
    fn check(&self, worker: u32, key: &str, query: &Query) -> io::Result<()> {
        let keys = self.workers.get(&worker).map(|entry| &entry.record.keys);
        if keys.is_some_and(|keys| keys.contains_key(key)) {
            // A key is used once in a worker: a second answer with it would kill the app.
            return Err(Errno::EEXIST.into());
        }
        if keys.is_some_and(|keys| keys.len() >= SERVERS_LIMIT) {
            return Err(Errno::EMFILE.into());
        }
        let size = query.data.as_ref().map_or(0, |data| data.get().len());
        if size > DATA_LIMIT || key.len() > DATA_LIMIT {
            return Err(Errno::EMSGSIZE.into());
        }
        Ok(())
    }

    /// In kernel mode an address is one app's: another's worker would get connections that are meant for it.
    fn check_owner(&self, worker: u32, key: &str, slot: Option<u32>) -> io::Result<()> {
        let Some(group) = self.listeners.get(key) else {
            return Ok(());
        };
        if slot.is_none() && !group.is_spread() {
            return Ok(());
        }
        let record = |id| {
            let entry = self.workers.get(&id).map(|entry| &entry.record);
            entry.or_else(|| self.absent.get(&id))
        };
        let own = record(worker);
        let is_kin = |id| {
            let other = record(id);
            own.is_some_and(|own| other.is_some_and(|other| own.is_kin(other)))
        };
        if group.members().any(is_kin) {
            return Ok(());
        }
        Err(Errno::EADDRINUSE.into())
    }

    /// Makes the worker a member of the listener, which is opened if it is new.
    fn join(&mut self, worker: u32, seq: u64, key: &Arc<str>, query: Query) -> io::Result<Joined> {
        let binding = Binding::of(&query);
        let own = self.workers.get(&worker).map(|entry| &entry.record);
        let (Some(slot), Some(policy)) = (
            own.map(|record| record.slot(&binding)),
            own.map(|record| record.policy),
        ) else {
            return Err(Errno::ESRCH.into());
        };
        self.check_owner(worker, key, slot)?;
        let group = self.listeners.get(key);
        let is_new = group.is_none_or(|group| !group.parts.contains_key(&slot));
        if is_new {
            self.open(key, slot, binding, policy, &query)?;
        }
        let server = ServerRecord {
            seq,
            ..ServerRecord::default()
        };
        if let Some(entry) = self.workers.get_mut(&worker) {
            entry.record.keys.insert(key.to_string(), server);
        }
        let is_alone = self.is_one_apps(worker, key);
        let Some(group) = self.listeners.get_mut(key) else {
            return Err(Errno::ESRCH.into());
        };
        let data = group.data().map(ToOwned::to_owned).or(query.data);
        let Some(listener) = group.parts.get_mut(&slot) else {
            return Err(Errno::ESRCH.into());
        };
        listener.record.data = data;
        listener.record.members.insert(worker);
        // An app that has come to want it otherwise gets it so, from its first new worker on.
        if listener.record.mode.is_ours() && policy.is_ours() && is_alone {
            listener.record.mode = policy;
        }
        if std::mem::take(&mut listener.record.closing) {
            slots::steer(group);
        }
        Ok(Joined { slot, is_new })
    }

    /// Whether everybody who listens there is of the worker's app.
    fn is_one_apps(&self, worker: u32, key: &str) -> bool {
        let record = |id| self.workers.get(&id).map(|entry| &entry.record);
        let (Some(own), Some(group)) = (record(worker), self.listeners.get(key)) else {
            return false;
        };
        let mut others = group.members().filter_map(record);
        others.all(|other| own.is_kin(other))
    }

    /// Opens a listener: beside those that there are under this key, or as the first.
    fn open(
        &mut self,
        key: &Arc<str>,
        slot: Option<u32>,
        binding: Binding,
        policy: Policy,
        query: &Query,
    ) -> io::Result<()> {
        let mode = binding.mode(policy);
        let place = match self.listeners.get_mut(key) {
            Some(group) => Some(group.next_place()),
            None => slot.map(|_| 0),
        };
        let socket = if let Some(first) = self.listeners.get(key).and_then(Group::any) {
            listener::open_beside(&binding, first.socket.as_fd())?
        } else {
            let lent = query.fd.and_then(|fd| self.lent.get(&fd));
            listener::open(&binding, mode, lent)?
        };
        self.last_listener += 1;
        let record = ListenerRecord {
            name: format!("l{}", self.last_listener),
            binding,
            mode,
            data: None,
            members: BTreeSet::new(),
            last: None,
            slot,
            place,
            closing: false,
        };
        let closed = record.binding.clone();
        let served = self.serve(key, record, socket, false);
        match self.listeners.get(key) {
            // Those that are about to be closed must not get what is meant for the new one.
            Some(group) if served.is_ok() && group.is_spread() => slots::steer(group),
            Some(_) => {}
            None => listener::close(&closed),
        }
        served
    }

    /// Sets a listener's socket to work.
    pub(super) fn serve(
        &mut self,
        key: &Arc<str>,
        record: ListenerRecord,
        socket: OwnedFd,
        kept: bool,
    ) -> io::Result<()> {
        let slot = record.slot;
        let socket = match record.mode {
            Policy::Kernel => Socket::Slot(Arc::new(socket), None),
            Policy::Shared => Socket::Shared(Arc::new(socket)),
            Policy::RoundRobin | Policy::LeastConnections => {
                let runtime = self.runtime.as_ref().ok_or(Errno::ENOSYS)?;
                Socket::Ours(accept::begin(runtime, &self.shared, (key, slot), socket)?)
            }
        };
        let group = self.listeners.entry(Arc::clone(key)).or_default();
        group
            .parts
            .insert(slot, Listener::new(record, socket, kept));
        Ok(())
    }

    /// Has the listener's socket kept. Where that takes a while, a task waits for it.
    pub(super) fn keep_listener(&mut self, shared: &Shared, key: &Arc<str>, slot: Option<u32>) {
        let group = self.listeners.get_mut(key);
        let Some(listener) = group.and_then(|group| group.parts.get_mut(&slot)) else {
            return;
        };
        let name = listener.record.name.clone();
        let mut keeping = self.keeping.0.listener(&name, listener.socket.as_fd());
        let mut context = Context::from_waker(Waker::noop());
        if keeping.as_mut().poll(&mut context).is_ready() {
            listener.kept = true;
        } else {
            let place = (Arc::clone(key), slot);
            tokio::spawn(kept(Arc::downgrade(shared), place, name, keeping));
        }
    }

    /// Answers the query numbered `seq` with the listener of that key, once it is kept. A worker that gave it up
    /// meanwhile gets no answer.
    pub(super) fn tell_listener(&mut self, worker: u32, seq: u64, key: &str) {
        let server = self
            .workers
            .get_mut(&worker)
            .and_then(|entry| entry.record.keys.get_mut(key));
        let group = self.listeners.get_mut(key);
        let listener = group.and_then(|group| group.of_mut(worker));
        let (Some(server), Some(listener)) = (server, listener) else {
            return;
        };
        if server.seq != seq {
            return;
        }
        if listener.kept {
            server.answered = true;
            if self.send_listener(worker, seq, key).is_err() {
                self.close_server(worker, key);
            }
        } else if !listener.unanswered.contains(&(worker, seq)) {
            listener.unanswered.push((worker, seq));
        }
    }

    /// Tells the worker of its listener: if we accept its address, else the socket itself.
    fn send_listener(&self, worker: u32, ack: u64, key: &str) -> Result<(), ChannelError> {
        let group = self.listeners.get(key);
        let listener = group.and_then(|group| group.of(worker));
        let (Some(entry), Some(listener)) = (self.workers.get(&worker), listener) else {
            return Ok(());
        };
        let mut answer = QueryAnswer {
            ack,
            key,
            data: listener.record.data.as_deref(),
            ..QueryAnswer::default()
        };
        match &listener.socket {
            Socket::Ours(accepting) => {
                let address = listen::local_address(accepting.socket.as_fd());
                answer.sockname = address.map(SocketName::from);
                entry.channel.send_internal(&answer.to_json())
            }
            Socket::Shared(socket) | Socket::Slot(socket, _) => {
                let kind = if listener.record.binding.address_type.is_udp() {
                    HandleType::Datagram
                } else {
                    HandleType::Net
                };
                let socket = Arc::clone(socket);
                let sent = entry.channel.send_handle(kind, &answer.to_json(), socket);
                sent.map(|_ticket| ())
            }
        }
    }

    pub(super) fn send_failure(&self, worker: u32, ack: u64, key: &str, error: &io::Error) {
        let errno = error.raw_os_error().unwrap_or(Errno::EINVAL as i32);
        let answer = QueryAnswer {
            ack,
            key,
            errno: Some(-errno),
            ..QueryAnswer::default()
        };
        if let Some(entry) = self.workers.get(&worker) {
            // Not taken only when the worker is gone, or never reads.
            let _ = entry.channel.send_internal(&answer.to_json());
        }
    }
}
