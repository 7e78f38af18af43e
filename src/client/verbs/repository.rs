//! `pullAndRestart`, `pullAndReload`, `pullCommitId`, `backward`, `forward`: an app's git repository at another commit, and
//! the app on it. Changes that are not committed are never lost: with them nothing is done.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use super::{
    Session, VerbResult, raw, reload, restart,
    select::{Listed, all},
};
use crate::client::{ClientError, Progress};

/// Where to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum To {
    /// The newest commit of the branch that is followed.
    Newest,
    /// This one.
    Commit(String),
    /// The one before.
    Before,
    /// The one after, as far as it has been fetched.
    After,
}

/// What to do with the app then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Reload it.
    Reload,
    /// Restart it.
    Restart,
}

/// pm2's answer when nothing has changed.
const UNCHANGED: &str = "Already up-to-date or an error occured";

/// `{success, rev}` once the app runs on the commit.
pub(super) async fn go(session: &Session, name: &Value, to: To, then: Then) -> VerbResult {
    let Value::String(name) = name else {
        let text = format!("expected the name of an app, got {name}");
        return Err(ClientError::Usage(text));
    };
    say(
        session,
        &match to {
            To::Newest | To::Commit(_) => format!("Updating repository for process name {name}"),
            To::Before => {
                format!("Downgrading to previous commit repository for process name {name}")
            }
            To::After => format!("Updating to next commit repository for process name {name}"),
        },
    );
    let processes = all(session).await?;
    let is_meant = |process: &&Listed| process.name == *name || name.parse() == Ok(process.pm_id);
    let process = processes.iter().find(is_meant).ok_or_else(|| {
        ClientError::Refused(format!("No processes with this name or id : {name}"))
    })?;
    let folder = PathBuf::from(process.text("pm_cwd"));
    let after = commands(process);
    let task = {
        let (to, folder) = (to.clone(), folder.clone());
        move || change(&folder, &to)
    };
    let Some(revision) = blocking(task).await? else {
        let text = format!("{UNCHANGED} for app: {name}");
        return Err(ClientError::Refused(text));
    };
    say(session, &format!("Process successfully updated {name}"));
    say(session, &format!("Current commit {revision}"));
    for command in after {
        session.progress(&Progress::Info(format!("Executing {command}")));
        let folder = folder.clone();
        let output = blocking(move || run_after(&folder, &command)).await?;
        session.progress(&Progress::Line(output));
    }
    let options = Value::Null;
    match then {
        Then::Reload => reload::reload(session, &name.as_str().into(), &options).await?,
        Then::Restart => restart::restart(session, &name.as_str().into(), &options).await?,
    };
    Ok(Some(raw(&json!({ "success": true, "rev": revision }))))
}

/// Whether an error only says that there was nothing to do.
pub(crate) fn is_unchanged(text: &str) -> bool {
    text.starts_with(UNCHANGED) || text.starts_with("No versioning system found")
}

/// What is declared to be run after an update.
fn commands(process: &Listed) -> Vec<String> {
    let declared = process.pm2_env.get("post_update").and_then(Value::as_array);
    let texts = declared.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// The new revision; `None` if it is the old one.
fn change(folder: &Path, to: &To) -> Result<Option<String>, ClientError> {
    if git(folder, &["rev-parse", "--is-inside-work-tree"]).is_err() {
        let text = format!("No versioning system found in {}", folder.display());
        return Err(ClientError::Refused(text));
    }
    let status = git(folder, &["status", "--porcelain", "--untracked-files=no"])?;
    if !status.is_empty() {
        let text = format!(
            "{} has changes that are not committed: commit them or `git stash` them first",
            folder.display()
        );
        return Err(ClientError::Refused(text));
    }
    let before = git(folder, &["rev-parse", "HEAD"])?;
    match to {
        To::Newest => {
            git(folder, &["fetch", "--quiet"])?;
            git(folder, &["merge", "--quiet", "--ff-only", "@{upstream}"])?;
        }
        To::Commit(commit) => reset(folder, commit)?,
        To::Before => match git(folder, &["rev-parse", "--verify", "--quiet", "HEAD^"]) {
            Ok(commit) => reset(folder, &commit)?,
            Err(_) => return Ok(None),
        },
        To::After => {
            let range = "HEAD..@{upstream}";
            let list = git(folder, &["rev-list", "--reverse", "--first-parent", range])?;
            match list.lines().next() {
                Some(commit) => reset(folder, commit)?,
                None => return Ok(None),
            }
        }
    }
    let revision = git(folder, &["rev-parse", "HEAD"])?;
    Ok((revision != before).then_some(revision))
}

fn reset(folder: &Path, commit: &str) -> Result<(), ClientError> {
    let name = format!("{commit}^{{commit}}");
    let found = git(
        folder,
        &[
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &name,
        ],
    );
    let found = found.map_err(|_| {
        ClientError::Refused(format!("{} has no commit {commit}", folder.display()))
    })?;
    git(folder, &["reset", "--quiet", "--hard", &found]).map(drop)
}

/// What git prints.
fn git(folder: &Path, args: &[&str]) -> Result<String, ClientError> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(args);
    // Nobody is there to be asked for a password.
    output(
        command.env("GIT_TERMINAL_PROMPT", "0"),
        &format!("git {}", args.join(" ")),
    )
}

/// What a command that the app declares prints; it is text for a shell.
fn run_after(folder: &Path, text: &str) -> Result<String, ClientError> {
    let mut command = Command::new("/bin/sh");
    output(command.args(["-c", text]).current_dir(folder), text)
}

fn output(command: &mut Command, shown: &str) -> Result<String, ClientError> {
    let failed = |why: String| ClientError::Refused(format!("`{shown}` failed: {why}"));
    let output = command
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(failed(format!("{}; {words}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ClientError> + Send + 'static,
) -> Result<T, ClientError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(ClientError::Usage(error.to_string())))
}

fn say(session: &Session, text: &str) {
    session.progress(&Progress::Info(text.to_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Two commits in one repository, and a clone of it at the first one.
    struct Repositories {
        folder: tempfile::TempDir,
        commits: Vec<String>,
    }

    impl Repositories {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let mut repositories = Self {
                folder,
                commits: Vec::new(),
            };
            let origin = repositories.origin();
            fs::create_dir(&origin).unwrap();
            git(&origin, &["init", "--quiet", "-b", "main"]).unwrap();
            repositories.commit("one");
            let clone = repositories.clone_folder();
            let (from, to) = (origin.to_str().unwrap(), clone.to_str().unwrap());
            git(&origin, &["clone", "--quiet", from, to]).unwrap();
            repositories
        }

        fn origin(&self) -> PathBuf {
            self.folder.path().join("origin")
        }

        fn clone_folder(&self) -> PathBuf {
            self.folder.path().join("clone")
        }

        fn commit(&mut self, text: &str) {
            let origin = self.origin();
            fs::write(origin.join("file"), text).unwrap();
            git(&origin, &["add", "file"]).unwrap();
            let author = ["-c", "user.name=a", "-c", "user.email=a@b"];
            let commit = ["commit", "--quiet", "-m", text];
            git(&origin, &[&author[..], &commit[..]].concat()).unwrap();
            self.commits
                .push(git(&origin, &["rev-parse", "HEAD"]).unwrap());
        }

        fn go(&self, to: To) -> Result<Option<String>, String> {
            change(&self.clone_folder(), &to).map_err(|error| error.to_string())
        }
    }

    #[test]
    fn to_the_newest_back_forth_and_to_one_by_name() {
        let mut repositories = Repositories::new();
        assert_eq!(repositories.go(To::Newest), Ok(None));
        assert_eq!(repositories.go(To::Before), Ok(None));
        repositories.commit("two");
        repositories.commit("three");
        let [one, two, three] = repositories.commits.clone().try_into().unwrap();
        // What was not fetched yet cannot be known.
        assert_eq!(repositories.go(To::After), Ok(None));
        assert_eq!(repositories.go(To::Newest), Ok(Some(three.clone())));
        assert_eq!(repositories.go(To::Before), Ok(Some(two.clone())));
        assert_eq!(repositories.go(To::After), Ok(Some(three.clone())));
        assert_eq!(repositories.go(To::After), Ok(None));
        let short = one[..7].to_owned();
        assert_eq!(repositories.go(To::Commit(short)), Ok(Some(one)));
        let file = repositories.clone_folder().join("file");
        assert_eq!(fs::read_to_string(file).unwrap(), "one");
    }

    #[test]
    fn nothing_is_lost() {
        let mut repositories = Repositories::new();
        repositories.commit("two");
        let file = repositories.clone_folder().join("file");
        fs::write(&file, "mine").unwrap();
        for to in [To::Newest, To::Before, To::Commit("HEAD".to_owned())] {
            let error = repositories.go(to).unwrap_err();
            assert!(error.contains("not committed"), "{error}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }

    #[test]
    fn what_is_no_repository_or_no_commit_is_told() {
        let repositories = Repositories::new();
        let error = repositories
            .go(To::Commit("--hard".to_owned()))
            .unwrap_err();
        assert!(error.contains("has no commit --hard"), "{error}");
        let plain = tempfile::tempdir().unwrap();
        let error = change(plain.path(), &To::Newest).unwrap_err().to_string();
        assert!(is_unchanged(&error), "{error}");
    }
}
