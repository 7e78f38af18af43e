//! `duplicateProcessId`: another process of the same app.

use serde_json::Value;

use super::{CallResult, find, prepare, shown};
use crate::daemon::context::Daemon;

pub(super) async fn answer(daemon: &Daemon, id: &Value) -> CallResult {
    let process = find(daemon, id).ok_or_else(|| format!("{} id unknown", shown(id)))?;
    let env = process.record().env();
    let copy = prepare::add(daemon, env, prepare::Numbered::Yes).await?;
    copy.start().await.map_err(|error| error.to_string())?;
    daemon.watch_as_declared(&copy);
    daemon.around().announce("start", &copy.record(), true);
    let child = copy.record().to_child();
    Ok(Some(child))
}
