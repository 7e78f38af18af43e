//! rpc.sock: calls and replies.

use std::{
    collections::HashSet,
    os::fd::AsFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use tokio::net::{UnixListener, UnixStream};
use tokio_stream::StreamExt;
use tokio_util::codec::FramedRead;

use super::{
    batch::Batch,
    calls,
    context::Daemon,
    replies::{self, Replies},
};
use crate::{
    protocol::{
        FAREWELL,
        call::{self, Asked, Request},
        frame::{Frame, FrameCodec, FrameError},
        json::Json,
        message::Pair,
    },
    sys::peer,
};

/// Calls of one connection at work at the same time.
const CALLS: usize = 1024;
/// Pause after a failed accept: no descriptor was left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts clients for ever.
pub(super) async fn accept(daemon: &Daemon, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                daemon.traffic().tell();
                daemon.connections().spawn(serve(daemon.clone(), socket));
            }
            Err(error) => {
                daemon
                    .journal()
                    .error(format!("cannot accept a client: {error}"));
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(daemon: Daemon, socket: UnixStream) {
    let peer = peer::credentials(socket.as_fd()).ok();
    let pid = peer.and_then(|peer| peer.pid);
    let allowed = peer.is_some_and(|peer| peer.may_command());
    let (read, write) = socket.into_split();
    let (replies, writer) = replies::open(write);
    let slots = Arc::new(tokio::sync::Semaphore::new(CALLS));
    let under_way = UnderWay::default();
    let mut frames = FramedRead::new(read, FrameCodec::new());
    let mut leaving = std::pin::pin!(daemon.leaving());
    let mut batch = Batch::default();
    loop {
        let frame = match frames.next().now_or_never() {
            Some(frame) if !batch.is_full() => frame,
            at_once => {
                batch.write(&replies).await;
                // What a client has sent is still answered when this daemon leaves.
                tokio::select! {
                    biased;
                    frame = async { match at_once { Some(frame) => frame, None => frames.next().await } } => frame,
                    () = &mut leaving => {
                        replies.send(farewell(&under_way)).await;
                        break;
                    }
                }
            }
        };
        let Some(frame) = frame else {
            break;
        };
        let client = Client {
            daemon: daemon.clone(),
            pid,
            allowed,
            replies: replies.clone(),
            under_way: Arc::clone(&under_way),
        };
        batch.goes_on = !frames.read_buffer().is_empty();
        let result = match frame {
            Ok(frame) => client.take(frame, &slots, &mut batch).await,
            Err(error) => Err(error.to_string()),
        };
        if let Err(reason) = result {
            daemon.journal().error(format!(
                "closed the connection of a client{}: {reason}",
                of(pid)
            ));
            break;
        }
    }
    batch.write(&replies).await;
    drop(replies);
    // Replies under way still go out if the client has only finished writing.
    let _ = writer.await;
    daemon.traffic().tell();
}

fn of(pid: Option<i32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
}

/// Ids of the calls of one connection that are read and not answered.
type UnderWay = Arc<Mutex<HashSet<String>>>;

fn lock(under_way: &UnderWay) -> MutexGuard<'_, HashSet<String>> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What tells a client that nothing more is read, and what still will be answered.
fn farewell(under_way: &UnderWay) -> Bytes {
    let mut frame = BytesMut::new();
    let ids = Json::of(&*lock(under_way));
    // Ids that were read fit into a frame together: there are few.
    let _ = call::encode_result(ids.as_ref(), FAREWELL, &mut frame);
    frame.freeze()
}

/// One client, for one call.
struct Client {
    daemon: Daemon,
    pid: Option<i32>,
    allowed: bool,
    replies: Replies,
    under_way: UnderWay,
}

impl Client {
    /// Takes in a call; calls that need no waiting are answered before the next one is read, the others beside it. An
    /// error closes the connection.
    async fn take(
        self,
        frame: Frame,
        slots: &Arc<tokio::sync::Semaphore>,
        batch: &mut Batch,
    ) -> Result<(), String> {
        self.daemon.traffic().tell();
        let pair = Pair::try_from(frame).map_err(|error| error.to_string())?;
        let (body, id) = call::open(&pair)
            .map(|(body, id)| (body, id.to_owned()))
            .map_err(|error| error.to_string())?;
        // Checked here, so that what goes on to the apps is valid JSON.
        let asked = Request::parse(&body).map_err(|error| error.to_string())?;
        if !self.allowed {
            let text = "permission denied: only the daemon's own user and root may call it";
            self.add(Err(text.to_owned()), &id, batch.replies());
            return Err("it belongs to another user".to_owned());
        }
        let call = match asked {
            Asked::Methods => {
                self.look_at(call::encode_raw(calls::methods(), &id, batch.replies()));
                return Ok(());
            }
            Asked::Call { method, args } => usable(method, args),
        };
        let (method, args) = match call {
            Ok(call) => call,
            Err(text) => {
                self.add(Err(text), &id, batch.replies());
                return Ok(());
            }
        };
        let caller = calls::Caller { pid: self.pid };
        if let Some(result) = calls::answer_now(&self.daemon, &method, &args, &body, batch) {
            self.add(result, &id, batch.replies());
            return Ok(());
        }
        batch.write(&self.replies).await;
        let args = args.into_iter().map(ToOwned::to_owned).collect();
        let slot = Arc::clone(slots)
            .acquire_owned()
            .await
            .map_err(|error| error.to_string())?;
        lock(&self.under_way).insert(id.clone());
        tokio::spawn(async move {
            let _slot = slot;
            if let Some(result) = calls::answer(&self.daemon, &method, args, caller).await {
                self.answer(result, &id).await;
            }
            lock(&self.under_way).remove(&id);
        });
        Ok(())
    }

    async fn answer(&self, result: calls::CallResult, id: &str) {
        let mut frame = BytesMut::new();
        self.add(result, id, &mut frame);
        self.replies.send(frame.freeze()).await;
    }

    /// Adds the reply to those that `target` has.
    fn add(&self, result: calls::CallResult, id: &str, target: &mut BytesMut) {
        let added = match result {
            Ok(result) => call::encode_result(result.as_ref(), id, target),
            Err(error) => call::encode_error(&error, id, target),
        };
        self.look_at(added);
    }

    fn look_at(&self, encoded: Result<(), FrameError>) {
        if let Err(error) = encoded {
            let text = format!("cannot reply to a client: {error}");
            self.daemon.journal().error(text);
        }
    }
}

/// A call that can be answered; else what is wrong with it, in pm2's words and order.
fn usable<A>(method: Option<String>, args: Option<A>) -> Result<(String, A), String> {
    let method = method.ok_or(".method required")?;
    if !calls::exists(&method) {
        return Err(format!("method \"{method}\" does not exist"));
    }
    let args = args.ok_or(".args required")?;
    Ok((method, args))
}
