//! One connection to rpc.sock: requests out, replies matched by id.

use std::{
    collections::HashMap,
    io,
    path::Path,
    process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::{Bytes, BytesMut};
use serde_json::value::RawValue;
use tokio::{
    io::AsyncWriteExt,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, oneshot},
};
use tokio_util::codec::FramedRead;

use super::ClientError;
use crate::protocol::{MESSAGE_LIMIT, call, frame::FrameCodec, message::Pair};

/// Requests that may wait for the socket; further callers wait for a place.
const QUEUE: usize = 1024;
/// Small requests are joined up to this many bytes for one write.
const COALESCED: usize = 64 * 1024;

/// Request ids are unique in this process, over all its connections.
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

type Reply = Result<Option<Box<RawValue>>, ClientError>;

struct Waiting {
    method: String,
    reply: oneshot::Sender<Reply>,
}

/// The calls not yet answered; `None` once the connection has ended.
type Pending = Arc<Mutex<Option<HashMap<String, Waiting>>>>;

/// A cheap handle; the connection ends when the last one is dropped.
#[derive(Clone)]
pub(super) struct Connection {
    outgoing: mpsc::Sender<Bytes>,
    pending: Pending,
}

impl Connection {
    /// Connects to the socket at `path`.
    pub(super) async fn open(path: &Path) -> io::Result<Self> {
        let (read, write) = UnixStream::connect(path).await?.into_split();
        let (outgoing, queue) = mpsc::channel(QUEUE);
        let pending: Pending = Arc::new(Mutex::new(Some(HashMap::new())));
        tokio::spawn(write_requests(write, queue));
        tokio::spawn(read_replies(read, Arc::clone(&pending)));
        Ok(Self { outgoing, pending })
    }

    /// Whether the peer is still there, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        lock(&self.pending).is_some()
    }

    /// Calls `method`, which never answers.
    pub(super) async fn tell(&self, method: &str, arg: &str) -> Result<(), ClientError> {
        let mut frame = BytesMut::new();
        call::encode_request(method, &[arg], &next_id(), &mut frame)?;
        let lost = |_| ClientError::Lost {
            method: method.to_owned(),
        };
        self.outgoing.send(frame.freeze()).await.map_err(lost)
    }

    /// Calls `method` with `args` (each the JSON text of one argument) and waits for the result.
    pub(super) async fn call(&self, method: &str, args: &[&str]) -> Reply {
        let size = args.iter().map(|arg| arg.len()).sum();
        if size > MESSAGE_LIMIT {
            return Err(ClientError::TooLarge {
                size,
                limit: MESSAGE_LIMIT,
            });
        }
        let id = next_id();
        let mut frame = BytesMut::new();
        call::encode_request(method, args, &id, &mut frame)?;
        let (sender, receiver) = oneshot::channel();
        let lost = || ClientError::Lost {
            method: method.to_owned(),
        };
        match lock(&self.pending).as_mut() {
            Some(pending) => pending.insert(
                id,
                Waiting {
                    method: method.to_owned(),
                    reply: sender,
                },
            ),
            None => return Err(lost()),
        };
        self.outgoing
            .send(frame.freeze())
            .await
            .map_err(|_| lost())?;
        receiver.await.unwrap_or_else(|_| Err(lost()))
    }
}

fn next_id() -> String {
    format!(
        "{}:{}",
        process::id(),
        NEXT_ID.fetch_add(1, Ordering::Relaxed)
    )
}

fn lock(pending: &Pending) -> std::sync::MutexGuard<'_, Option<HashMap<String, Waiting>>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn write_requests(mut socket: OwnedWriteHalf, mut queue: mpsc::Receiver<Bytes>) {
    let mut joined = BytesMut::new();
    while let Some(first) = queue.recv().await {
        let mut next = Some(first);
        while let Some(frame) = next {
            if frame.len() >= COALESCED {
                if socket.write_all(&joined).await.is_err()
                    || socket.write_all(&frame).await.is_err()
                {
                    return;
                }
                joined.clear();
            } else {
                joined.extend_from_slice(&frame);
                if joined.len() >= COALESCED {
                    break;
                }
            }
            next = queue.try_recv().ok();
        }
        if socket.write_all(&joined).await.is_err() {
            return;
        }
        joined.clear();
    }
}

async fn read_replies(socket: OwnedReadHalf, pending: Pending) {
    use tokio_stream::StreamExt;
    let mut frames = FramedRead::new(socket, FrameCodec::new());
    while let Some(Ok(frame)) = frames.next().await {
        let Ok(pair) = Pair::try_from(frame) else {
            break;
        };
        let Ok((body, id)) = call::open(&pair) else {
            break;
        };
        let waiting = lock(&pending)
            .as_mut()
            .and_then(|pending| pending.remove(id));
        if let Some(Waiting { method, reply }) = waiting {
            let result = match call::parse_reply(&body) {
                Ok(result) => result.map_err(ClientError::Refused),
                Err(source) => Err(ClientError::Reply { method, source }),
            };
            // The caller may have given up waiting.
            let _ = reply.send(result);
        }
    }
    let unanswered = lock(&pending).take();
    for (_, Waiting { method, reply }) in unanswered.into_iter().flatten() {
        let _ = reply.send(Err(ClientError::Lost { method }));
    }
}
