//! `deleteProcessId`: ends a process and forgets it.

use serde_json::Value;

use super::{CallResult, find, shown};
use crate::daemon::context::Daemon;

pub(super) async fn answer(daemon: &Daemon, id: &Value) -> CallResult {
    let process = find(daemon, id).ok_or_else(|| format!("{} : id unknown", shown(id)))?;
    process.delete().await.map_err(|error| error.to_string())?;
    daemon.forget(&process);
    let proc = process.record().to_proc();
    Ok(Some(proc))
}
