//! What the apps write from now on, from the daemon's bus.

use std::{borrow::Cow, time::Instant};

use serde::Deserialize;
use serde_json::Value;

use super::{
    lines::{Lines, Writer},
    sources::Sources,
};
use crate::{
    cli::{listed::text_of, output::Output},
    client::Subscription,
};

/// Nobody reads the lines any more.
#[derive(Debug)]
pub(crate) struct Ended;

/// A log event.
#[derive(Deserialize)]
struct Packet<'p> {
    #[serde(borrow)]
    process: Process<'p>,
    #[serde(default)]
    at: f64,
    #[serde(borrow, default)]
    data: Cow<'p, str>,
}

#[derive(Deserialize)]
struct Process<'p> {
    pm_id: Value,
    #[serde(borrow, default)]
    name: Cow<'p, str>,
    #[serde(default)]
    namespace: Option<String>,
}

/// Prints lines until nobody reads them any more. A daemon that goes and comes back is waited for.
pub(crate) async fn follow(
    mut subscription: Subscription,
    sources: &Sources,
    mut lines: Lines,
    out: &Output,
) -> Ended {
    loop {
        let mut text = String::new();
        let mut is_error = false;
        let event = match lines.deadline() {
            None => Some(subscription.next().await),
            Some(deadline) => tokio::time::timeout_at(deadline.into(), subscription.next())
                .await
                .ok(),
        };
        match event {
            Some((topic, payload)) if topic.starts_with("log:") => {
                is_error = topic == "log:err";
                add(&mut lines, sources, is_error, &payload, &mut text);
            }
            Some((topic, payload)) if topic == "rpm2:missed" => warn_of_missed(&payload, out),
            Some(_) => {}
            None => lines.flush(Instant::now(), &mut text),
        }
        if text.is_empty() {
            continue;
        }
        let written = if is_error && lines.is_raw() {
            out.write_error(text.as_bytes())
        } else {
            out.write(text.as_bytes())
        };
        if written.is_err() {
            return Ended;
        }
    }
}

fn add(lines: &mut Lines, sources: &Sources, is_error: bool, payload: &[u8], text: &mut String) {
    // Apps can send events of these names too, in any shape.
    let Ok(Packet { process, at, data }) = serde_json::from_slice::<Packet>(payload) else {
        return;
    };
    let id = text_of(Some(&process.pm_id));
    let namespace = process.namespace.as_deref().unwrap_or_default();
    if !sources.wants(is_error) || !sources.is_meant(&process.name, &id, namespace) {
        return;
    }
    let writer = Writer {
        id,
        name: process.name.into_owned(),
        is_error,
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "milliseconds since 1970; casts saturate"
    )]
    lines.push(&writer, at as i64, &data, text);
}

fn warn_of_missed(payload: &[u8], out: &Output) {
    let missed: Value = serde_json::from_slice(payload).unwrap_or_default();
    let count = text_of(missed.get("count"));
    out.warn(&format!(
        "{count} events were missed because this terminal was too slow; the log files have them all"
    ));
}
