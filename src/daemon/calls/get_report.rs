//! `getReport`: the daemon about itself.

use serde_json::json;

use super::result;
use crate::{
    daemon::context::Daemon,
    protocol::{PM2_VERSION, json::Json, rpm2_version},
};

pub(super) fn answer(daemon: &Daemon) -> Option<Json> {
    let started = jiff::Timestamp::now().as_millisecond()
        - i64::try_from(daemon.uptime().as_millis()).unwrap_or(0);
    result(&json!({
        "pm2_version": PM2_VERSION,
        "rpm2_version": rpm2_version(),
        "rpm2_pid": std::process::id(),
        "rpm2_path": std::env::current_exe().ok(),
        "node_version": "N/A",
        "node_path": "N/A",
        "argv0": "rpm2",
        "argv": std::env::args().collect::<Vec<_>>(),
        "user": std::env::var("USER").ok(),
        "uid": nix::unistd::geteuid().as_raw(),
        "gid": nix::unistd::getegid().as_raw(),
        "env": std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into()))
            .collect::<serde_json::Map<_, _>>(),
        "managed_apps": daemon.registry().len(),
        "started_at": started,
    }))
}
