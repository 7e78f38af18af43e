//! `restartProcessId`: ends a process if it runs and starts it, with what is to change.

use serde_json::{Map, Value};

use super::{CallResult, find};
use crate::{
    daemon::context::Daemon,
    process::{Change, Record, Restart},
};

pub(super) async fn answer(daemon: &Daemon, opts: &Value) -> CallResult {
    let id = opts.get("id").filter(|id| !id.is_null());
    let id = id.ok_or("opts.id not passed to restartProcessId")?;
    let process = find(daemon, id).ok_or("God db process id unknown")?;
    let change = Change {
        set: changes(&process.record(), opts.get("env")),
    };
    let restarted = process.restart(Restart { change }).await;
    daemon.mind(&process);
    restarted.map_err(|error| error.to_string())?;
    daemon.watch_as_declared(&process);
    let child = process.record().to_child();
    Ok(Some(child))
}

/// What `env` changes of a process's environment: scalars go into the nested `env` and beside it; `current_conf` carries
/// attributes, whose own `env`, unless empty, takes the nested one's place.
pub(super) fn changes(record: &Record, env: Option<&Value>) -> Map<String, Value> {
    let Some(Value::Object(env)) = env else {
        return Map::new();
    };
    let mut set = Map::new();
    let mut nested = match record.get("env") {
        Some(Value::Object(nested)) => nested,
        _ => Map::new(),
    };
    for (key, value) in env
        .iter()
        .filter(|(key, value)| *key != "updateEnv" && !value.is_object() && !value.is_array())
    {
        nested.insert(key.clone(), value.clone());
        set.insert(key.clone(), value.clone());
    }
    if let Some(Value::Object(conf)) = env.get("current_conf") {
        for (key, value) in conf.iter().filter(|(key, _)| *key != "env") {
            let removed = value.as_str() == Some("null");
            set.insert(
                key.clone(),
                if removed { Value::Null } else { value.clone() },
            );
        }
        if let Some(Value::Object(replacement)) = conf.get("env").filter(|env| !is_empty(env)) {
            for (key, value) in replacement {
                set.insert(key.clone(), value.clone());
            }
            nested.clone_from(replacement);
        }
    }
    set.insert("env".into(), Value::Object(nested));
    set
}

fn is_empty(env: &Value) -> bool {
    env.as_object().is_none_or(Map::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn changed(env: Value) -> Value {
        let attributes = json!({ "A": "1", "env": { "A": "1" }, "args": ["x"], "watch": true });
        let record = Record::new(0, attributes.as_object().unwrap());
        let mut changed = record.env();
        for (key, value) in changes(&record, Some(&env)) {
            if value.is_null() {
                changed.remove(&key);
            } else {
                changed.insert(key, value);
            }
        }
        Value::Object(changed)
    }

    #[test]
    fn scalars_are_merged_into_both_places() {
        let env = changed(json!({ "B": "2", "list": [1] }));
        assert_eq!(env["env"], json!({ "A": "1", "B": "2" }));
        assert_eq!((&env["B"], env.get("list")), (&json!("2"), None));
    }

    #[test]
    fn attributes_are_set_and_removed_and_a_declared_environment_replaces() {
        let env = changed(
            json!({ "current_conf": { "args": ["y"], "watch": "null", "env": { "C": "3" } } }),
        );
        assert_eq!((&env["args"], env.get("watch")), (&json!(["y"]), None));
        assert_eq!(
            (&env["env"], &env["A"], &env["C"]),
            (&json!({ "C": "3" }), &json!("1"), &json!("3"))
        );
        let env = changed(json!({ "current_conf": { "env": {} } }));
        assert_eq!(env["env"], json!({ "A": "1" }));
    }
}
