//! `restart`: ends processes if they run and starts them.

use serde_json::{Map, Value, json};

use super::{
    Session, VerbResult,
    act::{Action, on_each},
    raw,
    select::{all, select},
};

/// pm2's short answers, one a process. With `updateEnv` the caller's environment is taken anew.
pub(super) async fn restart(session: &Session, target: &Value, options: &Value) -> VerbResult {
    let processes = all(session).await?;
    let ids = select(&processes, target)?;
    let update = options
        .get("updateEnv")
        .or_else(|| options.get("update_env"))
        .and_then(Value::as_bool);
    let env = if update == Some(true) {
        caller_environment(session)
    } else {
        Map::new()
    };
    let action = Action {
        method: "restartProcessId",
        event: Some("restart"),
        stops_watch: false,
        env: Some(json!(env)),
    };
    Ok(Some(raw(
        &on_each(session, &action, &ids, &processes).await?
    )))
}

fn caller_environment(session: &Session) -> Map<String, Value> {
    session
        .caller()
        .env
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect()
}
