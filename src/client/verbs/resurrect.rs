//! `resurrect`: the saved processes, those that are listed already apart.

use std::{fs, path::Path, sync::Arc};

use serde_json::{Map, Value};
use tokio::{sync::Semaphore, task::JoinSet};

use super::{Session, VerbResult, raw, select::all};
use crate::client::{ClientError, Progress};

/// More than any list takes.
const DUMP_LIMIT: u64 = 64 * 1024 * 1024;
/// Processes that are started at the same time.
const TOGETHER: usize = 8;

/// Nothing is there to be restored.
pub(crate) const NONE_SAVED: &str = "No processes saved; DUMP file doesn't exist";

/// The text of the dump. Processes whose name is listed are passed over; stopped ones are listed, the others started,
/// in the order of the dump, with new numbers. One that cannot be started does not keep the others from it.
pub(super) async fn resurrect(session: &Session) -> VerbResult {
    let listed = all(session).await?;
    let (text, saved) = read_any(session)?;
    let is_new = |env: &Map<String, Value>| {
        let name = env.get("name").and_then(Value::as_str);
        listed
            .iter()
            .all(|process| Some(process.name.as_str()) != name)
    };
    let turns = Arc::new(Semaphore::new(TOGETHER));
    let mut starts = JoinSet::new();
    for env in saved.into_iter().filter(is_new) {
        // Asked for in order: numbers follow it.
        let turn = Arc::clone(&turns).acquire_owned().await;
        let session = session.clone();
        starts.spawn(async move {
            let _turn = turn;
            restore(&session, env).await
        });
    }
    let mut messages = Vec::new();
    while let Some(done) = starts.join_next().await {
        match done {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error.is_fatal() => return Err(error),
            Ok(Err(error)) => messages.push(error.to_string()),
            Err(error) => messages.push(error.to_string()),
        }
    }
    let result = Some(raw(&text));
    if messages.is_empty() {
        Ok(result)
    } else {
        Err(ClientError::Several { messages, result })
    }
}

async fn restore(session: &Session, env: Map<String, Value>) -> Result<(), ClientError> {
    let text = |key: &str| {
        let value = env.get(key).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let (name, script) = (text("name"), text("pm_exec_path"));
    let done = session
        .call("prepare", &[&Value::Object(env).to_string()])
        .await;
    match done {
        Err(ClientError::Refused(why)) => Err(ClientError::Refused(format!(
            "{name} is not restored: {why}"
        ))),
        Err(error) => Err(error),
        Ok(_) => {
            session.progress(&Progress::Info(format!("Process {script} restored")));
            Ok(())
        }
    }
}

/// What a dump holds: its text, and the processes.
type Dump = (String, Vec<Map<String, Value>>);

/// The dump, or else the one before it.
fn read_any(session: &Session) -> Result<Dump, ClientError> {
    for path in [session.home().dump(), session.home().dump_backup()] {
        session.progress(&Progress::Info(format!(
            "Restoring processes located in {}",
            path.display()
        )));
        match read(&path) {
            Ok(dump) => return Ok(dump),
            Err(Unusable::Unread) => session.progress(&Progress::Trouble(format!(
                "Failed to read dump file in {}",
                path.display()
            ))),
            Err(Unusable::Broken) => {
                session.progress(&Progress::Trouble(format!(
                    "Failed to parse dump file in {}",
                    path.display()
                )));
                // As pm2: the next save must not make a backup of it. What cannot be removed can be read no better.
                let _ = fs::remove_file(&path);
            }
        }
    }
    Err(ClientError::Refused(NONE_SAVED.to_owned()))
}

/// Why a dump is of no use.
#[derive(Debug, PartialEq, Eq)]
enum Unusable {
    Unread,
    Broken,
}

fn read(path: &Path) -> Result<Dump, Unusable> {
    let meta = fs::metadata(path).map_err(|_| Unusable::Unread)?;
    if meta.len() > DUMP_LIMIT {
        return Err(Unusable::Unread);
    }
    let bytes = fs::read(path).map_err(|_| Unusable::Unread)?;
    let text = String::from_utf8(bytes).map_err(|_| Unusable::Broken)?;
    let saved = serde_json::from_str(&text).map_err(|_| Unusable::Broken)?;
    Ok((text, saved))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_arrays_of_objects_are_dumps() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dump.pm2");
        assert_eq!(read(&path).unwrap_err(), Unusable::Unread);
        for (text, count) in [
            ("[]", Some(0)),
            ("[{\"name\":\"a\"}]", Some(1)),
            ("{}", None),
            ("[1]", None),
            ("[{\"name\":", None),
            ("", None),
        ] {
            fs::write(&path, text).unwrap();
            let found = read(&path).map(|(_, saved)| saved.len());
            assert_eq!(found, count.ok_or(Unusable::Broken), "{text}");
        }
    }
}
