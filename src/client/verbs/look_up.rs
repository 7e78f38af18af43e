//! `getPID`, `getProcessIdByName`, `env`: one thing about the processes of a name or number.

use serde_json::Value;

use super::{Session, VerbResult, raw, select::Listed};
use crate::client::ClientError;

/// The system's process ids of a name or number; of all without.
pub(super) async fn pids(session: &Session, target: &Value) -> VerbResult {
    let processes: Vec<Value> = session.call_as("getMonitorData", &["{}"]).await?;
    let pids: Vec<&Value> = processes
        .iter()
        .filter(|process| is_meant(process, target))
        .filter_map(|process| process.get("pid"))
        .collect();
    Ok(Some(raw(&pids)))
}

/// The numbers of the processes of a name.
pub(super) async fn ids(session: &Session, name: &Value) -> VerbResult {
    let processes: Vec<Listed> = session.call_as("getMonitorData", &["{}"]).await?;
    let ids: Vec<u32> = processes
        .iter()
        .filter(|process| name.as_str() == Some(&process.name))
        .map(|process| process.pm_id)
        .collect();
    Ok(Some(raw(&ids)))
}

/// The environment of the process of a number.
pub(super) async fn env(session: &Session, id: &Value) -> VerbResult {
    let wanted = text_of(id);
    let processes: Vec<Listed> = session.call_as("getMonitorData", &["{}"]).await?;
    let process = processes
        .iter()
        .find(|process| wanted.parse() == Ok(process.pm_id));
    let process = process
        .ok_or_else(|| ClientError::Refused(format!("Modules with id {wanted} not found")))?;
    Ok(process.pm2_env.get("env").map(raw))
}

fn is_meant(process: &Value, target: &Value) -> bool {
    let member = |key: &str| process.get(key).map(text_of).unwrap_or_default();
    target.is_null() || member("name") == text_of(target) || member("pm_id") == text_of(target)
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
