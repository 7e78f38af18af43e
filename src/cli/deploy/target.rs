//! One host of a declared environment.

use serde_json::{Map, Value};

/// Where to deploy to, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The host's name.
    pub host: String,
    /// The user there.
    pub user: Option<String>,
    /// The port of ssh.
    pub port: Option<u16>,
    /// A file with a key.
    pub key: Option<String>,
    /// Options of ssh (`-o`).
    pub ssh_options: Vec<String>,
    /// Whether our keys may be used from there.
    pub forwards_agent: bool,
    /// The repository.
    pub repository: String,
    /// What is deployed, such as `origin/main`.
    pub reference: String,
    /// The folder there.
    pub path: String,
    /// Whether only the last commits are fetched.
    pub is_shallow: bool,
    /// Variables for the hooks that follow a deployment.
    pub env: Map<String, Value>,
    hooks: Map<String, Value>,
}

impl Target {
    /// The hosts of an environment.
    pub(super) fn read(declared: &Value, environment: &str) -> Result<Vec<Self>, String> {
        let Some(Value::Object(entry)) = declared.get(environment) else {
            return Err(format!("{environment} environment is not defined"));
        };
        let needed = |key: &str| {
            let value = entry.get(key).and_then(Value::as_str);
            let value = value.filter(|value| !value.is_empty());
            value
                .map(str::to_owned)
                .ok_or_else(|| format!("deploy.{environment} needs `{key}`"))
        };
        let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
        let hosts = list(entry.get("host"));
        if hosts.is_empty() {
            return Err(format!("deploy.{environment} needs `host`"));
        }
        let port =
            match entry.get("port") {
                None | Some(Value::Null) => None,
                Some(port) => Some(port_of(port).ok_or_else(|| {
                    format!("deploy.{environment}.port is {port}: expected a port")
                })?),
            };
        let target = |host: String| {
            let user = text("user");
            for word in user.iter().chain([&host]) {
                // ssh would take it for an option.
                if word.starts_with('-') || word.contains(char::is_whitespace) {
                    return Err(format!("`{word}` is no name of a host or user"));
                }
            }
            Ok(Self {
                user,
                host,
                port,
                key: text("key"),
                ssh_options: list(entry.get("ssh_options")),
                forwards_agent: is_on(entry.get("forward-agent")),
                repository: needed("repo")?,
                reference: text("ref").unwrap_or_else(|| "origin/master".to_owned()),
                path: needed("path")?.trim_end_matches('/').to_owned(),
                is_shallow: text("fetch").as_deref() == Some("fast"),
                env: match entry.get("env") {
                    Some(Value::Object(env)) => env.clone(),
                    _ => Map::new(),
                },
                hooks: entry.clone(),
            })
        };
        hosts.into_iter().map(target).collect()
    }

    /// The text of a hook, if it is declared.
    pub(super) fn hook(&self, name: &str) -> Option<&str> {
        let text = self.hooks.get(name)?.as_str()?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// Whether it is this machine: then no ssh is needed.
    pub(super) fn is_here(&self) -> bool {
        matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "::1")
    }
}

/// One text or several.
fn list(value: Option<&Value>) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        // A host may have settings of its own in pm2: its name counts here.
        Value::Object(host) => host.get("host").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    };
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(text).collect(),
        Some(value) => text(value).into_iter().collect(),
        None => Vec::new(),
    }
}

fn port_of(value: &Value) -> Option<u16> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|port| u16::try_from(port).ok()),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn is_on(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(truth)) => *truth,
        Some(Value::String(text)) => matches!(text.as_str(), "yes" | "true" | "1"),
        _ => false,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    /// An environment with everything.
    pub(in super::super) fn declared() -> Value {
        json!({ "production": {
            "user": "me", "host": ["one", "two"], "port": "22022", "key": "/k", "ssh_options": "StrictHostKeyChecking=no",
            "forward-agent": "yes", "repo": "git@x:y.git", "ref": "origin/main", "path": "/var/www/it's/", "fetch": "fast",
            "env": { "A": "1 2" }, "pre-setup": "echo pre", "post-deploy": "make it", "pre-deploy": " "
        } })
    }

    #[test]
    fn every_host_is_a_target() {
        let targets = Target::read(&declared(), "production").unwrap();
        let hosts: Vec<&str> = targets.iter().map(|target| target.host.as_str()).collect();
        assert_eq!(hosts, ["one", "two"]);
        let target = &targets[0];
        assert_eq!(target.user.as_deref(), Some("me"));
        assert_eq!(target.port, Some(22022));
        assert_eq!(target.path, "/var/www/it's");
        assert!(target.forwards_agent && target.is_shallow && !target.is_here());
        assert_eq!(target.hook("post-deploy"), Some("make it"));
        assert_eq!(
            (target.hook("pre-deploy"), target.hook("post-setup")),
            (None, None)
        );
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let full = json!({ "host": "h", "repo": "r", "path": "/p" });
        for (key, value, part) in [
            ("host", json!(null), "needs `host`"),
            ("host", json!([]), "needs `host`"),
            ("host", json!("-oProxyCommand=x"), "no name of a host"),
            ("user", json!("a b"), "no name of a host or user"),
            ("repo", json!(""), "needs `repo`"),
            ("path", json!(5), "needs `path`"),
            ("port", json!("ssh"), "expected a port"),
        ] {
            let mut entry = full.clone();
            entry[key] = value;
            let error = Target::read(&json!({ "p": entry }), "p").unwrap_err();
            assert!(error.contains(part), "{key}: {error}");
        }
        let error = Target::read(&json!({ "p": full }), "q").unwrap_err();
        assert_eq!(error, "q environment is not defined");
    }
}
