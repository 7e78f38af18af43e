//! `resetMetaProcessId`, `monitor`, `unmonitor`: what is kept beside a process.

use serde_json::{Value, json};

use super::{CallResult, all_procs, find, result, shown};
use crate::daemon::context::Daemon;

pub(super) fn reset(daemon: &Daemon, id: &Value) -> CallResult {
    let process = find(daemon, id).ok_or_else(|| format!("{} id unknown", shown(id)))?;
    {
        let mut record = process.record();
        record.set("created_at", jiff::Timestamp::now().as_millisecond());
        record.set("unstable_restarts", 0);
        record.set("restart_time", 0);
    }
    process.changed();
    Ok(Some(all_procs(daemon)))
}

pub(super) fn monitor(daemon: &Daemon, id: &Value, on: bool) -> CallResult {
    let process = find(daemon, id).ok_or("Unknown pm_id")?;
    process.record().set("_km_monitored", on);
    process.changed();
    Ok(result(&json!({ "success": true, "pm_id": id })))
}
