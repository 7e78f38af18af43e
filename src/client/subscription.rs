//! Listening to the bus.

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use tokio::net::UnixStream;
use tokio_stream::StreamExt;
use tokio_util::codec::FramedRead;

use crate::protocol::{event, frame::FrameCodec, message::Pair};

/// First pause before another try to connect; it grows by half up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The daemon's events. Connects in [`Subscription::ready`] or [`Subscription::next`], and again whenever the
/// connection ends.
pub struct Subscription {
    path: PathBuf,
    frames: Option<FramedRead<UnixStream, FrameCodec>>,
}

impl Subscription {
    pub(super) fn open(path: PathBuf) -> Self {
        Self { path, frames: None }
    }

    /// Returns once connected, at once if it is already.
    pub async fn ready(&mut self) {
        let mut pause = FIRST_PAUSE;
        while self.frames.is_none() {
            if let Ok(socket) = UnixStream::connect(&self.path).await {
                self.frames = Some(FramedRead::new(socket, FrameCodec::new()));
            } else {
                tokio::time::sleep(pause).await;
                pause = (pause * 3 / 2).min(LONGEST_PAUSE);
            }
        }
    }

    /// The next event: its name and the JSON text of its payload. Cancel-safe.
    pub async fn next(&mut self) -> (String, Bytes) {
        loop {
            self.ready().await;
            if let Some(frames) = &mut self.frames
                && let Some(Ok(frame)) = frames.next().await
            {
                if let Ok(pair) = Pair::try_from(frame)
                    && let Ok((topic, payload)) = event::open_event(&pair)
                {
                    return (topic.to_owned(), payload);
                }
            } else {
                self.frames = None;
            }
        }
    }
}
