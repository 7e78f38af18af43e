//! `trigger`, `msgProcess`, `inspect`: the actions that apps have announced.

use std::{collections::HashSet, time::Duration};

use serde_json::{Map, Value, json};

use super::{
    Session, VerbResult, raw,
    select::{Listed, all},
};
use crate::client::{ClientError, Progress, Subscription};

/// How long apps may take to reply; a heap snapshot of a large one takes a while.
const PATIENCE: Duration = Duration::from_secs(120);

/// The agent's action that opens the inspector.
const INSPECT: &str = "internal:inspect";

/// The daemon's `{process_count, success}`. Nobody waits for what the apps reply.
pub(super) async fn msg_process(session: &Session, command: &Value) -> VerbResult {
    if !command.is_object() {
        let text =
            format!("msgProcess expects an object with `id` or `name`, and `msg`, got {command}");
        return Err(ClientError::Usage(text));
    }
    session.call("msgProcess", &[&command.to_string()]).await
}

/// The replies of the processes of a name (a namespace, a script, `all`) or number.
pub(super) async fn trigger(
    session: &Session,
    target: &Value,
    action: &Value,
    options: &Value,
) -> VerbResult {
    let command = command(target, action, options).map_err(ClientError::Usage)?;
    session.connect().await?;
    let mut bus = session.subscribe();
    bus.ready().await;
    // A round trip: the daemon has the subscriber before it has the action.
    session.call("ping", &["{}"]).await?;
    let asked = asked(&all(session).await?, &command);
    let sent: Value = session
        .call_as("msgProcess", &[&Value::Object(command.clone()).to_string()])
        .await?;
    let count = sent.get("process_count").and_then(Value::as_u64);
    let count = usize::try_from(count.unwrap_or(0)).unwrap_or(0);
    if count == 0 {
        return Err(ClientError::Refused("Unknown process".to_owned()));
    }
    session.progress(&Progress::Line(format!(
        "{count} processes have received command {}",
        action.as_str().unwrap_or_default()
    )));
    let mut replies = Vec::new();
    let every = gather(session, &mut bus, action, (&asked, count), &mut replies);
    if tokio::time::timeout(PATIENCE, every).await.is_err() {
        let text = format!(
            "{} of {count} processes have not replied within {} s",
            count - replies.len(),
            PATIENCE.as_secs()
        );
        return Err(ClientError::Refused(text));
    }
    Ok(Some(raw(&replies)))
}

/// The replies of the inspectors that were opened.
pub(super) async fn inspect(session: &Session, name: &Value) -> VerbResult {
    trigger(session, name, &INSPECT.into(), &Value::Null).await
}

fn command(target: &Value, action: &Value, options: &Value) -> Result<Map<String, Value>, String> {
    let Value::String(action) = action else {
        return Err(format!(
            "trigger expects (process, action), got {action} as the action"
        ));
    };
    let mut command = Map::new();
    command.insert("msg".into(), action.as_str().into());
    if !options.is_null() {
        command.insert("opts".into(), options.clone());
    }
    match target {
        Value::Number(id) => command.insert("id".into(), json!(id)),
        Value::String(id) if id.parse::<u32>().is_ok() => {
            command.insert("id".into(), id.as_str().into())
        }
        Value::String(name) => command.insert("name".into(), name.as_str().into()),
        other => return Err(format!("trigger expects a process name or id, got {other}")),
    };
    Ok(command)
}

/// The processes that a command goes to, as far as can be seen from here.
fn asked(processes: &[Listed], command: &Map<String, Value>) -> HashSet<String> {
    let announces = |process: &&Listed| {
        let actions = process.pm2_env.get("axm_actions").and_then(Value::as_array);
        let mut names = actions
            .into_iter()
            .flatten()
            .map(|known| &known["action_name"]);
        names.any(|name| *name == command["msg"])
    };
    let is_named = |process: &&Listed| match (command.get("id"), command.get("name")) {
        (Some(id), _) => shown(id) == process.pm_id.to_string(),
        (_, Some(name)) => {
            let name = shown(name);
            let script = process.text("pm_exec_path").rsplit('/').next();
            name == "all"
                || process.name == name
                || process.text("namespace") == name
                || script == Some(&name)
        }
        _ => false,
    };
    let found = processes.iter().filter(is_named).filter(announces);
    found.map(|process| process.pm_id.to_string()).collect()
}

/// Waits for the reply of each of the `asked` processes, `count` in all; one that ends gives none.
async fn gather(
    session: &Session,
    bus: &mut Subscription,
    action: &Value,
    (asked, count): (&HashSet<String>, usize),
    replies: &mut Vec<Value>,
) {
    let mut over = HashSet::new();
    while over.len() < count {
        let (topic, payload) = bus.next().await;
        if topic != "axm:reply" && topic != "process:event" {
            continue;
        }
        let event: Value = serde_json::from_slice(&payload).unwrap_or_default();
        let member = |key: &str| shown(&event["process"][key]);
        let id = member("pm_id");
        if !asked.contains(&id) {
            continue;
        }
        if topic == "process:event" {
            if event["event"] == "exit" && over.insert(id) {
                session.progress(&Progress::Trouble(format!(
                    "{} ended before it replied",
                    member("name")
                )));
            }
        } else if event["data"]["action_name"] == *action && over.insert(id.clone()) {
            session.progress(&Progress::Line(format!(
                "[{}:{id}:{}]={}",
                member("name"),
                member("namespace"),
                event["data"].get("return").unwrap_or(&Value::Null)
            )));
            replies.push(event);
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_name_a_process_by_number_or_name() {
        let of = |target: Value, options: Value| {
            command(&target, &"go".into(), &options).map(Value::Object)
        };
        assert_eq!(
            of(json!(3), Value::Null),
            Ok(json!({ "msg": "go", "id": 3 }))
        );
        assert_eq!(
            of(json!("3"), Value::Null),
            Ok(json!({ "msg": "go", "id": "3" }))
        );
        assert_eq!(
            of(json!("web"), json!("x")),
            Ok(json!({ "msg": "go", "opts": "x", "name": "web" }))
        );
        assert!(of(json!(null), Value::Null).is_err());
        assert!(command(&json!(1), &Value::Null, &Value::Null).is_err());
    }

    #[test]
    fn those_are_asked_that_have_announced_the_action() {
        let listed = |pm_id: u32, name: &str, action: &str| {
            json!({ "pm_id": pm_id, "name": name, "pm2_env": {
                "namespace": "blue", "pm_exec_path": "/x/app.js", "axm_actions": [{ "action_name": action }]
            } })
        };
        let processes: Vec<Listed> = serde_json::from_value(json!([
            listed(0, "a", "go"),
            listed(1, "a", "stay"),
            listed(2, "b", "go")
        ]))
        .unwrap();
        for (target, ids) in [
            (json!("a"), vec!["0"]),
            (json!("all"), vec!["0", "2"]),
            (json!("blue"), vec!["0", "2"]),
            (json!("app.js"), vec!["0", "2"]),
            (json!(2), vec!["2"]),
            (json!(1), vec![]),
        ] {
            let command = command(&target, &"go".into(), &Value::Null).unwrap();
            let found = asked(&processes, &command);
            let mut found: Vec<&str> = found.iter().map(String::as_str).collect();
            found.sort_unstable();
            assert_eq!(found, ids, "{target}");
        }
    }
}
