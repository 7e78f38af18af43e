//! `stopProcessId`: ends a process and keeps it in the list.

use serde_json::Value;

use super::{CallResult, find, shown};
use crate::daemon::context::Daemon;

pub(super) async fn answer(daemon: &Daemon, id: &Value) -> CallResult {
    let id = id.get("id").unwrap_or(id);
    let process = find(daemon, id).ok_or_else(|| format!("{} : id unknown", shown(id)))?;
    process.stop().await.map_err(|error| error.to_string())?;
    let proc = process.record().to_proc();
    Ok(Some(proc))
}
