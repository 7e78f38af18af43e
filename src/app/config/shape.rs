//! What a configuration may look like at its top.

use std::path::Path;

use serde_json::{Map, Value};

use super::{ConfigError, serving_app};
use crate::app::value::type_name;

/// What a file declares.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// Apps, as declared.
    pub apps: Vec<Map<String, Value>>,
    /// Settings of `deploy`.
    pub deploy: Option<Value>,
    /// Folders to serve; see [`super::serving_app`].
    pub statics: Vec<Map<String, Value>>,
}

impl Config {
    /// The apps, and one for each folder to serve, which the executable `rpm2` does.
    pub fn all_apps(self, rpm2: &Path) -> Vec<Map<String, Value>> {
        let serving = self.statics.iter().map(|entry| serving_app(entry, rpm2));
        let serving: Vec<_> = serving.collect();
        self.apps.into_iter().chain(serving).collect()
    }

    /// Takes the value of a file apart: `apps` (or `pm2`), an array of apps, or a single app.
    pub(super) fn from_value(value: Value, path: &str) -> Result<Self, ConfigError> {
        let mut top = match value {
            Value::Array(_) => {
                return Ok(Self {
                    apps: objects(value, path, "apps")?,
                    ..Self::default()
                });
            }
            Value::Object(top) => top,
            other => {
                let problem = format!(
                    "expected an object or an array, found {}",
                    type_name(&other)
                );
                return Err(ConfigError::Shape {
                    path: path.to_owned(),
                    problem,
                });
            }
        };
        let deploy = top.shift_remove("deploy");
        let statics = match top.shift_remove("static") {
            Some(value) => objects(value, path, "static")?,
            None => Vec::new(),
        };
        let apps = match top.shift_remove("apps").or_else(|| top.shift_remove("pm2")) {
            Some(value) => objects(value, path, "apps")?,
            // Something else is what the file is for. One that declares nothing at all is an app without a script.
            None if top.is_empty() && (deploy.is_some() || !statics.is_empty()) => Vec::new(),
            None => vec![top],
        };
        Ok(Self {
            apps,
            deploy,
            statics,
        })
    }
}

/// One object or several.
fn objects(value: Value, path: &str, key: &str) -> Result<Vec<Map<String, Value>>, ConfigError> {
    let list = match value {
        Value::Array(list) => list,
        Value::Null => Vec::new(),
        single => vec![single],
    };
    list.into_iter()
        .enumerate()
        .map(|(index, item)| match item {
            Value::Object(map) => Ok(map),
            other => Err(ConfigError::Shape {
                path: path.to_owned(),
                problem: format!(
                    "{key}[{index}] should be an object and is {}",
                    type_name(&other)
                ),
            }),
        })
        .collect()
}
