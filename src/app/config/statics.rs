//! `static` entries of a configuration: folders to serve.

use std::path::Path;

use serde_json::{Map, Value, json};

/// The subcommand that serves files.
pub const SUBCOMMAND: &str = "serve-files";

/// The app, as declared, that serves the folder of a `static` entry: the executable `rpm2` with the subcommand for it,
/// which reads `PM2_SERVE_*`.
pub fn serving_app(entry: &Map<String, Value>, rpm2: &Path) -> Map<String, Value> {
    let port = entry.get("port").cloned().unwrap_or_else(|| 8080.into());
    let folder = entry.get("path").cloned().unwrap_or_else(|| ".".into());
    let name = entry.get("name").and_then(Value::as_str).map_or_else(
        || format!("static-page-server-{}", port.to_string().trim_matches('"')),
        str::to_owned,
    );
    let login = entry.get("basic_auth").and_then(Value::as_object);
    let credential = |key| {
        login
            .and_then(|login| login.get(key))
            .cloned()
            .unwrap_or(Value::Null)
    };
    let mut env = Map::new();
    env.insert("PM2_SERVE_PORT".to_owned(), port);
    env.insert("PM2_SERVE_PATH".to_owned(), folder);
    for (variable, key) in [
        ("PM2_SERVE_SPA", "spa"),
        ("PM2_SERVE_HOMEPAGE", "serve_homepage"),
        ("PM2_SERVE_FTP", "ftp"),
        ("PM2_SERVE_MONITOR", "monitor"),
    ] {
        if let Some(value) = entry.get(key) {
            env.insert(variable.to_owned(), value.clone());
        }
    }
    env.insert("PM2_SERVE_BASIC_AUTH".to_owned(), login.is_some().into());
    env.insert(
        "PM2_SERVE_BASIC_AUTH_USERNAME".to_owned(),
        credential("username"),
    );
    env.insert(
        "PM2_SERVE_BASIC_AUTH_PASSWORD".to_owned(),
        credential("password"),
    );
    let app = json!({
        "name": name,
        "script": rpm2.to_string_lossy(),
        "interpreter": "none",
        "args": [SUBCOMMAND],
        // There is no Node in it.
        "pmx": false,
        "vizion": false,
        "env": env,
    });
    match app {
        Value::Object(app) => app,
        _ => Map::new(),
    }
}
