//! Answering `queryServer`: a worker's `listen`.

use std::{
    collections::{BTreeSet, VecDeque},
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, Mutex, Weak},
    task::{Context, Waker},
};

use nix::errno::Errno;
use tokio::io::Interest;

use super::{
    accept,
    answer::{QueryAnswer, SocketName},
    keep::KeepFuture,
    listener,
    record::{self, Binding, ListenerRecord, Policy, ServerRecord},
    state::{Listener, Shared, Socket, State, WorkerEntry, lock},
};
use crate::{
    channel::{ChannelError, HandleType, Query},
    sys::{listen, watched},
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
        .and_then(|()| state.join(shared, worker, seq, &key, query));
    match result {
        Ok(is_new) => {
            state.save();
            if is_new {
                state.keep_listener(shared, &key);
            }
            state.tell_listener(worker, seq, &key);
            state.serve_waiting(&key);
        }
        Err(error) => state.send_failure(worker, seq, &key, &error),
    }
}

/// The listener's socket has been kept: its workers may know of it. A keep that failed changes nothing: better a
/// listener that will not outlive us than none.
async fn kept(shared: Weak<Mutex<State>>, key: Arc<str>, name: String, keeping: KeepFuture) {
    let _ = keeping.await;
    let Some(shared) = shared.upgrade() else {
        return;
    };
    let mut state = lock(&shared);
    let Some(listener) = state.listeners.get_mut(&key) else {
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

    /// Makes the worker a member of the listener, which is opened if it is new. Returns whether it is.
    fn join(
        &mut self,
        shared: &Shared,
        worker: u32,
        seq: u64,
        key: &Arc<str>,
        query: Query,
    ) -> io::Result<bool> {
        let Some(entry) = self.workers.get_mut(&worker) else {
            return Ok(false);
        };
        let is_new = !self.listeners.contains_key(key);
        if is_new {
            let lent = query.fd.and_then(|fd| self.lent.get(&fd));
            let binding = Binding::of(&query);
            let mode = binding.mode(entry.record.policy);
            let socket = listener::open(&binding, mode, lent)?;
            let socket =
                serve(shared, key, mode, socket).inspect_err(|_| listener::close(&binding))?;
            self.last_listener += 1;
            let record = ListenerRecord {
                name: format!("l{}", self.last_listener),
                binding,
                mode,
                data: None,
                members: BTreeSet::new(),
                last: None,
            };
            self.listeners
                .insert(Arc::clone(key), new_listener(record, socket, false));
        }
        let Some(listener) = self.listeners.get_mut(key) else {
            return Ok(false);
        };
        if listener.record.data.is_none() {
            listener.record.data = query.data;
        }
        listener.record.members.insert(worker);
        let server = ServerRecord {
            seq,
            ..ServerRecord::default()
        };
        entry.record.keys.insert(key.to_string(), server);
        Ok(is_new)
    }

    /// Has the listener's socket kept. Where that takes a while, a task waits for it.
    pub(super) fn keep_listener(&mut self, shared: &Shared, key: &Arc<str>) {
        let Some(listener) = self.listeners.get_mut(key) else {
            return;
        };
        let socket = match &listener.socket {
            Socket::RoundRobin { socket, .. } => socket.as_fd(),
            Socket::Shared(socket) => socket.as_fd(),
        };
        let name = listener.record.name.clone();
        let mut keeping = self.keeping.0.listener(&name, socket);
        let mut context = Context::from_waker(Waker::noop());
        if keeping.as_mut().poll(&mut context).is_ready() {
            listener.kept = true;
        } else {
            tokio::spawn(kept(Arc::downgrade(shared), Arc::clone(key), name, keeping));
        }
    }

    /// Answers the query numbered `seq` with the listener of that key, once it is kept. A worker that gave it up
    /// meanwhile gets no answer.
    pub(super) fn tell_listener(&mut self, worker: u32, seq: u64, key: &str) {
        let server = self
            .workers
            .get_mut(&worker)
            .and_then(|entry| entry.record.keys.get_mut(key));
        let (Some(server), Some(listener)) = (server, self.listeners.get_mut(key)) else {
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

    /// Tells the worker of its listener: with round robin its address, else the socket itself.
    fn send_listener(&self, worker: u32, ack: u64, key: &str) -> Result<(), ChannelError> {
        let (Some(entry), Some(listener)) = (self.workers.get(&worker), self.listeners.get(key))
        else {
            return Ok(());
        };
        let mut answer = QueryAnswer {
            ack,
            key,
            data: listener.record.data.as_deref(),
            ..QueryAnswer::default()
        };
        match &listener.socket {
            Socket::RoundRobin { socket, .. } => {
                answer.sockname = listen::local_address(socket.as_fd()).map(SocketName::from);
                entry.channel.send_internal(&answer.to_json())
            }
            Socket::Shared(socket) => {
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

/// Sets a listener's socket to work.
pub(super) fn serve(
    shared: &Shared,
    key: &Arc<str>,
    mode: Policy,
    socket: OwnedFd,
) -> io::Result<Socket> {
    Ok(match mode {
        Policy::Shared => Socket::Shared(Arc::new(socket)),
        Policy::RoundRobin => Socket::RoundRobin {
            socket: watched::watch(socket, Interest::READABLE)?,
            task: tokio::spawn(accept::run(Arc::downgrade(shared), Arc::clone(key))).abort_handle(),
        },
    })
}

/// A listener with nothing to do yet.
pub(super) fn new_listener(record: ListenerRecord, socket: Socket, kept: bool) -> Listener {
    Listener {
        record,
        socket,
        kept,
        unanswered: Vec::new(),
        waiting: VecDeque::new(),
        waker: None,
    }
}
