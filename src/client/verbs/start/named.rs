//! `start(string)`: a listed app by name, or a script.

use serde_json::{Map, Value, json};

use super::{Options, Prepared, Session, VerbResult, prepare};
use crate::{
    app,
    client::{
        ClientError, Progress,
        verbs::{
            act::{Action, on_each},
            raw,
            select::{Listed, all, select},
        },
    },
};

pub(super) async fn start(
    session: &Session,
    text: &str,
    options: &Map<String, Value>,
) -> VerbResult {
    let listed = all(session).await?;
    if !text.contains('/') && !has_extension(text) {
        let is_id = text.parse::<u32>().is_ok();
        match select(&listed, &text.into()) {
            Ok(ids) if is_id || !ids.is_empty() => return restart(session, &ids, &listed).await,
            Err(error) if text == "all" => return Err(error),
            _ => {}
        }
    }
    let (raw_declaration, warnings) = app::options(text, options);
    session.warn(&warnings);
    let normalised = app::normalise(&raw_declaration).map_err(ClientError::Attributes)?;
    session.warn(&normalised.warnings);
    let prepared = app::process_env(
        &normalised.declaration,
        session.caller(),
        &Options::default(),
    )
    .map_err(|error| ClientError::Usage(error.to_string()))?;
    session.warn(&prepared.warnings);
    let same = same_app(&listed, &prepared);
    let forced = options.get("force").and_then(Value::as_bool) == Some(true);
    if same.is_empty() || forced {
        session.progress(&starting(&prepared));
        let children = prepare(session, &prepared).await?;
        session.progress(&Progress::Started);
        return Ok(Some(raw(&children)));
    }
    let runs =
        |process: &&&Listed| !matches!(process.text("status"), "stopped" | "stopping" | "errored");
    if same.iter().any(|process| runs(&process)) {
        return Err(ClientError::Refused("Script already launched".to_owned()));
    }
    let ids: Vec<u32> = same.iter().map(|process| process.pm_id).collect();
    restart(session, &ids, &listed).await
}

pub(in crate::client::verbs) fn starting(prepared: &Prepared) -> Progress {
    let text = |key: &str| {
        let value = prepared.env.get(key).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let instances = prepared.env.get("instances").and_then(Value::as_i64);
    Progress::Starting {
        script: text("pm_exec_path"),
        mode: text("exec_mode"),
        instances: instances.unwrap_or(1),
    }
}

/// `app.js` and the like are scripts, not names.
fn has_extension(text: &str) -> bool {
    std::path::Path::new(text).extension().is_some()
}

/// The listed processes of the same script and name.
fn same_app<'l>(listed: &'l [Listed], prepared: &Prepared) -> Vec<&'l Listed> {
    let text = |key: &str| {
        prepared
            .env
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    listed
        .iter()
        .filter(|process| {
            process.name == text("name") && process.text("pm_exec_path") == text("pm_exec_path")
        })
        .collect()
}

async fn restart(session: &Session, ids: &[u32], listed: &[Listed]) -> VerbResult {
    let action = Action::restart(json!({}));
    Ok(Some(raw(&on_each(session, &action, ids, listed).await?)))
}
