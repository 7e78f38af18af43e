//! `connect`: find the daemon or launch it.

use serde_json::Value;

use super::{Session, VerbResult, raw};

/// The home as pm2 describes it, and whether the daemon is new.
///
/// `true` wants a daemon that ends with the caller, `false` one that does not; without either it is as it was.
pub(super) async fn connect(session: &Session, no_daemon: &Value) -> VerbResult {
    if let Value::Bool(no_daemon) = no_daemon {
        session.set_owning(*no_daemon);
    }
    let connected = session.connect().await?;
    let mut answer = serde_json::Map::new();
    answer.insert("new_pm2_instance".into(), connected.launched.into());
    answer.insert("daemon_mode".into(), (!session.is_owning()).into());
    answer.append(&mut session.home().describe());
    Ok(Some(raw(&answer)))
}
