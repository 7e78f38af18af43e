//! What a configuration may look like at its top.

use serde_json::{Map, Value};

use super::ConfigError;
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
