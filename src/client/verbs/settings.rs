//! `get`, `set`, `multiset`, `unset`, `conf`: the settings of modules and apps.

use serde_json::{Value, json};

use super::{
    Session, VerbResult,
    act::{Action, on_each},
    raw,
    select::all,
    success,
};
use crate::{
    app::settings::{Key, Settings, SettingsError, shown},
    client::{ClientError, Progress},
};

/// `{success: true, value}`: pm2 only prints the value. All settings without a key.
pub(super) fn get(session: &Session, key: &Value) -> VerbResult {
    let settings = Settings::read(session.home())?;
    if key.is_null() {
        show(session, &settings, None);
        return Ok(Some(success()));
    }
    let (text, key) = key_of(key)?;
    let Some(value) = settings.get(&key) else {
        return Err(ClientError::Refused(format!("{text} is not set")));
    };
    if key.module().is_some() {
        session.progress(&Progress::Line(format!(
            "Value for module {} key {}: {}",
            key.first(),
            key.second(),
            shown(value)
        )));
    } else {
        show(session, &settings, Some(key.first()));
        let advice = "Modules configuration. Copy/Paste line to edit values.";
        session.progress(&Progress::Line(advice.to_owned()));
    }
    Ok(Some(raw(&json!({ "success": true, "value": value }))))
}

/// `{success: true}`. The processes of an app that has the setting are restarted with it.
pub(super) async fn set(session: &Session, key: &Value, value: &Value) -> VerbResult {
    let (text, key) = key_of(key)?;
    if value.is_null() {
        return Err(ClientError::Usage(format!(
            "set expects a value for {text}"
        )));
    }
    let settings = change(session, |settings| settings.set(&key, value.clone()))?;
    if let Some(name) = key.module() {
        if restart(session, &settings, name).await? {
            session.progress(&Progress::Info(format!("Module {name} restarted")));
        }
        session.progress(&Progress::Info("Setting changed".to_owned()));
    }
    show(session, &settings, key.module());
    Ok(Some(success()))
}

/// `{success: true}`; the text has keys and values in turn.
pub(super) fn multiset(session: &Session, pairs: &Value) -> VerbResult {
    let Value::String(text) = pairs else {
        let text = format!("multiset expects a text, such as \"key1 val1 key2 val2\", got {pairs}");
        return Err(ClientError::Usage(text));
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut keys = Vec::new();
    // As in pm2, a last key without a value sets nothing.
    for pair in words.chunks_exact(2) {
        keys.push((Key::parse(pair[0])?, pair[1]));
    }
    let settings = change(session, |settings| {
        for (key, value) in keys {
            settings.set(&key, value.into());
        }
    })?;
    show(session, &settings, None);
    Ok(Some(success()))
}

/// `{success: true}`, also if there was none.
pub(super) fn unset(session: &Session, key: &Value) -> VerbResult {
    let (_, key) = key_of(key)?;
    let settings = change(session, |settings| settings.unset(&key))?;
    show(session, &settings, None);
    Ok(Some(success()))
}

/// `set` with a value, `get` without.
pub(super) async fn conf(session: &Session, key: &Value, value: &Value) -> VerbResult {
    if value.is_null() {
        get(session, key)
    } else {
        set(session, key, value).await
    }
}

fn key_of(key: &Value) -> Result<(String, Key), ClientError> {
    let Value::String(text) = key else {
        return Err(SettingsError::Key(key.to_string()).into());
    };
    Ok((text.clone(), Key::parse(text)?))
}

fn change(session: &Session, change: impl FnOnce(&mut Settings)) -> Result<Settings, ClientError> {
    session.home().create()?;
    let mut settings = Settings::read(session.home())?;
    change(&mut settings);
    settings.write(session.home())?;
    Ok(settings)
}

/// Restarts what has this name, if a daemon runs; none is launched for it.
async fn restart(session: &Session, settings: &Settings, name: &str) -> Result<bool, ClientError> {
    if !session.connect_running().await? {
        return Ok(false);
    }
    let listed = all(session).await?;
    let ids: Vec<u32> = listed
        .iter()
        .filter(|process| process.name == name)
        .map(|process| process.pm_id)
        .collect();
    let action = Action::restart(Value::Object(settings.variables(name)));
    on_each(session, &action, &ids, &listed).await?;
    Ok(!ids.is_empty())
}

fn show(session: &Session, settings: &Settings, name: Option<&str>) {
    for line in settings.lines(name) {
        session.progress(&Progress::Line(line));
    }
}
