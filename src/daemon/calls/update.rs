//! `rpm2Update`: keeper and daemon go on as another executable; no app is restarted.

use std::path::Path;

use serde_json::{Value, json};

use super::{CallResult, result};
use crate::{daemon::context::Daemon, protocol::rpm2_version};

/// Has the keeper go on as the executable at `path`, and on success leaves everything to the next daemon. A failure
/// changes nothing.
pub(super) async fn run(daemon: &Daemon, opts: &Value) -> CallResult {
    let path = opts
        .get("path")
        .and_then(Value::as_str)
        .filter(|path| Path::new(path).is_absolute())
        .ok_or("`path` must be the absolute path of an rpm2 executable")?;
    daemon.journal().info(format!("updating to {path}"));
    let updated = daemon.around().keeper.update(Path::new(path)).await;
    updated.map_err(|error| {
        let version = rpm2_version();
        let text = format!(
            "cannot update to {path}: {error}; version {version} goes on, no app was touched"
        );
        daemon.journal().error(&text);
        text
    })?;
    daemon.leave();
    Ok(result(&json!({ "success": true })))
}
