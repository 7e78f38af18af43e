//! `notifyByProcessId`: the client's word that an action is complete, for the bus.

use serde_json::Value;

use super::{CallResult, find};
use crate::daemon::context::Daemon;

pub(super) fn by_process_id(daemon: &Daemon, opts: &Value) -> CallResult {
    let id = opts
        .get("id")
        .filter(|id| !id.is_null())
        .ok_or("process id missing")?;
    let process = find(daemon, id).ok_or("process id doesnt exists")?;
    let event = opts
        .get("action_name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    daemon
        .around()
        .announce(event, &process.record(), opts.get("manually").is_some());
    Ok(None)
}
