//! Options given beside a declaration: `start(string, options)`, `start(object, options)` and the command's.

use serde_json::{Map, Value};

use super::Warning;
use crate::app::{schema::ATTRIBUTES, text::split_arguments};

/// The raw declaration that `start(script, options)` makes, to be normalised next. Read are camelCase names and the
/// aliases, arguments from `scriptArgs` or behind `--` in `rawArgs`, `watchDelay` in seconds; `env` is the app's. A
/// `snake_case` name is not read, as in pm2, but warned of.
pub fn options(script: &str, given: &Map<String, Value>) -> (Map<String, Value>, Vec<Warning>) {
    let mut raw = Map::new();
    let mut warnings = Vec::new();
    raw.insert("script".to_owned(), script.into());
    for (key, value) in given {
        if value.is_null() || matches!(key.as_str(), "script" | "rawArgs" | "scriptArgs") {
            continue;
        }
        if key == "args" {
            warnings.push(Warning::NotRead {
                attribute: key.clone(),
                instead: "scriptArgs".to_owned(),
            });
            continue;
        }
        match ATTRIBUTES
            .iter()
            .find(|attribute| attribute.name == key && key.contains('_'))
        {
            Some(attribute) => warnings.push(Warning::NotRead {
                attribute: key.clone(),
                instead: attribute.camel_case(),
            }),
            None if key.starts_with("env_") => warnings.push(Warning::NotRead {
                attribute: key.clone(),
                instead: "env".to_owned(),
            }),
            None => {
                raw.insert(key.clone(), value.clone());
            }
        }
    }
    if let Some(delay) = raw.get_mut("watchDelay") {
        *delay = milliseconds(delay);
    }
    if let Some(arguments) = arguments(given) {
        raw.insert("args".to_owned(), arguments);
    }
    (raw, warnings)
}

/// Arguments for the script among the options.
fn arguments(given: &Map<String, Value>) -> Option<Value> {
    match given.get("scriptArgs") {
        Some(Value::String(text)) => return Some(split_arguments(text).into()),
        Some(list @ Value::Array(_)) => return Some(list.clone()),
        _ => {}
    }
    let raw = given.get("rawArgs")?.as_array()?;
    let dashes = raw.iter().position(|word| word == "--")?;
    Some(Value::Array(raw[dashes + 1..].to_vec()))
}

/// Seconds, or text ending in `ms`, as milliseconds; anything else is left for the check.
fn milliseconds(delay: &Value) -> Value {
    let seconds = match delay {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.strip_suffix("ms") {
            Some(digits) => return digits.trim().into(),
            None => text.trim().trim_end_matches('s').parse().ok(),
        },
        _ => None,
    };
    seconds
        .and_then(|seconds| crate::app::value::number_from(seconds * 1000.0))
        .map_or_else(|| delay.clone(), Value::Number)
}

/// Options that change every app of a file or object instead of being its attributes: the few that pm2 applies.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    attributes: Map<String, Value>,
}

impl Overrides {
    const NAMES: [&'static str; 5] = ["cwd", "namespace", "instances", "watch", "uid"];

    /// Takes the overriding ones out of `given`; the rest is not for apps that a file or an object declares.
    pub fn from_options(given: &Map<String, Value>) -> Self {
        let attributes = given
            .iter()
            .filter(|(name, value)| Self::NAMES.contains(&name.as_str()) && !value.is_null())
            .filter(|(name, value)| *name != "watch" || **value != Value::Bool(false))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Self { attributes }
    }

    /// Puts them over one app's raw attributes.
    pub fn apply(&self, app: &mut Map<String, Value>) {
        app.extend(self.attributes.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(given: &Value) -> (Value, Vec<Warning>) {
        let (raw, warnings) = options("app.js", given.as_object().unwrap());
        (raw.into(), warnings)
    }

    #[test]
    fn camel_case_and_aliases_are_read_and_snake_case_is_warned_of() {
        let (raw, warnings) = read(&json!({
            "name": "q", "maxRestarts": 3, "max_restarts": 4, "interpreter_args": "--x", "output": "/o",
            "env": {"A": 1}, "env_prod": {"A": 2}, "nothing": null
        }));
        assert_eq!(
            raw,
            json!({"script": "app.js", "name": "q", "maxRestarts": 3, "interpreter_args": "--x", "output": "/o", "env": {"A": 1}})
        );
        let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "Option \"max_restarts\" is ignored here, use \"maxRestarts\"",
                "Option \"env_prod\" is ignored here, use \"env\"",
            ]
        );
    }

    #[test]
    fn arguments_come_from_script_args_or_behind_the_dashes() {
        let (raw, warnings) = read(&json!({"args": ["a"]}));
        assert_eq!((raw.get("args"), warnings.len()), (None, 1));
        assert_eq!(
            read(&json!({"scriptArgs": "a 'b c'"})).0["args"],
            json!(["a", "b c"])
        );
        assert_eq!(
            read(&json!({"rawArgs": ["node", "pm2", "--", "r1", "--"]})).0["args"],
            json!(["r1", "--"])
        );
        assert_eq!(read(&json!({"rawArgs": ["r1"]})).0.get("args"), None);
    }

    #[test]
    fn watch_delay_is_in_seconds_unless_it_says_ms() {
        for (given, milliseconds) in [
            (json!(6), json!(6000)),
            (json!("1.5"), json!(1500)),
            (json!("5ms"), json!("5")),
        ] {
            assert_eq!(
                read(&json!({"watchDelay": given})).0["watchDelay"],
                milliseconds
            );
        }
    }

    #[test]
    fn a_few_options_override_declared_apps() {
        let given = json!({"namespace": "n", "instances": 2, "name": "q", "maxRestarts": 1, "watch": false, "cwd": null});
        let mut app = json!({"name": "a", "namespace": "x", "watch": true})
            .as_object()
            .unwrap()
            .clone();
        Overrides::from_options(given.as_object().unwrap()).apply(&mut app);
        assert_eq!(
            Value::Object(app),
            json!({"name": "a", "namespace": "n", "watch": true, "instances": 2})
        );
    }
}
