//! Where an app's logs and pid go.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{
    Caller, Declaration,
    text::{expand_home, file_name, resolve},
};

/// Sets the paths of logs and pid file. Declared ones are seen from `cwd`, the others lie in the home; the id is put
/// in by the daemon.
pub(super) fn set(
    env: &mut Map<String, Value>,
    name: &str,
    declaration: &Declaration,
    cwd: &Path,
    caller: &Caller,
) {
    let file = file_name(name);
    let (logs, pids) = (caller.home.logs(), caller.home.pids());
    let declared = |attribute| {
        declaration
            .text(attribute)
            .map(|path| custom(path, cwd, caller))
    };
    let mut insert = |key: &str, path: PathBuf| {
        env.insert(key.to_owned(), path.to_string_lossy().into());
    };
    insert(
        "pm_out_log_path",
        declared("out_file").unwrap_or_else(|| logs.join(format!("{file}-out.log"))),
    );
    insert(
        "pm_err_log_path",
        declared("error_file").unwrap_or_else(|| logs.join(format!("{file}-error.log"))),
    );
    insert(
        "pm_pid_path",
        declared("pid_file").unwrap_or_else(|| pids.join(format!("{file}.pid"))),
    );
    let both = match declaration.get("log_file") {
        Some(Value::Bool(true)) => Some(logs.join(format!("{file}.log"))),
        _ => declared("log_file"),
    };
    if let Some(both) = both {
        insert("pm_log_path", both);
    }
}

fn custom(path: &str, cwd: &Path, caller: &Caller) -> PathBuf {
    if matches!(path, "NULL" | "/dev/null") {
        return PathBuf::from("/dev/null");
    }
    resolve(cwd, expand_home(path, caller.user_home()))
}
