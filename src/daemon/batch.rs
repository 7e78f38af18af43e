//! What the calls that one read brought have in common: each app they speak to, and the client itself, is written to once.

use bytes::BytesMut;

use super::replies::Replies;
use crate::{
    channel::ChannelSender,
    process::{Process, ProcessError},
};

/// Bytes of replies from which on they are written, whatever else was read.
const LIMIT: usize = 64 * 1024;

/// Messages to apps and replies that are written together, before anything else is waited for.
#[derive(Default)]
pub(super) struct Batch {
    /// Whether another call was read with this one, at least in part.
    pub(super) goes_on: bool,
    channels: Vec<ChannelSender>,
    replies: BytesMut,
}

impl Batch {
    /// Gives an app a message: at once, if nothing else is to come.
    pub(super) fn send(&mut self, process: &Process, body: &[u8]) -> Result<(), ProcessError> {
        if !self.goes_on && self.channels.is_empty() {
            return process.send(body);
        }
        let channel = process.channel()?;
        channel.send_later(&[body])?;
        if self.channels.iter().all(|known| !known.is(&channel)) {
            self.channels.push(channel);
        }
        Ok(())
    }

    /// Where a reply is added.
    pub(super) fn replies(&mut self) -> &mut BytesMut {
        &mut self.replies
    }

    /// Whether it is time to write.
    pub(super) fn is_full(&self) -> bool {
        self.replies.len() >= LIMIT
    }

    /// Writes: first what the replies speak of.
    pub(super) async fn write(&mut self, client: &Replies) {
        for channel in self.channels.drain(..) {
            channel.flush();
        }
        let replies = std::mem::take(&mut self.replies);
        if !replies.is_empty() {
            client.send(replies.freeze()).await;
        }
    }
}
