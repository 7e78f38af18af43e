//! `list`: every process.

use super::{Session, VerbResult};

/// All processes as the daemon describes them.
pub(super) async fn list(session: &Session) -> VerbResult {
    session.call("getMonitorData", &["{}"]).await
}
