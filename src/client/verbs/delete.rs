//! `delete`: ends processes and forgets them.

use serde_json::Value;

use super::{
    Session, VerbResult,
    act::{Action, on_each},
    by_file, raw,
    select::{all, select},
};
use crate::app;

/// pm2's short answers, one a process; for the apps of a file the long ones.
pub(super) async fn delete(session: &Session, target: &Value, options: &Value) -> VerbResult {
    let action = Action::end("deleteProcessId", None);
    if let Value::String(text) = target
        && app::is_config_file(text)
    {
        return by_file::act(session, text, options, &action).await;
    }
    let processes = all(session).await?;
    let ids = select(&processes, target)?;
    Ok(Some(raw(
        &on_each(session, &action, &ids, &processes).await?
    )))
}
