//! `ping`: is the daemon there?

use super::{Session, VerbResult};

/// The daemon's `{msg: "pong"}`.
pub(super) async fn ping(session: &Session) -> VerbResult {
    session.call("ping", &["{}"]).await
}
