//! Answering `queryServer`: a worker's `listen`.

use std::{
    collections::{BTreeSet, VecDeque},
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use nix::errno::Errno;
use tokio::io::Interest;

use super::{
    accept,
    answer::{QueryAnswer, SocketName},
    listener,
    record::{self, Binding, ListenerRecord, Policy},
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
    let result = state
        .check(worker, &key, &query)
        .and_then(|()| state.join(shared, worker, &key, query));
    match result {
        Ok(()) => {
            if state.send_listener(worker, seq, &key).is_err() {
                state.close_server(worker, &key);
            }
            state.serve_waiting(&key);
        }
        Err(error) => state.send_failure(worker, seq, &key, &error),
    }
}

impl State {
    /// Refuses what no worker asks for in good faith.
    fn check(&self, worker: u32, key: &str, query: &Query) -> io::Result<()> {
        let keys = self.workers.get(&worker).map(|entry| &entry.record.keys);
        if keys.is_some_and(|keys| keys.contains(key)) {
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

    /// Makes the worker a member of the listener, which is opened if it is new.
    fn join(
        &mut self,
        shared: &Shared,
        worker: u32,
        key: &Arc<str>,
        query: Query,
    ) -> io::Result<()> {
        let Some(entry) = self.workers.get_mut(&worker) else {
            return Ok(());
        };
        if !self.listeners.contains_key(key) {
            let lent = query.fd.and_then(|fd| self.lent.get(&fd));
            let binding = Binding::of(&query);
            let mode = binding.mode(entry.record.policy);
            let socket = listener::open(&binding, mode, lent)?;
            let socket =
                serve(shared, key, mode, socket).inspect_err(|_| listener::close(&binding))?;
            self.listeners
                .insert(Arc::clone(key), new_listener(binding, mode, socket));
        }
        let Some(listener) = self.listeners.get_mut(key) else {
            return Ok(());
        };
        if listener.record.data.is_none() {
            listener.record.data = query.data;
        }
        listener.record.members.insert(worker);
        entry.record.keys.insert(key.to_string());
        Ok(())
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

    fn send_failure(&self, worker: u32, ack: u64, key: &str, error: &io::Error) {
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
fn serve(shared: &Shared, key: &Arc<str>, mode: Policy, socket: OwnedFd) -> io::Result<Socket> {
    Ok(match mode {
        Policy::Shared => Socket::Shared(Arc::new(socket)),
        Policy::RoundRobin => Socket::RoundRobin {
            socket: watched::watch(socket, Interest::READABLE)?,
            task: tokio::spawn(accept::run(Arc::downgrade(shared), Arc::clone(key))).abort_handle(),
        },
    })
}

fn new_listener(binding: Binding, mode: Policy, socket: Socket) -> Listener {
    Listener {
        record: ListenerRecord {
            binding,
            mode,
            data: None,
            members: BTreeSet::new(),
            last: None,
        },
        socket,
        waiting: VecDeque::new(),
        waker: None,
    }
}
