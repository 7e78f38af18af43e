//! The log files that an app's attributes name.

use std::io;

use nix::errno::Errno;
use serde_json::Value;

use super::{
    command::ProcessError,
    logs::{self, LogFile, LogFiles},
    record::Pm2Env,
    saved::Saved,
    settings::switch,
    task::Task,
};

/// Opens them.
pub(super) fn open_logs(env: &Pm2Env) -> Result<LogFiles, ProcessError> {
    let disabled = switch(env, "disable_logs", false);
    let open = |key: &str| {
        let path = env
            .get(key)
            .and_then(Value::as_str)
            .filter(|_| !disabled)
            .unwrap_or_default();
        LogFile::open(path).map_err(|source| ProcessError::Log {
            code: error_name(&source),
            path: path.to_owned(),
            source,
        })
    };
    let both = env
        .get("pm_log_path")
        .is_some_and(Value::is_string)
        .then(|| open("pm_log_path"))
        .transpose()?;
    Ok((open("pm_out_log_path")?, open("pm_err_log_path")?, both))
}

impl Task {
    /// Writes what the daemon before us had read of the app's output and not yet written.
    pub(super) fn settle_output(&self, saved: &Saved) {
        if !self.around.transit.has_of(saved.pm_id) {
            return;
        }
        let env = saved.env.unpack();
        match open_logs(&env) {
            Ok(files) => logs::settle(saved.pm_id, &env, files, &self.slot, &self.around),
            Err(error) => self.around.journal.error(error),
        }
    }
}

/// The short name that Node puts before an error of the system.
fn error_name(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(
        || "EIO".to_owned(),
        |number| format!("{:?}", Errno::from_raw(number)),
    )
}
