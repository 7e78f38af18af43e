//! What the daemon and an agent say to each other: lines with the `cmd` `NODE_RPM2`, which Node gives to no listener
//! of the app. What an agent has in common with pm2's comes as ordinary messages.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use crate::process::{
    messages::{add_action, merge},
    record::Record,
};

/// What an agent says.
#[derive(Debug)]
pub(in crate::process) enum Word {
    /// It is loaded.
    Loaded(Introduction),
    /// The app ends by this exception: the data of the event.
    Exception(Box<RawValue>),
}

/// What an agent says of itself and its app.
#[derive(Debug, Default, Deserialize)]
pub(in crate::process) struct Introduction {
    #[serde(default)]
    node_version: Option<String>,
    #[serde(default)]
    actions: Vec<Value>,
    #[serde(default)]
    options: Map<String, Value>,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    act: &'a str,
    data: Option<Box<RawValue>>,
}

/// Reads a line; `None` if it is of a kind that this version does not know.
pub(in crate::process) fn read(line: &[u8]) -> Option<Word> {
    let head: Head<'_> = serde_json::from_slice(line).ok()?;
    match head.act {
        "agent" => serde_json::from_slice(line).ok().map(Word::Loaded),
        "exception" => head.data.map(Word::Exception),
        _ => None,
    }
}

/// Most actions of an agent: ours has five.
const ACTIONS_LIMIT: usize = 100;

impl Introduction {
    /// Notes it: the run has an agent, and can do these things.
    pub(in crate::process) fn enter(self, record: &mut Record) {
        let names = self.actions.iter().filter_map(name_of);
        record.agent = Some(names.take(ACTIONS_LIMIT).map(str::to_owned).collect());
        if let Some(version) = self.node_version {
            record.set("node_version", version);
        }
        for action in self.actions.into_iter().take(ACTIONS_LIMIT) {
            add_action(record, action);
        }
        merge(record, "axm_options", Value::Object(self.options));
        record.changed = true;
    }
}

/// The name of an action as it was announced.
pub(in crate::process) fn name_of(action: &Value) -> Option<&str> {
    action.get("action_name").and_then(Value::as_str)
}

/// Asks for an action. `call` is its name or the whole call, as JSON.
pub(in crate::process) fn action(call: &[u8]) -> Vec<u8> {
    [br#"{"cmd":"NODE_RPM2","act":"action","call":"#, call, br"}"].concat()
}

/// Makes the app end its connections, and stay until this signal comes or the time has passed.
pub(in crate::process) fn drain(patience: Duration, signal: &str) -> Vec<u8> {
    let text = format!(
        r#"{{"cmd":"NODE_RPM2","act":"drain","for":{},"signal":"{signal}"}}"#,
        patience.as_millis()
    );
    text.into_bytes()
}

/// Asks it to say once more what it said to the daemon before this one.
pub(in crate::process) fn report() -> &'static [u8] {
    br#"{"cmd":"NODE_RPM2","act":"report"}"#
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_introduction_is_noted() {
        let line = br#"{"cmd":"NODE_RPM2","act":"agent","node_version":"22.1.0","new":1,
            "actions":[{"action_name":"km:heapdump","arity":2},{"arity":1}],"options":{"error":true}}"#;
        let Some(Word::Loaded(introduction)) = read(line) else {
            panic!("an introduction")
        };
        let env = json!({ "axm_actions": [{ "action_name": "own" }], "axm_options": { "own": 1 } });
        let mut record = Record::new(1, env.as_object().unwrap());
        assert!(!record.has_agent());
        introduction.enter(&mut record);
        assert!(record.has_agent() && record.changed);
        assert_eq!(record.agent, Some(vec!["km:heapdump".to_owned()]));
        assert_eq!(record.get("node_version").unwrap(), "22.1.0");
        assert_eq!(
            record.get("axm_options").unwrap(),
            json!({ "own": 1, "error": true })
        );
        assert_eq!(
            record.get("axm_actions").unwrap().as_array().unwrap().len(),
            3
        );
    }

    #[test]
    fn an_exception_keeps_its_bytes_and_what_is_unknown_is_nothing() {
        let line =
            br#"{"cmd":"NODE_RPM2","act":"exception","data":{"message":"\ud800", "n": 1e400}}"#;
        let Some(Word::Exception(data)) = read(line) else {
            panic!("an exception")
        };
        assert_eq!(data.get(), r#"{"message":"\ud800", "n": 1e400}"#);
        for line in [
            r#"{"cmd":"NODE_RPM2","act":"later"}"#,
            r#"{"cmd":"NODE_RPM2"}"#,
            r#"{"cmd":"NODE_RPM2","act":7}"#,
            r#"{"cmd":"NODE_RPM2","act":"exception"}"#,
            r#"{"cmd":"NODE_RPM2","act":"agent","actions":7}"#,
        ] {
            assert!(read(line.as_bytes()).is_none(), "{line}");
        }
    }

    #[test]
    fn lines_to_the_agent_are_json() {
        let value = |line: &[u8]| serde_json::from_slice::<Value>(line).unwrap();
        let cmd = "NODE_RPM2";
        assert_eq!(
            value(&drain(Duration::from_millis(1500), "SIGINT")),
            json!({ "cmd": cmd, "act": "drain", "for": 1500, "signal": "SIGINT" })
        );
        assert_eq!(
            value(&action(br#"{"msg":"a","opts":{}}"#)),
            json!({ "cmd": cmd, "act": "action", "call": { "msg": "a", "opts": {} } })
        );
        assert_eq!(value(report()), json!({ "cmd": cmd, "act": "report" }));
    }
}
