//! What a process's task needs from around it, and the events it sends.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{agent::AgentFile, logs::Transit, record::Record};
use crate::{
    bus::{Bus, Journal},
    cluster::Primary,
    keeper::Keeper,
};

/// Handles that every process shares.
#[derive(Clone)]
pub struct Surroundings {
    /// Where events go.
    pub bus: Bus,
    /// The daemon's log.
    pub journal: Journal,
    /// Who starts and reaps, and keeps what must survive us.
    pub keeper: Keeper,
    /// Node's cluster primary.
    pub primary: Primary,
    /// Between the apps' output and their log files.
    pub transit: Transit,
    /// Where the agent for Node apps is.
    pub agent: Arc<AgentFile>,
    /// Cancelled once apps may be listened to: subscribers of a daemon that died have had time to come back.
    pub listening: CancellationToken,
    /// Cancelled once they must not be listened to any more: the next daemon goes on where this one was.
    pub leaving: CancellationToken,
    /// Cancelled by `notifyKillPM2`: from then on no app that ends is started again.
    pub closing: CancellationToken,
}

impl Surroundings {
    /// Runs what listens to an app, while it may. Once this daemon leaves it is left where it waits, neither run nor
    /// dropped: whatever it has not acted on is still there for the next daemon.
    pub(super) async fn listen(&self, mut listener: Pin<Box<impl Future<Output = ()>>>) {
        self.listening.cancelled().await;
        poll_fn(|context| {
            if self.leaving.is_cancelled() {
                Poll::Pending
            } else {
                listener.as_mut().poll(context)
            }
        })
        .await;
    }

    /// Sends a `process:event` about a process as it is now.
    pub fn announce(&self, event: &str, record: &Record, manually: bool) {
        if !self.bus.has_subscribers() {
            return;
        }
        let event = Value::from(event);
        let head = format!("{{\"event\":{event},\"manually\":{manually},\"process\":");
        let tail = format!(",\"at\":{}}}", now());
        let process = record.to_event();
        let parts = [head.as_bytes(), process.as_bytes(), tail.as_bytes()];
        self.bus.publish("process:event", &parts);
    }

    /// Sends an event of an app: `{at, <key>: <body>, process}`, the body verbatim.
    pub(crate) fn forward(&self, topic: &str, key: &str, body: &[u8], process: &str) {
        let head = format!("{{\"at\":{},\"{key}\":", now());
        let tail = format!(",\"process\":{process}}}");
        self.bus
            .publish(topic, &[head.as_bytes(), body, tail.as_bytes()]);
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
