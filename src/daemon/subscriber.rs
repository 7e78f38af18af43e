//! pub.sock: events to every subscriber.

use std::{os::fd::AsFd, time::Duration};

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tokio::{
    io::AsyncWriteExt,
    net::{UnixListener, UnixStream, unix::OwnedWriteHalf},
};
use tokio_stream::StreamExt;
use tokio_util::codec::FramedRead;

use super::context::Daemon;
use crate::{
    bus::Subscriber,
    protocol::{event::open_event, frame::FrameCodec, message::Pair},
    sys::peer,
};

/// What a subscriber sends us is small: its patterns.
const UPSTREAM_LIMIT: usize = 64 * 1024;
/// Patterns that one subscriber may have.
const PATTERNS_LIMIT: usize = 256;
/// Events smaller than this are joined for one write.
const JOINED: usize = 64 * 1024;
/// Pause after a failed accept: no descriptor was left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts subscribers for ever.
pub(super) async fn accept(daemon: &Daemon, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                if peer::credentials(socket.as_fd()).is_ok_and(|peer| peer.may_command()) {
                    daemon.subscribers().spawn(serve(daemon.clone(), socket));
                } else {
                    daemon
                        .journal()
                        .error("refused a subscriber: it belongs to another user");
                }
            }
            Err(error) => {
                daemon
                    .journal()
                    .error(format!("cannot accept a subscriber: {error}"));
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(daemon: Daemon, socket: UnixStream) {
    let subscriber = daemon.around().bus.subscribe();
    daemon.note_counts();
    let (read, mut write) = socket.into_split();
    let mut upstream = FramedRead::new(read, FrameCodec::with_limit(UPSTREAM_LIMIT));
    let listen = async {
        while let Some(frame) = upstream.next().await {
            let patterns = frame
                .map_err(|error| error.to_string())
                .and_then(|frame| patterns(frame.try_into()));
            match patterns {
                Ok(Some(patterns)) => subscriber.want(patterns),
                Ok(None) => {}
                Err(reason) => {
                    daemon
                        .journal()
                        .error(format!("closed the connection of a subscriber: {reason}"));
                    return;
                }
            }
        }
    };
    tokio::select! {
        () = listen => {}
        () = deliver(&daemon, &subscriber, &mut write) => {}
    }
    if daemon.is_leaving() {
        // It will come back: the next daemon waits for it.
        return;
    }
    daemon.note_counts();
}

/// The patterns of a `subscribe` message; `None` for any other message, which is nothing to us.
fn patterns(
    pair: Result<Pair, crate::protocol::message::MessageError>,
) -> Result<Option<Vec<String>>, String> {
    let pair = pair.map_err(|error| error.to_string())?;
    let (topic, payload) = open_event(&pair).map_err(|error| error.to_string())?;
    if topic != "subscribe" {
        return Ok(None);
    }
    match serde_json::from_slice(&payload) {
        Ok(Value::Array(list)) if list.len() <= PATTERNS_LIMIT => Ok(Some(
            list.iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        )),
        _ => Err(format!(
            "`subscribe` expects an array of at most {PATTERNS_LIMIT} patterns"
        )),
    }
}

/// Writes events until the socket fails or the daemon ends; what was published until then still goes out, the last
/// event (`pm2:kill`) included.
async fn deliver(daemon: &Daemon, subscriber: &Subscriber, socket: &mut OwnedWriteHalf) {
    let mut batch = Vec::new();
    let mut ending = std::pin::pin!(daemon.ending());
    loop {
        let more = tokio::select! {
            biased;
            () = subscriber.next(&mut batch) => true,
            () = &mut ending => false,
        };
        if !more || write(&mut batch, socket).await.is_err() {
            return;
        }
    }
}

async fn write(batch: &mut Vec<Bytes>, socket: &mut OwnedWriteHalf) -> std::io::Result<()> {
    if let [frame] = &batch[..] {
        socket.write_all(frame).await?;
        batch.clear();
        return Ok(());
    }
    let mut joined = BytesMut::with_capacity(JOINED);
    for frame in batch.drain(..) {
        if joined.len() + frame.len() > JOINED {
            socket.write_all(&joined).await?;
            joined.clear();
        }
        if frame.len() >= JOINED {
            socket.write_all(&frame).await?;
        } else {
            joined.extend_from_slice(&frame);
        }
    }
    socket.write_all(&joined).await
}
