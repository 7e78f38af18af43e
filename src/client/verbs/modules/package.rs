//! What a module's package.json says.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use crate::{app, client::ClientError};

/// Longest package.json in bytes.
const LIMIT: u64 = 4 * 1024 * 1024;

/// A package that is a module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Package {
    /// Its name.
    pub name: String,
    /// Its apps, as declared.
    pub apps: Vec<Map<String, Value>>,
    /// The defaults of its settings.
    pub config: Map<String, Value>,
}

/// Why a package is no module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PackageError {
    #[error("{0} cannot be read: is there a package?")]
    Unread(PathBuf),
    #[error("{0} is not the package.json of a package: {1}")]
    Broken(PathBuf, String),
    #[error("{0} declares no apps: a module has `apps` (or `pm2`) in its package.json")]
    NoApps(PathBuf),
}

impl From<PackageError> for ClientError {
    fn from(error: PackageError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl Package {
    /// Reads the package.json in a folder.
    pub(super) fn read(folder: &Path) -> Result<Self, PackageError> {
        let path = folder.join("package.json");
        let unread = || PackageError::Unread(path.clone());
        if fs::metadata(&path).map_err(|_| unread())?.len() > LIMIT {
            return Err(unread());
        }
        let text = fs::read_to_string(&path).map_err(|_| unread())?;
        Self::parse(&text, &path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, PackageError> {
        let broken = |why: String| PackageError::Broken(path.to_owned(), why);
        let mut top: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
        let name = match top.get("name") {
            Some(Value::String(name)) if is_name(name) => name.clone(),
            other => {
                let found = other.map_or_else(|| "nothing".to_owned(), Value::to_string);
                return Err(broken(format!("expected a name, found {found}")));
            }
        };
        let declared = top.shift_remove("apps").or_else(|| top.shift_remove("pm2"));
        let declared = declared.ok_or_else(|| PackageError::NoApps(path.to_owned()))?;
        let config = app::load_text(&declared.to_string(), &path.to_string_lossy())
            .map_err(|error| broken(error.to_string()))?;
        if config.apps.is_empty() {
            return Err(PackageError::NoApps(path.to_owned()));
        }
        Ok(Self {
            name,
            apps: config.apps,
            config: match top.shift_remove("config") {
                Some(Value::Object(config)) => config,
                _ => Map::new(),
            },
        })
    }
}

/// Whether npm would take it for a name; it becomes part of a path.
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let mut bytes = part.bytes();
        !part.is_empty()
            && !part.starts_with(['.', '_'])
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
    };
    match name.strip_prefix('@').and_then(|rest| rest.split_once('/')) {
        Some((scope, name)) => is_part(scope) && is_part(name),
        None => is_part(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(text: &Value) -> Result<Package, PackageError> {
        Package::parse(&text.to_string(), Path::new("/package.json"))
    }

    #[test]
    fn apps_and_the_defaults_of_settings() {
        let app = json!({ "script": "a.js" });
        for package in [
            json!({ "name": "m", "apps": [app], "config": { "a": 1 } }),
            json!({ "name": "m", "apps": app, "config": { "a": 1 } }),
            json!({ "name": "m", "pm2": app, "config": { "a": 1 } }),
            json!({ "name": "m", "pm2": [app], "config": { "a": 1 } }),
        ] {
            let found = parse(&package).unwrap();
            assert_eq!(found.name, "m");
            assert_eq!(json!(found.apps), json!([app]), "{package}");
            assert_eq!(json!(found.config), json!({ "a": 1 }));
        }
        assert!(parse(&json!({ "name": "@s/m", "apps": [app] })).is_ok());
    }

    #[test]
    fn what_is_no_module_says_so() {
        let app = json!([{ "script": "a.js" }]);
        for (package, part) in [
            (json!([]), "not the package.json"),
            (json!({ "apps": app }), "expected a name, found nothing"),
            (json!({ "name": "../m", "apps": app }), "expected a name"),
            (json!({ "name": "@s/../m", "apps": app }), "expected a name"),
            (json!({ "name": "m" }), "declares no apps"),
            (json!({ "name": "m", "apps": [] }), "declares no apps"),
            (json!({ "name": "m", "apps": 5 }), "expected"),
        ] {
            let error = parse(&package).unwrap_err().to_string();
            assert!(error.contains(part), "{package}: {error}");
        }
    }
}
