//! One task for each socket that we accept from: takes a connection only when a worker is free for it. All others wait
//! in the kernel, where they outlive us.

use std::{
    future::poll_fn,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Arc, Mutex, Weak},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{io::Interest, runtime::Handle};

use super::{
    group::Accepting,
    record::Policy,
    state::{State, lock},
};
use crate::sys::{listen, watched};

/// Connections taken in a row before other listeners get their turn.
const TURN: usize = 16;

/// How long to wait when there is no descriptor or memory for a connection.
const PAUSE: Duration = Duration::from_millis(50);

/// What the task does next.
enum Next {
    /// Lets others have their turn.
    Turn,
    /// Waits for the system to have what it lacked.
    Pause,
    /// The listener is gone.
    End,
}

/// Begins to accept from `socket`, which is, or is a copy of, that of the listener of this key and process.
pub(super) fn begin(
    runtime: &Handle,
    state: &Weak<Mutex<State>>,
    (key, slot): (&Arc<str>, Option<u32>),
    socket: OwnedFd,
) -> io::Result<Accepting> {
    let _entered = runtime.enter();
    Ok(Accepting {
        socket: watched::watch(socket, Interest::READABLE)?,
        task: runtime
            .spawn(run(state.clone(), Arc::clone(key), slot))
            .abort_handle(),
    })
}

/// Everything that waits in a socket.
pub(super) fn all(socket: BorrowedFd<'_>) -> Vec<OwnedFd> {
    let mut taken = Vec::new();
    loop {
        match accept(socket) {
            Accepted::Connection(connection) => taken.push(connection),
            Accepted::Gone => {}
            Accepted::None | Accepted::Short => return taken,
        }
    }
}

/// Accepts for a listener until it is gone.
async fn run(state: Weak<Mutex<State>>, key: Arc<str>, slot: Option<u32>) {
    loop {
        let next = poll_fn(|context| match state.upgrade() {
            Some(state) => lock(&state).poll_accept(&key, slot, context),
            None => Poll::Ready(Next::End),
        })
        .await;
        match next {
            Next::Turn => tokio::task::yield_now().await,
            Next::Pause => tokio::time::sleep(PAUSE).await,
            Next::End => return,
        }
    }
}

impl State {
    fn poll_accept(
        &mut self,
        key: &Arc<str>,
        slot: Option<u32>,
        context: &mut Context<'_>,
    ) -> Poll<Next> {
        for _ in 0..TURN {
            let worker = self.free_worker(key, &[]);
            let is_paused = self.is_paused;
            let Some(group) = self.listeners.get_mut(key) else {
                return Poll::Ready(Next::End);
            };
            let nobody_waits = group.waiting.is_empty();
            let Some(listener) = group.parts.get_mut(&slot) else {
                return Poll::Ready(Next::End);
            };
            let may_accept = nobody_waits && listener.kept && !is_paused;
            let (Some(worker), true) = (worker, may_accept) else {
                listener.waker = Some(context.waker().clone());
                return Poll::Pending;
            };
            let is_counted = listener.record.mode == Policy::LeastConnections;
            if is_counted && !self.may_give(key, slot, context) {
                return Poll::Pending;
            }
            let group = self.listeners.get_mut(key);
            let listener = group.and_then(|group| group.parts.get_mut(&slot));
            let Some(accepting) = listener.and_then(|listener| listener.socket.accepting()) else {
                return Poll::Ready(Next::End);
            };
            // Fails only when the runtime is going away.
            let Ok(mut ready) = ready!(accepting.socket.poll_read_ready(context)) else {
                return Poll::Ready(Next::End);
            };
            match accept(ready.get_inner().as_fd()) {
                Accepted::Connection(connection) => self.accepted(key, worker, connection),
                Accepted::None => ready.clear_ready(),
                Accepted::Gone => {}
                Accepted::Short => return Poll::Ready(Next::Pause),
            }
        }
        Poll::Ready(Next::Turn)
    }
}

impl State {
    /// Whether a connection seems to have come, and it is known whom to give it to.
    fn may_give(&mut self, key: &Arc<str>, slot: Option<u32>, context: &mut Context<'_>) -> bool {
        let group = self.listeners.get(key);
        let listener = group.and_then(|group| group.parts.get(&slot));
        let accepting = listener.and_then(|listener| listener.socket.accepting());
        let has_come =
            accepting.is_none_or(|accepting| accepting.socket.poll_read_ready(context).is_ready());
        if !has_come {
            return false;
        }
        let must_wait = self.must_look_first(key);
        let group = self.listeners.get_mut(key);
        if let Some(listener) = group.and_then(|group| group.parts.get_mut(&slot)) {
            listener.waker = must_wait.then(|| context.waker().clone());
        }
        !must_wait
    }
}

enum Accepted {
    Connection(OwnedFd),
    /// None waits.
    None,
    /// The client gave up while it waited.
    Gone,
    /// The system lacks descriptors or memory.
    Short,
}

fn accept(socket: BorrowedFd<'_>) -> Accepted {
    match listen::accept(socket) {
        Ok(connection) => Accepted::Connection(connection),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock => Accepted::None,
            io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => Accepted::Gone,
            _ => Accepted::Short,
        },
    }
}
