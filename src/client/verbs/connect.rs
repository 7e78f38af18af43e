//! `connect`: find the daemon or launch it.

use super::{Session, VerbResult, raw};

/// The home as pm2 describes it, and whether the daemon is new.
pub(super) async fn connect(session: &Session) -> VerbResult {
    let connected = session.connect().await?;
    let mut answer = serde_json::Map::new();
    answer.insert("new_pm2_instance".into(), connected.launched.into());
    answer.insert("daemon_mode".into(), true.into());
    answer.append(&mut session.home().describe());
    Ok(Some(raw(&answer)))
}
