//! `reloadProcessId`, `softReloadProcessId`: puts another run in a process's place, so that none of its clients notices.

use serde_json::Value;

use super::{CallResult, find, restart_process_id, shown};
use crate::{
    daemon::context::Daemon,
    process::{Change, ProcessError, Reload},
};

/// `gently`: the old run is asked with a message before it is signalled.
pub(super) async fn answer(daemon: &Daemon, opts: &Value, gently: bool) -> CallResult {
    let id = opts.get("id").cloned().unwrap_or_default();
    let process = find(daemon, &id).ok_or_else(|| unknown(&id, gently))?;
    if gently && is_set(&process.record().env(), "wait_ready") {
        return restart_process_id::answer(daemon, opts).await;
    }
    let change = Change {
        set: restart_process_id::changes(&process.record(), opts.get("env")),
    };
    match process.reload(Reload { change, gently }).await {
        Ok(old) => {
            daemon.mind(&process);
            daemon.watch_as_declared(&process);
            Ok(Some(old))
        }
        Err(ProcessError::NotReloadable(_)) => restart_process_id::answer(daemon, opts).await,
        Err(error) => Err(error.to_string()),
    }
}

fn unknown(id: &Value, gently: bool) -> String {
    if gently {
        let id = shown(id);
        format!("pm_id {id} not available in {id}")
    } else {
        "PM2 ID unknown".to_owned()
    }
}

fn is_set(env: &crate::process::Pm2Env, key: &str) -> bool {
    env.get(key)
        .is_some_and(|value| *value == Value::Bool(true) || value.as_str() == Some("true"))
}
