//! `describe`: the processes of a name or number, in full.

use serde_json::Value;

use super::{Session, VerbResult, raw};
use crate::client::ClientError;

/// As `list` shows them; empty if none is meant.
pub(super) async fn describe(session: &Session, target: &Value) -> VerbResult {
    let wanted = match target {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        other => {
            return Err(ClientError::Usage(format!(
                "describe expects a process name or id, got {other}"
            )));
        }
    };
    let processes: Vec<Value> = session.call_as("getMonitorData", &["{}"]).await?;
    let is_wanted = |process: &Value| {
        process.get("name").and_then(Value::as_str) == Some(&wanted)
            || process
                .get("pm_id")
                .and_then(Value::as_u64)
                .is_some_and(|id| wanted.parse() == Ok(id))
    };
    let found: Vec<Value> = processes.into_iter().filter(is_wanted).collect();
    Ok(Some(raw(&found)))
}
