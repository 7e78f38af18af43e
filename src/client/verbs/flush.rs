//! `flush`: empties log files. The daemon writes at their ends, wherever that is.

use std::{fs::OpenOptions, io, path::Path};

use serde_json::Value;

use super::{
    Session, VerbResult,
    select::{Listed, all},
};
use crate::client::{ClientError, Progress};

/// The list of processes, as in pm2. Without a target every log is emptied, the daemon's too.
pub(super) async fn flush(session: &Session, target: &Value) -> VerbResult {
    let wanted = match target {
        Value::Null => None,
        Value::String(text) if text == "all" => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        other => {
            let text = format!("flush expects a process name or id, got {other}");
            return Err(ClientError::Usage(text));
        }
    };
    if wanted.is_none() {
        let log = session.home().daemon_log();
        session.progress(&Progress::Info(format!("Flushing {}", log.display())));
        empty(&log)?;
    }
    let is_wanted = |process: &Listed| {
        wanted
            .as_deref()
            .is_none_or(|text| process.name == text || text.parse() == Ok(process.pm_id))
    };
    for process in all(session).await?.iter().filter(|one| is_wanted(one)) {
        session.progress(&Progress::Info("Flushing:".to_owned()));
        for key in ["pm_out_log_path", "pm_err_log_path", "pm_log_path"] {
            let path = process.text(key);
            if !path.is_empty() && !path.to_lowercase().contains("/dev/null") {
                session.progress(&Progress::Info(path.to_owned()));
                empty(Path::new(path))?;
            }
        }
    }
    session.progress(&Progress::Info("Logs flushed".to_owned()));
    session.call("getMonitorData", &["{}"]).await
}

/// Empties a file; one that is not there has nothing to lose.
fn empty(path: &Path) -> Result<(), ClientError> {
    match OpenOptions::new().write(true).truncate(true).open(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ClientError::File {
            what: "empty",
            path: path.to_owned(),
            source: error,
        }),
        _ => Ok(()),
    }
}
