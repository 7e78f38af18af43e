//! `stop(file)`, `delete(file)`: the listed processes of the apps that a file declares.

use serde_json::{Map, Value};

use super::{
    Session, VerbResult,
    act::{Action, on_each_whole},
    raw,
    select::{Listed, all},
};
use crate::{
    app::{self, Options, Overrides},
    client::ClientError,
};

/// Attributes of apps as they are declared.
pub(super) type RawApps = Vec<Map<String, Value>>;

/// What a file declares. It may run Node, which takes a while.
pub(super) async fn load(session: &Session, path: &str) -> Result<app::Config, ClientError> {
    let (path, caller) = (path.to_owned(), session.caller().clone());
    let loaded = tokio::task::spawn_blocking(move || app::load_file(&path, &caller)).await;
    let loaded = loaded.map_err(|error| ClientError::Usage(error.to_string()))?;
    loaded.map_err(|error| match error {
        app::ConfigError::NotFound { path } => ClientError::NoFile { path },
        error => ClientError::Usage(error.to_string()),
    })
}

/// Does the action on every listed process of the declared apps, those that `only` among the options names. The
/// daemon's answers as they are; apps that are not listed are passed over.
pub(super) async fn act(
    session: &Session,
    path: &str,
    options: &Value,
    action: &Action,
) -> VerbResult {
    let apps = load(session, path).await?.all_apps(session.binary());
    let only = options.get("only").and_then(Value::as_str);
    let listed = all(session).await?;
    let ids = ids(&apps, only, &listed)?;
    Ok(Some(raw(
        &on_each_whole(session, action, &ids, &listed).await?
    )))
}

fn ids(apps: &RawApps, only: Option<&str>, listed: &[Listed]) -> Result<Vec<u32>, ClientError> {
    let batch = app::declare(apps, &Overrides::default(), only, &Options::default());
    let batch = batch.map_err(ClientError::Attributes)?;
    let mut ids = Vec::new();
    for (name, _) in &batch.apps {
        let of_app = listed.iter().filter(|process| process.name == *name);
        for process in of_app {
            // The same name may be declared twice.
            if !ids.contains(&process.pm_id) {
                ids.push(process.pm_id);
            }
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_listed_processes_of_the_declared_names() {
        let apps: RawApps = serde_json::from_value(json!([
            { "script": "b.js" }, { "script": "x.js", "name": "a" }, { "script": "c.js" }, { "script": "b.js" }
        ]))
        .unwrap();
        let listed: Vec<Listed> = serde_json::from_value(json!([
            { "pm_id": 0, "name": "a" }, { "pm_id": 1, "name": "b" }, { "pm_id": 2, "name": "a" }, { "pm_id": 3, "name": "d" }
        ]))
        .unwrap();
        assert_eq!(ids(&apps, None, &listed).unwrap(), [1, 0, 2]);
        assert_eq!(ids(&apps, Some("a"), &listed).unwrap(), [0, 2]);
        let wrong = vec![json!({ "name": 5 }).as_object().unwrap().clone()];
        assert!(ids(&wrong, None, &listed).is_err());
    }
}
