//! `reloadLogs`: opens every log file again.

use serde_json::json;

use super::{CallResult, result};
use crate::daemon::context::Daemon;

pub(super) async fn reload(daemon: &Daemon) -> CallResult {
    daemon.journal().info("Reloading logs...");
    daemon.reopen_logs().await;
    Ok(result(&json!({})))
}
