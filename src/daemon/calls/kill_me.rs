//! `killMe`: the end of the daemon.

use serde_json::Value;

use super::Caller;
use crate::daemon::context::Daemon;

/// Ends every app that is left and the daemon. The caller named itself and waits for our signal; it gets one only if
/// the system confirms who it is.
pub(super) async fn run(daemon: &Daemon, opts: &Value, caller: Caller) {
    daemon.journal().info("PM2 is being killed via CLI");
    daemon.close_for_restarts();
    daemon.stop_all().await;
    daemon.say_killed("pm2 has been killed via CLI");
    let named = opts
        .get("pid")
        .and_then(Value::as_i64)
        .and_then(|pid| i32::try_from(pid).ok());
    if let (Some(named), Some(pid)) = (named, caller.pid)
        && named == pid
    {
        daemon.bid_farewell_to(pid);
    }
    daemon.end();
}
