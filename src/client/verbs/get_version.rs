//! `getVersion`: which version the daemon is.

use super::{Session, VerbResult};

/// The daemon's version.
pub(super) async fn get_version(session: &Session) -> VerbResult {
    session.call("getVersion", &["{}"]).await
}
