//! `dump`, `clearDump`: the list of processes on disk.

use serde_json::Value;

use super::{Session, VerbResult, select::all, success};
use crate::{
    app::dump,
    client::{ClientError, Progress},
    home::write_private,
};

/// Why an empty list was not saved.
pub(crate) const EMPTY: &str = "Process list empty, cannot save empty list";

/// Saves the list for `resurrect`: `{success: true}`. An empty one only with `force`, since it would take the place of
/// what was there before a crash.
pub(super) async fn dump(session: &Session, force: &Value) -> VerbResult {
    let processes = all(session).await?;
    let apps: Vec<_> = processes
        .into_iter()
        .filter(|process| !process.is_module())
        .map(|process| process.pm2_env)
        .collect();
    if apps.is_empty() && !is_forced(force) {
        return Err(ClientError::Refused(EMPTY.to_owned()));
    }
    let path = session.home().dump();
    dump::write(session.home(), &dump::text(apps)).map_err(|source| ClientError::File {
        what: "save",
        path: path.clone(),
        source,
    })?;
    session.progress(&Progress::Info(format!(
        "Successfully saved in {}",
        path.display()
    )));
    Ok(Some(success()))
}

fn is_forced(force: &Value) -> bool {
    match force {
        Value::Object(options) => options.get("force") == Some(&Value::Bool(true)),
        force => force == &Value::Bool(true),
    }
}

/// Empties the saved list; the one before is kept beside, as with every save.
pub(super) fn clear(session: &Session) -> VerbResult {
    let path = session.home().dump();
    session.home().create()?;
    write_private(&path, b"[]").map_err(|source| ClientError::File {
        what: "write",
        path: path.clone(),
        source,
    })?;
    session.progress(&Progress::Info(format!(
        "Successfully created {}",
        path.display()
    )));
    Ok(None)
}
