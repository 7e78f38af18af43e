//! `slist`: what the machine has and uses.

use std::time::Duration;

use super::{Session, VerbResult};

/// Rates are of the time since the last call: so long is the least that tells something.
const INTERVAL: Duration = Duration::from_millis(300);

/// pm2's metrics, by name.
pub(super) async fn slist(session: &Session) -> VerbResult {
    session.call("getSystemData", &["{}"]).await?;
    tokio::time::sleep(INTERVAL).await;
    session.call("getSystemData", &["{}"]).await
}
