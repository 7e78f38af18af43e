//! The task that owns the socket: requests go out in order, answers and exits go to those who wait for them.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::PoisonError,
    time::Duration,
};

use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::{mpsc, oneshot},
};

use super::{
    super::{
        packet::{Incoming, receive},
        table::Ended,
        wire::Report,
    },
    Answer, Exits, Order, Outgoing,
};
use crate::sys::proc::Exit;

/// Between two tries when too many descriptors of this user are on their way.
const TRY_AGAIN: Duration = Duration::from_millis(20);

pub(super) struct Task {
    socket: AsyncFd<OwnedFd>,
    buffer: Vec<u8>,
    inbox: mpsc::UnboundedReceiver<Order>,
    /// The request that the socket has not taken yet.
    outgoing: Option<Outgoing>,
    /// Who waits for the answer to which request.
    waiting: HashMap<u32, oneshot::Sender<Answer>>,
    /// Who waits for the exit of which app, by serial number.
    waiters: HashMap<u64, oneshot::Sender<Exit>>,
    exits: Exits,
    last_id: u32,
}

impl Task {
    pub(super) fn new(
        socket: AsyncFd<OwnedFd>,
        buffer: Vec<u8>,
        inbox: mpsc::UnboundedReceiver<Order>,
        waiters: HashMap<u64, oneshot::Sender<Exit>>,
        exits: Exits,
    ) -> Self {
        Self {
            socket,
            buffer,
            inbox,
            outgoing: None,
            waiting: HashMap::new(),
            waiters,
            exits,
            last_id: 0,
        }
    }

    /// Runs until the keeper or the last handle is gone.
    pub(super) async fn run(mut self) {
        loop {
            tokio::select! {
                came = self.socket.async_io(Interest::READABLE, |socket| receive(socket.as_fd(), &mut self.buffer)) => {
                    match came {
                        Ok(Incoming::End) | Err(_) => return,
                        Ok(came) => self.on_message(came),
                    }
                }
                order = self.inbox.recv(), if self.outgoing.is_none() => match order {
                    Some(order) => self.on_order(order),
                    None => return,
                },
                result = send(&self.socket, self.outgoing.as_ref()), if self.outgoing.is_some() => {
                    self.outgoing = None;
                    if result.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn on_order(&mut self, order: Order) {
        let id = order.answer.as_ref().map_or(0, |_| self.next_id());
        match (
            Outgoing::new(id, order.request, order.descriptors),
            order.answer,
        ) {
            (Ok(outgoing), answer) => {
                self.outgoing = Some(outgoing);
                self.waiting.extend(answer.map(|answer| (id, answer)));
            }
            (Err(error), Some(answer)) => {
                reply(answer, broken(&error), None);
            }
            (Err(_), None) => {}
        }
    }

    fn next_id(&mut self) -> u32 {
        loop {
            self.last_id = self.last_id.wrapping_add(1).max(1);
            if !self.waiting.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }

    fn on_message(&mut self, came: Incoming) {
        let (id, report, handle) = match came {
            Incoming::Message {
                header,
                payload,
                mut descriptors,
            } => match Report::decode(header.kind, &payload, descriptors.len()) {
                Ok(report) => (header.id, report, descriptors.pop()),
                Err(error) => (header.id, broken(&io::Error::other(error)), None),
            },
            Incoming::Broken { id, why } => (id, broken(&why), None),
            Incoming::End => return,
        };
        match report {
            Report::Exit(ended) => self.on_exit(&ended),
            report => self.on_answer(id, report, handle),
        }
    }

    fn on_answer(&mut self, id: u32, report: Report, handle: Option<OwnedFd>) {
        let Some(waiting) = self.waiting.remove(&id) else {
            return;
        };
        let exit = if let Report::Spawned { serial, .. } = &report {
            let (sender, exit) = oneshot::channel();
            self.waiters.insert(*serial, sender);
            Some(exit)
        } else {
            None
        };
        // Whoever asked may have given up.
        let _ = waiting.send(Answer {
            report,
            handle,
            exit,
        });
    }

    fn on_exit(&mut self, ended: &Ended) {
        self.exits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(ended.pid)
            .or_default()
            .push_back(ended.serial);
        if let Some(waiter) = self.waiters.remove(&ended.serial) {
            // Nobody may wait any more.
            let _ = waiter.send(ended.exit);
        }
    }
}

/// The answer in place of one that cannot be sent or used, so that nobody waits for ever.
fn broken(error: &io::Error) -> Report {
    super::super::requests::failed(error)
}

fn reply(answer: oneshot::Sender<Answer>, report: Report, handle: Option<OwnedFd>) {
    let exit = None;
    let _ = answer.send(Answer {
        report,
        handle,
        exit,
    });
}

async fn send(socket: &AsyncFd<OwnedFd>, outgoing: Option<&Outgoing>) -> io::Result<()> {
    let Some(outgoing) = outgoing else {
        return Ok(());
    };
    loop {
        let sent = socket
            .async_io(Interest::WRITABLE, |socket| outgoing.send(socket.as_fd()))
            .await;
        match sent {
            // Gone, or to be tried again: the system is short of something for a moment.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                tokio::time::sleep(TRY_AGAIN).await;
            }
            result => return result,
        }
    }
}
