//! `delete`: ends processes and forgets them.

use serde_json::Value;

use super::{
    Session, VerbResult,
    act::{Action, on_each},
    raw,
    select::{all, select},
};

/// pm2's short answers, one a process.
pub(super) async fn delete(session: &Session, target: &Value) -> VerbResult {
    let processes = all(session).await?;
    let ids = select(&processes, target)?;
    let action = Action::end("deleteProcessId", None);
    Ok(Some(raw(
        &on_each(session, &action, &ids, &processes).await?
    )))
}
