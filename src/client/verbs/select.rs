//! Which processes a caller means: `all`, `/regex/`, a name, a script, a namespace or a number.

use serde::Deserialize;
use serde_json::Value;

use super::Session;
use crate::client::ClientError;

/// What a client needs to know of each process to choose among them and to answer.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Listed {
    /// Its number.
    pub pm_id: u32,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Attributes, environment and state.
    #[serde(default)]
    pub pm2_env: serde_json::Map<String, Value>,
}

impl Listed {
    /// A text attribute; empty when missing.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.pm2_env
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Whether it belongs to a module.
    pub(crate) fn is_module(&self) -> bool {
        self.pm2_env.get("pmx_module") == Some(&Value::Bool(true))
    }

    /// Whether Node's cluster runs it.
    pub(crate) fn is_cluster(&self) -> bool {
        self.text("exec_mode").starts_with("cluster")
    }
}

/// Every process.
pub(crate) async fn all(session: &Session) -> Result<Vec<Listed>, ClientError> {
    session.call_as("getMonitorData", &["{}"]).await
}

/// The numbers of the processes that `target` means. A number is not looked up: the daemon's own error then tells that
/// it is unknown.
pub(crate) fn select(processes: &[Listed], target: &Value) -> Result<Vec<u32>, ClientError> {
    let text = match target {
        Value::Number(number) => number.to_string(),
        Value::String(text) if !text.is_empty() => text.clone(),
        other => {
            let text =
                format!("expected a process name, id, namespace, /regex/ or `all`, got {other}");
            return Err(ClientError::Usage(text));
        }
    };
    let ids = |matches: &dyn Fn(&Listed) -> bool| -> Vec<u32> {
        processes
            .iter()
            .filter(|process| matches(process))
            .map(|process| process.pm_id)
            .collect()
    };
    let refused = |text: &str| Err(ClientError::Refused(text.to_owned()));
    if text == "all" {
        // Modules are not meant: they are installed, not started.
        let found = ids(&|process| !process.is_module());
        return if found.is_empty() {
            refused("process name not found")
        } else {
            Ok(found)
        };
    }
    if let Some(pattern) = text
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix('/'))
    {
        let pattern = regex_lite::Regex::new(pattern).map_err(|error| {
            ClientError::Usage(format!("/{pattern}/ is not a regular expression: {error}"))
        })?;
        let found = ids(&|process| pattern.is_match(&process.name));
        return if found.is_empty() {
            refused("process name not found")
        } else {
            Ok(found)
        };
    }
    let by_name = ids(&|process| process.name == text || process.text("pm_exec_path") == text);
    if !by_name.is_empty() {
        return Ok(by_name);
    }
    let by_namespace = ids(&|process| process.text("namespace") == text);
    match text.parse() {
        _ if !by_namespace.is_empty() => Ok(by_namespace),
        Ok(id) => Ok(vec![id]),
        Err(_) => refused("process or namespace not found"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn processes() -> Vec<Listed> {
        let listed = |pm_id: u32, name: &str, namespace: &str| json!({ "pm_id": pm_id, "name": name, "pm2_env": { "namespace": namespace, "pm_exec_path": "/x.js" } });
        serde_json::from_value(json!([
            listed(0, "api", "default"),
            listed(1, "api", "default"),
            listed(2, "api-2", "blue"),
            listed(3, "7", "blue"),
        ]))
        .unwrap()
    }

    #[test]
    fn the_table_of_names() {
        let table = [
            (json!("all"), Ok(vec![0, 1, 2, 3])),
            (json!("api"), Ok(vec![0, 1])),
            (json!("/^api/"), Ok(vec![0, 1, 2])),
            (json!("blue"), Ok(vec![2, 3])),
            (json!("/x.js"), Ok(vec![0, 1, 2, 3])),
            (json!("7"), Ok(vec![3])),
            (json!(1), Ok(vec![1])),
            (json!("42"), Ok(vec![42])),
            (json!("none"), Err("process or namespace not found")),
            (json!("/none/"), Err("process name not found")),
        ];
        for (target, expected) in table {
            let found = select(&processes(), &target).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{target}");
        }
        assert!(select(&[], &json!("all")).is_err());
        assert!(matches!(
            select(&processes(), &json!("/(/")),
            Err(ClientError::Usage(_))
        ));
        assert!(matches!(
            select(&processes(), &json!({})),
            Err(ClientError::Usage(_))
        ));
    }
}
