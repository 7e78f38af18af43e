//! Settings made with `set`: `module_conf.json`, an object of values, and of objects of values for modules and apps.

use std::{fs, io, path::PathBuf};

use serde_json::{Map, Value};

use crate::home::{Home, replace_private};

/// Why settings cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be used.
    #[error("cannot {what} {path}: {source}; check its permissions and the free space")]
    File {
        /// What was to be done with it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no JSON object.
    #[error("{path} is not a JSON object ({problem}): mend it, or remove it to begin anew")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// No such key.
    #[error("expected a key, such as `name` or `module:name`, got `{0}`")]
    Key(String),
}

/// Where pm2 keeps which modules are installed.
const MODULES: &str = "module-db-v2";

/// The settings of a home.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    values: Map<String, Value>,
}

impl Settings {
    /// Reads them; without a file there are none.
    pub fn read(home: &Home) -> Result<Self, SettingsError> {
        let path = home.module_conf();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => {
                let what = "read";
                return Err(SettingsError::File { what, path, source });
            }
        };
        let values = serde_json::from_str(&text).map_err(|error| SettingsError::Broken {
            path,
            problem: error.to_string(),
        })?;
        Ok(Self { values })
    }

    /// Writes them, all or nothing.
    pub fn write(&self, home: &Home) -> Result<(), SettingsError> {
        let path = home.module_conf();
        let failed = |source| SettingsError::File {
            what: "write",
            path: path.clone(),
            source,
        };
        let mut text = Vec::new();
        let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        let mut writer = serde_json::Serializer::with_formatter(&mut text, indent);
        serde::Serialize::serialize(&self.values, &mut writer)
            .map_err(|error| failed(error.into()))?;
        replace_private(&path, &text).map_err(failed)
    }

    /// The value of a key; all of a module's if the key is its name.
    pub fn get(&self, key: &Key) -> Option<&Value> {
        let (last, path) = key.parts.split_last()?;
        let mut values = &self.values;
        for part in path {
            values = values.get(part)?.as_object()?;
        }
        values.get(last)
    }

    /// Sets a key. What is no object and in the way is replaced.
    pub fn set(&mut self, key: &Key, value: Value) {
        let Some((last, path)) = key.parts.split_last() else {
            return;
        };
        let mut values = &mut self.values;
        for part in path {
            let Some(inner) = object(values, part) else {
                return;
            };
            values = inner;
        }
        values.insert(last.clone(), value);
    }

    /// Removes a key, if it is there.
    pub fn unset(&mut self, key: &Key) {
        let Some((last, path)) = key.parts.split_last() else {
            return;
        };
        let mut values = &mut self.values;
        for part in path {
            let Some(Value::Object(inner)) = values.get_mut(part) else {
                return;
            };
            values = inner;
        }
        values.shift_remove(last);
    }

    /// The settings of one module or app, as environment variables: each of them, and all under its name.
    pub fn variables(&self, name: &str) -> Map<String, Value> {
        let mut variables = match self.values.get(name) {
            Some(Value::Object(values)) => values.clone(),
            _ => Map::new(),
        };
        let all = Value::Object(variables.clone()).to_string();
        variables.insert(name.to_owned(), all.into());
        variables
    }

    /// Names of the modules that are installed.
    pub fn modules(&self) -> Vec<String> {
        match self.values.get(MODULES) {
            Some(Value::Object(modules)) => modules.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Adds a module, with defaults for what is not set.
    pub fn add_module(&mut self, name: &str, defaults: &Map<String, Value>) {
        if let Some(modules) = object(&mut self.values, MODULES) {
            modules.insert(name.to_owned(), Value::Object(Map::new()));
        }
        if !defaults.is_empty()
            && let Some(own) = object(&mut self.values, name)
        {
            for (key, value) in defaults {
                own.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
    }

    /// Removes a module; its settings stay.
    pub fn remove_module(&mut self, name: &str) {
        if let Some(modules) = object(&mut self.values, MODULES) {
            modules.shift_remove(name);
        }
    }

    /// Lines that show them, as commands that set them: those of `name`, or all.
    pub fn lines(&self, name: Option<&str>) -> Vec<String> {
        let mut lines = Vec::new();
        for (key, value) in &self.values {
            if name.is_some_and(|name| name != key) || key == MODULES {
                continue;
            }
            if let Value::Object(values) = value {
                lines.push(format!("Module: {key}"));
                let commands = values
                    .iter()
                    .map(|(sub, value)| format!("$ rpm2 set {key}:{sub} {}", shown(value)));
                lines.extend(commands);
            } else {
                lines.push(format!("$ rpm2 set {key} {}", shown(value)));
            }
        }
        lines
    }
}

/// The object of a key, made if there is none.
fn object<'v>(values: &'v mut Map<String, Value>, key: &str) -> Option<&'v mut Map<String, Value>> {
    let value = values.entry(key).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

/// A value as `set` takes it.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `name`, or the way to a value in an object: `module:name` or `module.name`; where both signs are, the dot counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    parts: Vec<String>,
}

impl Key {
    /// Takes a key apart.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let separator = if text.contains('.') { '.' } else { ':' };
        let parts: Vec<String> = text.split(separator).map(str::to_owned).collect();
        if parts.iter().any(String::is_empty) {
            return Err(SettingsError::Key(text.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The module or app that it is a setting of.
    pub fn module(&self) -> Option<&str> {
        (self.parts.len() > 1).then(|| self.parts[0].as_str())
    }

    /// Its first part.
    pub fn first(&self) -> &str {
        &self.parts[0]
    }

    /// Its second part; empty if it has none.
    pub fn second(&self) -> &str {
        self.parts.get(1).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    fn settings(value: Value) -> Settings {
        Settings {
            values: value.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn keys_lead_into_objects() {
        let table = [
            ("a", json!({ "a": 1 })),
            ("m:a", json!({ "m": { "a": 1 } })),
            ("m.a.b", json!({ "m": { "a": { "b": 1 } } })),
            ("m.a:b", json!({ "m": { "a:b": 1 } })),
        ];
        for (text, expected) in table {
            let mut found = Settings::default();
            found.set(&key(text), json!(1));
            assert_eq!(found, settings(expected), "{text}");
            assert_eq!(found.get(&key(text)), Some(&json!(1)), "{text}");
            found.unset(&key(text));
            assert_eq!(found.get(&key(text)), None, "{text}");
        }
        for text in ["", ":", "a:", ".a", "a..b"] {
            assert!(Key::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_in_the_way_is_replaced_and_unset_makes_nothing() {
        let mut found = settings(json!({ "a": 1 }));
        found.set(&key("a:b"), json!(2));
        assert_eq!(found, settings(json!({ "a": { "b": 2 } })));
        found.unset(&key("x:y"));
        found.unset(&key("a:b:c"));
        assert_eq!(found, settings(json!({ "a": { "b": 2 } })));
    }

    #[test]
    fn they_are_shown_as_commands_and_given_as_variables() {
        let found = settings(json!({ "m": { "a": "x", "o": [1] }, "flat": true }));
        assert_eq!(
            found.lines(None),
            [
                "Module: m",
                "$ rpm2 set m:a x",
                "$ rpm2 set m:o [1]",
                "$ rpm2 set flat true"
            ]
        );
        assert_eq!(found.lines(Some("flat")), ["$ rpm2 set flat true"]);
        assert_eq!(
            Value::Object(found.variables("m")),
            json!({ "a": "x", "o": [1], "m": "{\"a\":\"x\",\"o\":[1]}" })
        );
        assert_eq!(
            Value::Object(found.variables("none")),
            json!({ "none": "{}" })
        );
    }

    #[test]
    fn a_module_has_its_defaults_where_nothing_is_set() {
        let defaults = json!({ "a": 1, "b": 2 });
        let mut found = settings(json!({ "m": { "a": "mine" } }));
        found.add_module("m", defaults.as_object().unwrap());
        found.add_module("bare", &Map::new());
        let expected =
            json!({ "m": { "a": "mine", "b": 2 }, "module-db-v2": { "m": {}, "bare": {} } });
        assert_eq!(found, settings(expected));
        assert_eq!(found.modules(), ["m", "bare"]);
        assert!(
            !found
                .lines(None)
                .iter()
                .any(|line| line.contains("module-db"))
        );
        found.remove_module("m");
        assert_eq!(found.modules(), ["bare"]);
        assert!(found.get(&key("m:a")).is_some());
    }

    #[test]
    fn the_file_is_read_and_written_whole() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        let mut found = Settings::read(&home).unwrap();
        found.set(&key("m:a"), json!("x"));
        found.write(&home).unwrap();
        let text = fs::read_to_string(home.module_conf()).unwrap();
        assert_eq!(text, "{\n    \"m\": {\n        \"a\": \"x\"\n    }\n}");
        assert_eq!(Settings::read(&home).unwrap(), found);
        fs::write(home.module_conf(), "{bad").unwrap();
        let error = Settings::read(&home).unwrap_err().to_string();
        assert!(error.contains("mend it"), "{error}");
    }
}
