//! What a process's task needs from around it, and the events it sends.

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::record::Record;
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
    /// Cancelled once apps may be listened to: subscribers of a daemon that died have had time to come back.
    pub listening: CancellationToken,
}

impl Surroundings {
    /// Sends a `process:event` about a process as it is now.
    pub fn announce(&self, event: &str, record: &Record, manually: bool) {
        if !self.bus.has_subscribers() {
            return;
        }
        let payload = json!({
            "event": event,
            "manually": manually,
            "process": record.to_event(),
            "at": now(),
        });
        self.bus
            .publish("process:event", &[payload.to_string().as_bytes()]);
    }

    /// Sends an event of an app: `{at, <key>: <body>, process}`, the body verbatim.
    pub(crate) fn forward(&self, topic: &str, key: &str, body: &[u8], process: &Value) {
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
