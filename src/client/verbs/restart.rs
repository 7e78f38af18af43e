//! `restart`: ends processes if they run and starts them.

use serde_json::Value;

use super::{
    Session, VerbResult,
    act::{Action, on_each},
    raw,
    select::{all, select},
    start,
};
use crate::{app, client::ClientError};

/// pm2's short answers, one a process. With `updateEnv` the caller's environment is taken anew; attributes among the
/// options change the processes.
///
/// What is declared, by an object, an array or a file, is restarted with what it says, or started if it is not listed.
pub(super) async fn restart(session: &Session, target: &Value, options: &Value) -> VerbResult {
    if let Some(done) = start::declared(session, target, options, Action::restart).await {
        return done;
    }
    let processes = all(session).await?;
    let ids = select(&processes, target)?;
    let action = Action::restart(change(session, options)?);
    Ok(Some(raw(
        &on_each(session, &action, &ids, &processes).await?
    )))
}

/// What the options of a restart or a reload change of the processes: the `env` of the daemon's methods.
pub(super) fn change(session: &Session, options: &Value) -> Result<Value, ClientError> {
    let options = options.as_object().cloned().unwrap_or_default();
    if options.contains_key("env") {
        let text = "Using --env [env] without passing the ecosystem.config.js does not work";
        return Err(ClientError::Usage(text.to_owned()));
    }
    let update = ["updateEnv", "update_env"]
        .iter()
        .any(|key| options.get(*key) == Some(&Value::Bool(true)));
    let (raw_changes, warnings) = app::options("", &options);
    session.warn(&warnings);
    let changes = app::normalise(&raw_changes).map_err(ClientError::Attributes)?;
    Ok(Value::Object(app::update_env(
        &changes.declaration,
        session.caller(),
        update,
    )))
}
