//! Replies to one client: written straight away when nothing waits, else by a task that waits for the socket.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{io::Interest, net::unix::OwnedWriteHalf, sync::mpsc, task::JoinHandle};

/// Replies that may wait for a client that does not read; its further calls then wait too.
const REPLIES: usize = 64;
/// Small replies are joined up to this many bytes for one write.
const JOINED: usize = 64 * 1024;

/// A cheap handle. The connection is closed for writing once the last one is dropped and what waits is written.
#[derive(Clone)]
pub(super) struct Replies {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Bytes>,
}

struct Shared {
    socket: OwnedWriteHalf,
    /// Replies that are given to the task, or about to be, and not yet written.
    waiting: Mutex<usize>,
}

/// The replies that go to `socket`, and the task that ends when all of them are written.
pub(super) fn open(socket: OwnedWriteHalf) -> (Replies, JoinHandle<()>) {
    let (queue, outgoing) = mpsc::channel(REPLIES);
    let waiting = Mutex::new(0);
    let shared = Arc::new(Shared { socket, waiting });
    let task = tokio::spawn(Arc::clone(&shared).write(outgoing));
    (Replies { shared, queue }, task)
}

impl Replies {
    /// Takes a whole reply. Waits if too many are waiting; a client that has gone needs none.
    pub(super) async fn send(&self, reply: Bytes) {
        if let Some(reply) = self.write_now(reply) {
            let _ = self.queue.send(reply).await;
        }
    }

    /// Writes a reply if none waits. Returns one that is to be queued.
    fn write_now(&self, mut reply: Bytes) -> Option<Bytes> {
        let mut waiting = self.shared.lock();
        if *waiting > 0 {
            *waiting += 1;
            return Some(reply);
        }
        // What fails now fails for the task too, which then ends.
        let written = self.shared.socket.try_write(&reply).unwrap_or(0);
        reply.advance(written);
        if reply.is_empty() {
            return None;
        }
        *waiting = 1;
        // There is room, as none waits: the rest must come before anything else.
        let _ = self.queue.try_send(reply);
        None
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, usize> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(self: Arc<Self>, mut outgoing: mpsc::Receiver<Bytes>) {
        while let Some(mut reply) = outgoing.recv().await {
            let mut count = 1;
            if let Ok(more) = outgoing.try_recv() {
                let mut joined = BytesMut::from(&reply[..]);
                joined.extend_from_slice(&more);
                count += 1;
                while joined.len() < JOINED
                    && let Ok(more) = outgoing.try_recv()
                {
                    joined.extend_from_slice(&more);
                    count += 1;
                }
                reply = joined.freeze();
            }
            if self.write_all(reply).await.is_err() {
                return;
            }
            *self.lock() -= count;
        }
    }

    async fn write_all(&self, mut reply: Bytes) -> std::io::Result<()> {
        while !reply.is_empty() {
            self.socket.ready(Interest::WRITABLE).await?;
            match self.socket.try_write(&reply) {
                Ok(written) => reply.advance(written),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{io::AsyncReadExt, net::UnixStream};

    #[tokio::test]
    async fn replies_come_whole_and_in_order_however_the_client_reads() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (_read, write) = ours.into_split();
        let (replies, task) = open(write);
        let reply = |number: u8| Bytes::from(vec![number; 50_000]);
        let sending = tokio::spawn(async move {
            for number in 0..200 {
                replies.send(reply(number)).await;
            }
        });
        tokio::task::yield_now().await;
        let mut read = vec![0; 50_000];
        for number in 0..200 {
            theirs.read_exact(&mut read).await.unwrap();
            assert!(read.iter().all(|byte| *byte == number), "{number}");
        }
        sending.await.unwrap();
        task.await.unwrap();
        assert_eq!(theirs.read(&mut read).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_waited_for_and_one_that_has_gone_is_not() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (_read, write) = ours.into_split();
        let (replies, task) = open(write);
        let reply = Bytes::from(vec![0; 1024 * 1024]);
        let mut taken = 0;
        let many = async {
            loop {
                replies.send(reply.clone()).await;
                taken += 1;
            }
        };
        tokio::select! {
            biased;
            () = many => {}
            () = async { for _ in 0..1000 { tokio::task::yield_now().await } } => {}
        }
        // One is being written, one may be held by who waits.
        assert!((REPLIES..=REPLIES + 2).contains(&taken), "{taken}");
        drop(theirs);
        task.await.unwrap();
        replies.send(reply).await;
    }
}
