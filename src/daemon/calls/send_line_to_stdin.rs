//! `sendLineToStdin`: text for an app's standard input.

use serde_json::{Value, json};

use super::{CallResult, find, result, shown};
use crate::{daemon::context::Daemon, process::Status};

pub(super) fn answer(daemon: &Daemon, packet: &Value) -> CallResult {
    let (Some(id), Some(line)) = (
        packet.get("pm_id"),
        packet.get("line").and_then(Value::as_str),
    ) else {
        return Err("pm_id or line field missing".to_owned());
    };
    let process =
        find(daemon, id).ok_or_else(|| format!("Process with ID <{}> unknown.", shown(id)))?;
    let (cluster, status) = {
        let record = process.record();
        (record.is_cluster(), record.status)
    };
    if cluster {
        return Err("Cannot send line to processes in cluster mode".to_owned());
    }
    if !matches!(status, Status::Online | Status::Launching) {
        return Err(format!("Process with ID <{}> offline.", shown(id)));
    }
    process
        .write_line(line)
        .map_err(|error| error.to_string())?;
    Ok(result(&json!({ "pm_id": id, "line": line })))
}
