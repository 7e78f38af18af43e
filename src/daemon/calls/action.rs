//! `msgProcess`: a custom action of an app, which it must have announced.

use serde_json::{Value, json};

use super::{CallResult, find, read, result, shown};
use crate::{
    daemon::context::Daemon,
    process::{Process, Status},
};

pub(super) fn msg_process(daemon: &Daemon, text: &str) -> CallResult {
    let command = read(text);
    let message = command.get("msg").cloned().unwrap_or_default();
    if let Some(id) = command.get("id").filter(|id| !id.is_null()) {
        let process = find(daemon, id).ok_or_else(|| format!("{} id unknown", shown(id)))?;
        if !announces(&process, &message) {
            let name = process.record().name().to_owned();
            return Err(format!(
                "Action doesn't exist {} for {name}",
                shown(&message)
            ));
        }
        if !is_up(&process) {
            return Err(format!("{} : id offline", shown(id)));
        }
        let whole = ["opts", "uuid"]
            .iter()
            .any(|key| command.get(key).is_some_and(|value| !value.is_null()));
        send(&process, whole, text, &message)?;
        return Ok(result(&json!({ "process_count": 1, "success": true })));
    }
    let name = command
        .get("name")
        .filter(|name| !name.is_null())
        .ok_or("method requires name or id field")?;
    let whole = command.get("opts").is_some_and(|opts| !opts.is_null());
    let mut count = 0;
    for process in named(daemon, &shown(name)) {
        if is_up(&process) && announces(&process, &message) {
            send(&process, whole, text, &message)?;
            count += 1;
        }
    }
    Ok(result(&json!({ "process_count": count, "success": true })))
}

fn send(process: &Process, whole: bool, text: &str, message: &Value) -> Result<(), String> {
    let bare = message.to_string();
    let call = if whole { text } else { &bare };
    let name = message.as_str().unwrap_or_default();
    process
        .act(name, call.as_bytes())
        .map_err(|error| error.to_string())
}

/// The processes of a name, a namespace, a script's file name, or `all`.
fn named(daemon: &Daemon, name: &str) -> Vec<Process> {
    let matches = |process: &Process| {
        let record = process.record();
        let script = record
            .text("pm_exec_path")
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        name == "all" || record.name() == name || record.text("namespace") == name || script == name
    };
    daemon
        .registry()
        .all()
        .into_iter()
        .filter(matches)
        .collect()
}

fn is_up(process: &Process) -> bool {
    matches!(process.record().status, Status::Online | Status::Launching)
}

fn announces(process: &Process, action: &Value) -> bool {
    let record = process.record();
    let actions = record.get("axm_actions");
    let actions = actions.as_ref().and_then(Value::as_array);
    actions.is_some_and(|actions| {
        actions
            .iter()
            .any(|known| known.get("action_name") == Some(action))
    })
}
