//! `destroy`: the end of a private daemon and of its home.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Session, VerbResult, kill_daemon, success};
use crate::{client::ClientError, home::Home};

/// Homes that are everybody's.
const COMMON: [&str; 2] = [".pm2", ".rpm2"];
/// How long the last process of the daemon may take to let go of its files.
const DEADLINE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// `{success: true}` once the daemon, its apps and the home are gone. pm2 removes whatever is in the folder; here what
/// no daemon has put there stays, unless the folder is one of the session's own making (`own`).
pub(super) async fn destroy(session: &Session, own: &Value) -> VerbResult {
    let home = session.home().clone();
    let name = home.root().file_name().unwrap_or_default();
    if COMMON.iter().any(|common| name == *common) {
        let text = format!("Destroy is not a allowed method on {}", name.display());
        return Err(ClientError::Refused(text));
    }
    kill_daemon::kill_daemon(session).await?;
    let deadline = Instant::now() + DEADLINE;
    loop {
        match remove(&home, own == &Value::Bool(true)) {
            Ok(()) => return Ok(Some(success())),
            Err(_) if Instant::now() < deadline => tokio::time::sleep(LOOK_AGAIN).await,
            Err(source) => {
                return Err(ClientError::File {
                    what: "remove",
                    path: home.root().to_owned(),
                    source,
                });
            }
        }
    }
}

fn remove(home: &Home, own: bool) -> io::Result<()> {
    if own {
        return absent(fs::remove_dir_all(home.root()));
    }
    for folder in [home.logs(), home.pids(), home.modules()] {
        absent(remove_folder(&folder))?;
    }
    for file in home.files().into_iter().chain(agents(home)) {
        absent(fs::remove_file(file))?;
    }
    match absent(fs::remove_dir(home.root())) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        done => done,
    }
}

/// The daemons' copies of the agent for Node apps.
fn agents(home: &Home) -> Vec<PathBuf> {
    let entries = fs::read_dir(home.root()).into_iter().flatten().flatten();
    let is_agent = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let hash = name
            .strip_prefix("agent-")
            .and_then(|rest| rest.strip_suffix(".cjs"));
        hash.is_some_and(|hash| {
            hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    };
    entries.map(|entry| entry.path()).filter(is_agent).collect()
}

/// A link in a folder's place is removed itself.
fn remove_folder(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

/// What is gone already need not be removed.
fn absent(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("home"));
        home.create().unwrap();
        fs::write(home.logs().join("a-out.log"), "x").unwrap();
        fs::write(home.dump(), "[]").unwrap();
        fs::write(home.root().join("agent-0123456789abcdef.cjs"), "").unwrap();
        (dir, home)
    }

    #[test]
    fn what_a_daemon_made_is_removed_and_then_the_folder() {
        let (_dir, home) = filled();
        remove(&home, false).unwrap();
        assert!(!home.root().exists());
        remove(&home, false).unwrap();
    }

    #[test]
    fn what_is_not_its_own_stays() {
        let (dir, home) = filled();
        let mine = home.root().join("letters.txt");
        fs::write(&mine, "dear").unwrap();
        let outside = dir.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "").unwrap();
        fs::remove_dir_all(home.logs()).unwrap();
        std::os::unix::fs::symlink(&outside, home.logs()).unwrap();
        remove(&home, false).unwrap();
        assert_eq!(fs::read_dir(home.root()).unwrap().count(), 1);
        assert!(mine.exists() && outside.join("kept").exists());
        remove(&home, true).unwrap();
        assert!(!home.root().exists() && outside.join("kept").exists());
    }
}
