//! `update`: keeper and daemon go on as the installed version; no app is restarted.

use std::{fs, path::Path, time::Duration};

use serde::Deserialize;
use serde_json::json;

use crate::client::{ClientError, Session};

/// How long the next daemon may take to answer.
const DEADLINE: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What an update has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// The version of the daemon before.
    pub from: String,
    /// The version of the daemon now.
    pub to: String,
    /// How many apps it has, none of which was restarted.
    pub apps: usize,
}

/// What a daemon says of itself; pm2's says less.
#[derive(Debug, Deserialize)]
struct Report {
    #[serde(default)]
    pm2_version: String,
    rpm2_version: Option<String>,
    #[serde(default)]
    rpm2_pid: u32,
    #[serde(default)]
    rpm2_path: String,
    #[serde(default)]
    managed_apps: usize,
}

/// Has keeper and daemon go on as the session's executable, and waits until the next daemon answers. `None` if there is
/// no daemon: none is launched. After an error the version before serves on.
pub async fn update(session: &Session) -> Result<Option<Updated>, ClientError> {
    if !session.connect_running().await? {
        return Ok(None);
    }
    let before: Report = session.call_as("getReport", &["{}"]).await?;
    let Some(from) = before.rpm2_version.clone() else {
        return Err(ClientError::Refused(format!(
            "the daemon of {} is pm2 {}, not rpm2, and cannot be updated to it: `pm2 save` and `pm2 kill`, then start \
             the apps with rpm2",
            session.home().root().display(),
            before.pm2_version
        )));
    };
    let path = std::path::absolute(session.binary()).map_err(|source| ClientError::Connect {
        path: session.binary().to_owned(),
        source,
    })?;
    let log = session.home().daemon_log();
    let log_before = fs::metadata(&log).map_or(0, |meta| meta.len());
    let argument = json!({ "path": path.to_string_lossy() }).to_string();
    session.call("rpm2Update", &[&argument]).await?;
    session.close();
    let next = async {
        loop {
            if let Ok(report) = look(session).await
                && report.rpm2_pid != before.rpm2_pid
            {
                return report;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    let now = tokio::time::timeout(DEADLINE, next).await.map_err(|_| {
        ClientError::Refused(format!(
            "the daemon of {} does not answer since the update; the apps run on; see {}",
            path.display(),
            log.display()
        ))
    })?;
    let to = now.rpm2_version.clone().unwrap_or_default();
    if has_gone_back(&before, &now, &path) {
        return Err(ClientError::Refused(format!(
            "the daemon of {} does not come up{}: version {to} serves again, no app was touched; see {}",
            path.display(),
            last_words(&log, log_before),
            log.display()
        )));
    }
    Ok(Some(Updated {
        from,
        to,
        apps: now.managed_apps,
    }))
}

/// Asks whoever serves; launches nothing.
async fn look(session: &Session) -> Result<Report, ClientError> {
    if session.connect_running().await? {
        session.call_as("getReport", &["{}"]).await
    } else {
        Err(ClientError::Closed)
    }
}

/// Whether the daemon is the executable from before the update, which may have been replaced at its path.
fn has_gone_back(before: &Report, now: &Report, wanted: &Path) -> bool {
    let at = |report: &Report| {
        let path = report.rpm2_path.as_str();
        path.strip_suffix(" (deleted)").unwrap_or(path).to_owned()
    };
    let wanted = fs::canonicalize(wanted).unwrap_or_else(|_| wanted.to_owned());
    at(before) == at(now) && Path::new(&now.rpm2_path) != wanted
}

/// What a daemon that could not start has written since: its words stand there without a time.
fn last_words(log: &Path, from: u64) -> String {
    let text = fs::read(log).unwrap_or_default();
    let new = usize::try_from(from).ok().and_then(|from| text.get(from..));
    let new = String::from_utf8_lossy(new.unwrap_or_default());
    let line = new.lines().rev().find(|line| {
        !line.is_empty()
            && *line != crate::protocol::READY
            && !line.contains(": PM2 log: ")
            && !line.contains(": PM2 error: ")
    });
    line.map_or_else(String::new, |line| format!(" ({line})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(path: &str) -> Report {
        serde_json::from_value(json!({ "rpm2_path": path })).unwrap()
    }

    #[test]
    fn going_back_is_told_from_an_update_in_place() {
        let wanted = Path::new("/none/rpm2");
        let table = [
            ("/none/rpm2 (deleted)", "/none/rpm2", false),
            ("/none/rpm2 (deleted)", "/none/rpm2 (deleted)", true),
            ("/none/rpm2", "/none/rpm2", false),
            ("/none/old", "/none/rpm2", false),
            ("/none/old", "/none/old (deleted)", true),
        ];
        for (before, now, expected) in table {
            let is = has_gone_back(&report(before), &report(now), wanted);
            assert_eq!(is, expected, "{before} {now}");
        }
    }
}
