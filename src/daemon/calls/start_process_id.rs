//! `startProcessId`: starts a process that does not run.

use serde_json::Value;

use super::{CallResult, find, shown};
use crate::{daemon::context::Daemon, process::Status};

pub(super) async fn answer(daemon: &Daemon, id: &Value) -> CallResult {
    let process = find(daemon, id).ok_or_else(|| format!("{} id unknown", shown(id)))?;
    match process.record().status {
        Status::Online => return Err("process already online".to_owned()),
        Status::Launching => return Err("process already started".to_owned()),
        _ => {}
    }
    process.start().await.map_err(|error| error.to_string())?;
    let child = process.record().to_child();
    Ok(Some(child))
}
