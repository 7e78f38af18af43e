//! One task for each round-robin listener: takes a connection only when a worker is free for it. All others wait in
//! the kernel, where they outlive us.

use std::{
    future::poll_fn,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, Mutex, Weak},
    task::{Context, Poll, ready},
    time::Duration,
};

use super::state::{Socket, State, lock};
use crate::sys::listen;

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

/// Accepts for the listener `key` until it is gone.
pub(super) async fn run(state: Weak<Mutex<State>>, key: Arc<str>) {
    loop {
        let next = poll_fn(|context| match state.upgrade() {
            Some(state) => lock(&state).poll_accept(&key, context),
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
    fn poll_accept(&mut self, key: &Arc<str>, context: &mut Context<'_>) -> Poll<Next> {
        for _ in 0..TURN {
            let worker = self.free_worker(key, &[]);
            let Some(listener) = self.listeners.get_mut(key) else {
                return Poll::Ready(Next::End);
            };
            let may_accept = listener.waiting.is_empty() && !self.is_paused;
            let (Some(worker), true) = (worker, may_accept) else {
                listener.waker = Some(context.waker().clone());
                return Poll::Pending;
            };
            let Socket::RoundRobin { socket, .. } = &listener.socket else {
                return Poll::Ready(Next::End);
            };
            // Fails only when the runtime is going away.
            let Ok(mut ready) = ready!(socket.poll_read_ready(context)) else {
                return Poll::Ready(Next::End);
            };
            match accept(ready.get_inner()) {
                Accepted::Connection(connection) => self.accepted(key, worker, connection),
                Accepted::None => ready.clear_ready(),
                Accepted::Gone => {}
                Accepted::Short => return Poll::Ready(Next::Pause),
            }
        }
        Poll::Ready(Next::Turn)
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

fn accept(socket: &OwnedFd) -> Accepted {
    match listen::accept(socket.as_fd()) {
        Ok(connection) => Accepted::Connection(connection),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock => Accepted::None,
            io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => Accepted::Gone,
            _ => Accepted::Short,
        },
    }
}
