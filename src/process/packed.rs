//! `pm2_env` as it is kept: JSON text, which takes a tenth of the memory of a tree and is what every answer and event is
//! made of. What changes while a process lives is kept apart from the rest, so that it is quickly found and replaced.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error};
use serde_json::{Value, value::RawValue};

use super::{members::members, record::Pm2Env};

/// The environment, which events do not carry.
const ENVIRONMENT: &str = "env";
/// Members that are set while a process lives.
const CHANGING: [&str; 17] = [
    "_km_monitored",
    "axm_actions",
    "axm_dynamic",
    "axm_monitor",
    "axm_options",
    "created_at",
    "exit_code",
    "name",
    "node_version",
    "pm_id",
    "pm_uptime",
    "prev_restart_delay",
    "restart_time",
    "status",
    "unstable_restarts",
    "version",
    "watch",
];

/// A packed [`Pm2Env`]. A copy shares all that does not change.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Packed {
    /// The member `env`, with its name; empty if there is none.
    environment: Arc<str>,
    /// Members separated by commas; so is `changing`.
    rest: Arc<str>,
    changing: String,
}

impl From<&Pm2Env> for Packed {
    fn from(env: &Pm2Env) -> Self {
        let (mut environment, mut rest, mut changing) =
            (String::new(), String::new(), String::new());
        for (key, value) in env {
            let part = match key.as_str() {
                ENVIRONMENT => &mut environment,
                key if CHANGING.contains(&key) => &mut changing,
                _ => &mut rest,
            };
            add(part, key, value);
        }
        changing.shrink_to_fit();
        Self {
            environment: environment.into(),
            rest: rest.into(),
            changing,
        }
    }
}

impl Packed {
    /// All members, to be worked with.
    pub(super) fn unpack(&self) -> Pm2Env {
        // Our own text: it parses.
        serde_json::from_str(&self.text()).unwrap_or_default()
    }

    /// The JSON of an object of all members.
    pub(super) fn text(&self) -> String {
        self.text_within("", "")
    }

    /// The same with what it is a part of, written once.
    pub(super) fn text_within(&self, head: &str, tail: &str) -> String {
        let members: [&str; 3] = [&self.environment, &self.rest, &self.changing];
        object(head, &members, tail)
    }

    /// The same without the environment.
    pub(super) fn text_of_event(&self) -> String {
        object("", &[&self.rest, &self.changing], "")
    }

    /// One member.
    pub(super) fn get(&self, key: &str) -> Option<Value> {
        serde_json::from_str(self.raw(key)?).ok()
    }

    /// One member that is a text.
    pub(super) fn get_text(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.raw(key)?).ok()
    }

    /// The JSON of one member.
    fn raw(&self, key: &str) -> Option<&str> {
        let name = name_of(key);
        let parts: [&str; 3] = [&self.changing, &self.rest, &self.environment];
        let mut all = parts.into_iter().flat_map(members);
        all.find_map(|(found, value)| (found == name).then_some(value))
    }

    /// Sets a member, in its place or as the last one.
    pub(super) fn set(&mut self, key: &str, value: &Value) {
        if members(&self.changing).any(|(found, _)| found == name_of(key)) {
            let name = name_of(key);
            let mut text = String::with_capacity(self.changing.len() + 16);
            for (found, old) in members(&self.changing) {
                if found == name {
                    add(&mut text, key, value);
                } else {
                    add_raw(&mut text, found, old);
                }
            }
            self.changing = text;
        } else if CHANGING.contains(&key) {
            add(&mut self.changing, key, value);
        } else {
            let mut env = self.unpack();
            env.insert(key.to_owned(), value.clone());
            *self = Self::from(&env);
        }
    }
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.text()).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Pm2Env::deserialize(deserializer).map(|env| Self::from(&env))
    }
}

fn object(head: &str, parts: &[&str], tail: &str) -> String {
    let length = parts.iter().map(|part| part.len() + 1).sum::<usize>();
    let mut text = String::with_capacity(head.len() + length + 2 + tail.len());
    text.push_str(head);
    text.push('{');
    for (index, part) in parts.iter().filter(|part| !part.is_empty()).enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(part);
    }
    text.push('}');
    text.push_str(tail);
    text
}

/// A member's name as it stands in the text.
fn name_of(key: &str) -> String {
    Value::from(key).to_string()
}

fn add(part: &mut String, key: &str, value: &Value) {
    add_raw(part, &name_of(key), &value.to_string());
}

fn add_raw(part: &mut String, name: &str, value: &str) {
    if !part.is_empty() {
        part.push(',');
    }
    part.push_str(name);
    part.push(':');
    part.push_str(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Pm2Env {
        match value {
            Value::Object(map) => map,
            other => panic!("{other}"),
        }
    }

    fn odd() -> Pm2Env {
        map(json!({
            "name": "a \"quoted\" \\ name,:{}[]", "env": { "A": "1,\"}", "B": { "c": [1, "]", {}] } },
            "": null, "ke\"y": "\\\"", "list": [1, -2.5e3, [true, { "x": "}" }], "\u{1F600}\n"], "status": "online",
            "A": "1,\"}", "large": 18_446_744_073_709_551_615_u64, "empty": {}, "none": [], "restart_time": 3,
        }))
    }

    #[test]
    fn whatever_is_packed_is_unpacked_and_found() {
        for env in [
            odd(),
            map(json!({})),
            map(json!({ "env": {} })),
            map(json!({ "status": 1 })),
        ] {
            let packed = Packed::from(&env);
            assert_eq!(packed.unpack(), env);
            for (key, value) in &env {
                assert_eq!(packed.get(key).as_ref(), Some(value), "{key}");
            }
            assert_eq!(packed.get("missing"), None);
            let mut event = env.clone();
            event.shift_remove("env");
            let told: Pm2Env = serde_json::from_str(&packed.text_of_event()).unwrap();
            assert_eq!(told, event);
            let text = serde_json::to_string(&packed).unwrap();
            assert_eq!(serde_json::from_str::<Packed>(&text).unwrap(), packed);
            assert_eq!(packed.text(), text);
            assert_eq!(packed.text_within("[", ",1]"), format!("[{text},1]"));
        }
        let packed = Packed::from(&odd());
        assert_eq!(packed.get_text("status").as_deref(), Some("online"));
        assert_eq!(packed.get_text("restart_time"), None);
    }

    #[test]
    fn members_are_set_in_place_added_and_replaced_anywhere() {
        let mut env = odd();
        let mut packed = Packed::from(&env);
        for (key, value) in [
            ("status", json!("stopped")),
            ("restart_time", json!(4)),
            ("exit_code", json!(null)),
            ("exit_code", json!({ "odd": [",", "\"exit_code\":1"] })),
            ("A", json!("other")),
            ("new", json!([1])),
            ("ke\"y", json!(0)),
            ("env", json!({ "only": "this" })),
            ("exit_code", json!(0)),
        ] {
            packed.set(key, &value);
            env.insert(key.to_owned(), value);
            assert_eq!(packed.unpack(), env, "{key}");
        }
    }

    #[test]
    fn a_copy_changes_alone() {
        let first = Packed::from(&odd());
        let mut second = first.clone();
        second.set("status", &json!("stopped"));
        second.set("A", &json!("2"));
        assert_eq!(first.unpack(), odd());
        assert_eq!(second.get("A"), Some(json!("2")));
    }
}
