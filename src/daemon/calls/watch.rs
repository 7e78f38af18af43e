//! `startWatch`, `stopWatch`, `toggleWatch`: restarting on changes of files.

use serde_json::{Value, json};

use super::{CallResult, find, id_of, result};
use crate::{daemon::context::Daemon, process::Process, protocol::json::Json};

pub(super) fn start(daemon: &Daemon, value: &Value) -> CallResult {
    let process = target(daemon, value)?;
    if daemon.watches().is_watched(&process) {
        return Ok(result(&json!({ "success": true, "notrestarted": true })));
    }
    Ok(set(daemon, &process, true))
}

pub(super) fn toggle(daemon: &Daemon, value: &Value) -> CallResult {
    let process = target(daemon, value)?;
    let on = daemon.watches().is_watched(&process);
    Ok(set(daemon, &process, !on))
}

/// Clients call it before they stop or delete, with the id, an object with it, or `deleteAll`.
pub(super) fn stop(daemon: &Daemon, method: &Value, value: &Value) -> Option<Json> {
    let id = id_of(value).or_else(|| value.get("id").and_then(id_of));
    let processes = match (method.as_str(), id) {
        (Some("deleteAll"), _) => daemon.registry().all(),
        (_, Some(id)) => daemon.registry().get(id).into_iter().collect(),
        _ => Vec::new(),
    };
    for process in processes {
        set(daemon, &process, false);
    }
    result(&json!({ "success": true }))
}

fn target(daemon: &Daemon, value: &Value) -> Result<Process, String> {
    let id = value.get("id").unwrap_or(value);
    find(daemon, id).ok_or_else(|| "process id doesnt exists".to_owned())
}

fn set(daemon: &Daemon, process: &Process, on: bool) -> Option<Json> {
    if on {
        process.record().set("watch", true);
        daemon.watch_as_declared(process);
    } else {
        process.record().set("watch", false);
        daemon.stop_watching(process);
    }
    process.changed();
    result(&json!({ "success": true }))
}
