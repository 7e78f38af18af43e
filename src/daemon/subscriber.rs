//! pub.sock: events to every subscriber.

use std::{io::IoSlice, os::fd::AsFd, time::Duration};

use bytes::Bytes;
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
/// Events that one write takes, at most: the system takes twice as many pieces.
const AT_ONCE: usize = 512;
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

/// Writes all of a batch from where its events are.
async fn write(batch: &mut Vec<Bytes>, socket: &mut OwnedWriteHalf) -> std::io::Result<()> {
    for frames in batch.chunks(AT_ONCE) {
        let mut pieces: Vec<IoSlice<'_>> = frames.iter().map(|frame| IoSlice::new(frame)).collect();
        let mut left = &mut pieces[..];
        while !left.is_empty() {
            let written = socket.write_vectored(left).await?;
            if written == 0 {
                return Err(std::io::ErrorKind::WriteZero.into());
            }
            IoSlice::advance_slices(&mut left, written);
        }
    }
    batch.clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn batches_of_all_sizes_come_whole_and_in_order() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (_read, mut write_half) = ours.into_split();
        for (count, length) in [
            (1, 1),
            (1, 3_000_000),
            (AT_ONCE * 2 + 1, 150),
            (100, 70_000),
        ] {
            let frame = |number: usize| {
                let byte = u8::try_from(number % 251).unwrap();
                Bytes::from(vec![byte; length])
            };
            let mut batch: Vec<Bytes> = (0..count).map(frame).collect();
            let reading = async {
                let mut all = vec![0; count * length];
                theirs.read_exact(&mut all).await.unwrap();
                all
            };
            let (written, all) = tokio::join!(write(&mut batch, &mut write_half), reading);
            written.unwrap();
            assert!(batch.is_empty());
            for (number, piece) in all.chunks(length).enumerate() {
                assert!(piece == &frame(number)[..], "{number} of {count}");
            }
        }
    }
}
