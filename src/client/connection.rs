//! One connection to rpc.sock: requests out, replies matched by id.

use std::{
    collections::{HashMap, HashSet},
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
use crate::protocol::{FAREWELL, MESSAGE_LIMIT, call, frame::FrameCodec, message::Pair};

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

/// The calls not yet answered.
#[derive(Default)]
struct Calls {
    waiting: HashMap<String, Waiting>,
    /// Whether the connection takes no more: it has ended, or the daemon leaves.
    is_over: bool,
}

type Pending = Arc<Mutex<Calls>>;

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
        let pending = Pending::default();
        tokio::spawn(write_requests(write, queue));
        tokio::spawn(read_replies(read, Arc::clone(&pending)));
        Ok(Self { outgoing, pending })
    }

    /// Whether the peer still takes calls, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        !lock(&self.pending).is_over
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
        {
            let mut pending = lock(&self.pending);
            let method = method.to_owned();
            if pending.is_over {
                return Err(ClientError::Unread { method });
            }
            let reply = sender;
            pending.waiting.insert(id, Waiting { method, reply });
        }
        // What cannot be sent any more is answered as all that waits is.
        let _ = self.outgoing.send(frame.freeze()).await;
        receiver.await.unwrap_or_else(|_| Err(lost()))
    }
}

fn next_id() -> String {
    id_of(next_number())
}

/// A number that no other request of this process has.
pub(super) fn next_number() -> u64 {
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// The id of the request with this number.
pub(super) fn id_of(number: u64) -> String {
    format!("{}:{number}", process::id())
}

fn lock(pending: &Pending) -> std::sync::MutexGuard<'_, Calls> {
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
        if id == FAREWELL {
            part(&pending, call::parse_reply(&body).ok());
            continue;
        }
        let waiting = lock(&pending).waiting.remove(id);
        if let Some(Waiting { method, reply }) = waiting {
            let result = match call::parse_reply(&body) {
                Ok(result) => result.map_err(ClientError::Refused),
                Err(source) => Err(ClientError::Reply { method, source }),
            };
            // The caller may have given up waiting.
            let _ = reply.send(result);
        }
    }
    let unanswered = {
        let mut pending = lock(&pending);
        pending.is_over = true;
        std::mem::take(&mut pending.waiting)
    };
    for Waiting { method, reply } in unanswered.into_values() {
        let _ = reply.send(Err(ClientError::Lost { method }));
    }
}

/// The daemon leaves: of what is not answered, it has read only what it names.
fn part(pending: &Pending, farewell: Option<Result<Option<Box<RawValue>>, String>>) {
    let Some(Ok(Some(named))) = farewell else {
        return;
    };
    let Ok(read) = serde_json::from_str::<HashSet<String>>(named.get()) else {
        return;
    };
    let unread: Vec<Waiting> = {
        let mut pending = lock(pending);
        pending.is_over = true;
        let unread = pending.waiting.extract_if(|id, _| !read.contains(id));
        unread.map(|(_, waiting)| waiting).collect()
    };
    for Waiting { method, reply } in unread {
        let _ = reply.send(Err(ClientError::Unread { method }));
    }
}
