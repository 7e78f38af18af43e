//! Apps declared by an object, an array or a file.

use serde_json::{Map, Value, json};

use super::{Options, Prepared, Session, VerbResult, declared_options, prepare};
use crate::{
    app::{self, config, declaration::Overrides},
    client::{
        ClientError,
        verbs::{
            act::{Action, on_each},
            raw,
            select::{Listed, all},
        },
    },
};

pub(super) async fn from_file(
    session: &Session,
    path: &str,
    options: &Map<String, Value>,
) -> VerbResult {
    let (path, caller) = (path.to_owned(), session.caller().clone());
    // It may run Node, which takes a while.
    let loaded = tokio::task::spawn_blocking(move || app::load_file(&path, &caller)).await;
    let loaded = loaded.map_err(|error| ClientError::Usage(error.to_string()))?;
    let config = loaded.map_err(|error| ClientError::Usage(error.to_string()))?;
    start_all(session, apps_of(session, config), options).await
}

pub(super) async fn from_object(
    session: &Session,
    object: Map<String, Value>,
    options: &Map<String, Value>,
) -> VerbResult {
    let text = Value::Object(object).to_string();
    let config =
        app::load_text(&text, "object").map_err(|error| ClientError::Usage(error.to_string()))?;
    start_all(session, apps_of(session, config), options).await
}

pub(super) async fn from_array(
    session: &Session,
    list: Vec<Value>,
    options: &Map<String, Value>,
) -> VerbResult {
    let text = Value::Array(list).to_string();
    let config =
        app::load_text(&text, "array").map_err(|error| ClientError::Usage(error.to_string()))?;
    start_all(session, apps_of(session, config), options).await
}

/// The declared apps. Serving folders (`static`) is not built: its author is told.
fn apps_of(session: &Session, config: config::Config) -> Vec<Map<String, Value>> {
    if !config.statics.is_empty() {
        session.warn(&[
            "`static` is not served by this version of rpm2: its entries were passed over",
        ]);
    }
    config.apps
}

/// Starts or restarts every declared app. Nothing is started if an attribute is wrong; an app whose script is missing
/// does not keep the others from starting.
async fn start_all(
    session: &Session,
    mut apps: Vec<Map<String, Value>>,
    options: &Map<String, Value>,
) -> VerbResult {
    only(&mut apps, options);
    let overrides = Overrides::from_options(options);
    let mut declarations = Vec::new();
    for app in &mut apps {
        overrides.apply(app);
        let normalised =
            app::normalise(app).map_err(|errors| ClientError::Usage(errors.to_string()))?;
        session.warn(&normalised.warnings);
        declarations.push(normalised.declaration);
    }
    let how = declared_options(options);
    let listed = all(session).await?;
    let mut messages = Vec::new();
    let mut results = Vec::new();
    for declaration in &declarations {
        let prepared = match app::process_env(declaration, session.caller(), &how) {
            Ok(prepared) => prepared,
            Err(error) => {
                messages.push(error.to_string());
                continue;
            }
        };
        session.warn(&prepared.warnings);
        match start_one(session, declaration, &prepared, &listed, &how).await {
            Ok(children) => results.extend(children),
            Err(error) => messages.push(error.to_string()),
        }
    }
    let result = Some(raw(&results));
    if messages.is_empty() {
        Ok(result)
    } else {
        Err(ClientError::Several { messages, result })
    }
}

/// Keeps the apps that `only` names.
fn only(apps: &mut Vec<Map<String, Value>>, options: &Map<String, Value>) {
    let Some(names) = options.get("only").and_then(Value::as_str) else {
        return;
    };
    let names: Vec<&str> = names.split([',', ' ']).map(str::trim).collect();
    apps.retain(|app| {
        app.get("name")
            .and_then(Value::as_str)
            .is_some_and(|name| names.contains(&name))
    });
}

async fn start_one(
    session: &Session,
    declaration: &app::Declaration,
    prepared: &Prepared,
    listed: &[Listed],
    how: &Options,
) -> Result<Vec<Value>, ClientError> {
    let name = prepared
        .env
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let ids: Vec<u32> = listed
        .iter()
        .filter(|process| process.name == name)
        .map(|process| process.pm_id)
        .collect();
    if ids.is_empty() {
        return prepare(session, prepared).await;
    }
    let env = json!({ "current_conf": changes(declaration, prepared, how) });
    let action = Action {
        method: "restartProcessId",
        event: Some("restart"),
        stops_watch: false,
        env: Some(env),
    };
    on_each(session, &action, &ids, listed).await
}

/// What stays as it is when a listed app is declared again.
const KEPT: [&str; 9] = [
    "pm_exec_path",
    "exec_mode",
    "exec_interpreter",
    "instances",
    "pm_cwd",
    "pm_out_log_path",
    "pm_err_log_path",
    "pm_log_path",
    "pm_pid_path",
];

/// The attributes that a restart changes. The declared environment takes the old one's place; if none is declared, the
/// caller's does.
fn changes(
    declaration: &app::Declaration,
    prepared: &Prepared,
    how: &Options,
) -> Map<String, Value> {
    let mut changes = prepared.env.clone();
    for key in KEPT {
        changes.shift_remove(key);
    }
    let chosen = how.env_name.as_ref().map(|name| format!("env_{name}"));
    let declared: Map<String, Value> = [Some("env".to_owned()), chosen]
        .into_iter()
        .flatten()
        .filter_map(|key| declaration.get(&key).and_then(Value::as_object).cloned())
        .flatten()
        .collect();
    if !declared.is_empty() {
        let resolved = prepared.env.get("env").and_then(Value::as_object);
        let of = |name: String, value: Value| {
            let value = resolved
                .and_then(|env| env.get(&name))
                .cloned()
                .unwrap_or(value);
            (name, value)
        };
        changes.insert(
            "env".into(),
            declared
                .into_iter()
                .map(|(name, value)| of(name, value))
                .collect(),
        );
    }
    changes
}
