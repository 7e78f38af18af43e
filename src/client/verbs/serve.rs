//! `serve`: an app that serves the files of a folder.

use std::path::Path;

use serde_json::{Map, Value};

use super::{
    Session, VerbResult, raw,
    select::all,
    start::{prepare, starting},
};
use crate::{
    app::{self, Options, config},
    client::{ClientError, Progress},
};

/// The port that nothing else is said about.
const PORT: u16 = 8080;

/// Options that say how to serve; the others are the app's attributes.
const OWN: [&str; 8] = [
    "port",
    "spa",
    "ftp",
    "monitor",
    "basic_auth_username",
    "basicAuthUsername",
    "basic_auth_password",
    "basicAuthPassword",
];

/// The children of `start`, for `(path?, port?, options?)`.
pub(super) async fn serve(
    session: &Session,
    path: &Value,
    port: &Value,
    options: &Value,
) -> VerbResult {
    let options = match options {
        Value::Object(options) => options.clone(),
        _ => Map::new(),
    };
    let entry = entry(session, path, port, &options).map_err(ClientError::Usage)?;
    if entry.contains_key("monitor") {
        session.warn(&[
            "`monitor` has the pages tell pm2.io of their visitors: rpm2 leaves them as they are",
        ]);
    }
    let mut general = options.clone();
    general.retain(|key, _| !OWN.contains(&key.as_str()));
    let (mut declared, warnings) = app::options(&session.binary().to_string_lossy(), &general);
    session.warn(&warnings);
    let variables = declared.shift_remove("env");
    declared.extend(config::serving_app(&entry, session.binary()));
    if let (Some(Value::Object(more)), Some(Value::Object(env))) =
        (variables, declared.get_mut("env"))
    {
        env.extend(more);
    }
    let folder = entry.get("path").cloned().unwrap_or_default();
    declared.insert("cwd".to_owned(), folder.clone());
    let normalised = app::normalise(&declared).map_err(ClientError::Attributes)?;
    session.warn(&normalised.warnings);
    let prepared = app::process_env(
        &normalised.declaration,
        session.caller(),
        &Options::default(),
    )
    .map_err(|error| ClientError::Usage(error.to_string()))?;
    let name = prepared.env.get("name").and_then(Value::as_str);
    let forced = options.get("force") == Some(&Value::Bool(true));
    let listed = all(session).await?;
    if !forced
        && listed
            .iter()
            .any(|process| Some(process.name.as_str()) == name)
    {
        return Err(ClientError::Refused("Script already launched".to_owned()));
    }
    session.progress(&starting(&prepared));
    let children = prepare(session, &prepared).await?;
    session.progress(&Progress::Started);
    session.progress(&Progress::Info(format!(
        "Serving {} on port {}",
        text_of(&folder),
        text_of(&entry["port"])
    )));
    Ok(Some(raw(&children)))
}

/// The entry of a configuration's `static` that means the same.
fn entry(
    session: &Session,
    path: &Value,
    port: &Value,
    options: &Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let folder = match path {
        Value::Null => ".",
        Value::String(path) => path,
        other => return Err(format!("serve expects the path of a folder, got {other}")),
    };
    let folder = session.caller().cwd.join(folder);
    let folder = std::fs::canonicalize(&folder)
        .ok()
        .filter(|found| Path::is_dir(found))
        .ok_or_else(|| format!("{} is no folder that could be served", folder.display()))?;
    let option = |keys: &[&str]| keys.iter().find_map(|key| options.get(*key)).cloned();
    let mut entry = Map::new();
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            entry.insert(key.to_owned(), value);
        }
    };
    let given = Some(port.clone()).filter(|port| !port.is_null());
    let port = given
        .or_else(|| option(&["port"]))
        .unwrap_or_else(|| PORT.into());
    if !text_of(&port).parse::<u16>().is_ok_and(|port| port > 0) {
        return Err(format!("serve expects a port from 1 to 65535, got {port}"));
    }
    set("path", Some(folder.to_string_lossy().into()));
    set("port", Some(port));
    set("spa", option(&["spa"]));
    set(
        "ftp",
        Some(option(&["ftp"]).unwrap_or_else(|| false.into())),
    );
    set("monitor", option(&["monitor"]));
    set("name", option(&["name"]));
    let user = option(&["basic_auth_username", "basicAuthUsername"]);
    let password = option(&["basic_auth_password", "basicAuthPassword"]);
    match (user, password) {
        (None, None) => {}
        (Some(user), Some(password)) => {
            let mut login = Map::new();
            login.insert("username".to_owned(), user);
            login.insert("password".to_owned(), password);
            set("basic_auth", Some(login.into()));
        }
        _ => {
            return Err(
                "a login needs both basic_auth_username and basic_auth_password".to_owned(),
            );
        }
    }
    Ok(entry)
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
