//! `sendSignalToProcessName`, `sendSignalToProcessId`: a signal to apps.

use serde_json::{Value, json};

use super::{Session, VerbResult};

/// A signal to every process of a name: the list of processes.
pub(super) async fn to_process_name(session: &Session, signal: &Value, name: &Value) -> VerbResult {
    let opts = json!({ "signal": signal, "process_name": name });
    session
        .call("sendSignalToProcessName", &[&opts.to_string()])
        .await
}

/// A signal to the process of a number: the list of processes.
pub(super) async fn to_process_id(session: &Session, signal: &Value, id: &Value) -> VerbResult {
    let opts = json!({ "signal": signal, "process_id": id });
    session
        .call("sendSignalToProcessId", &[&opts.to_string()])
        .await
}
