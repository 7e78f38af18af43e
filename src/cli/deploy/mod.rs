//! `deploy`: apps on other machines, over ssh, as the `deploy` part of a file declares. Nothing of ours need be there.

mod plan;
mod remote;
mod target;

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

pub(super) use self::plan::Order;
use self::{
    plan::{Step, Where},
    remote::Remote,
    target::Target,
};
use super::{context::Context, error::CommandError};
use crate::client::ClientError;

/// Does what is ordered on every host of an environment, one after the other, until one fails.
pub(super) fn run(
    context: &Context,
    declared: &Value,
    environment: &str,
    order: &Order,
    force: bool,
) -> Result<(), CommandError> {
    let targets = Target::read(declared, environment).map_err(refused)?;
    let out = &context.out;
    out.lines(&format!("--> Deploying to {environment} environment"));
    let folder = &context.session.caller().cwd;
    if !force && matches!(order, Order::Update(_)) {
        check_pushed(folder).map_err(refused)?;
    }
    for target in &targets {
        out.lines(&format!("--> on host {}", target.host));
        let remote = Remote::new(target);
        let order = match order {
            Order::Revert(count) => {
                out.lines(&format!("  ○ reverting {count} deploy(s)"));
                let commit = remote
                    .read(&plan::earlier(target, *count))
                    .map_err(refused)?;
                if commit.is_empty() {
                    return Err(refused("there is nothing to go back to".to_owned()));
                }
                &Order::Update(Some(commit))
            }
            Order::List => {
                let deploys = remote.read(&plan::deploys(target)).map_err(refused)?;
                for (index, commit) in deploys.lines().rev().enumerate() {
                    out.lines(&format!("{index}\t{commit}"));
                }
                continue;
            }
            order => order,
        };
        for step in plan::steps(target, order) {
            take(context, &remote, &step, folder)?;
        }
    }
    out.lines("--> Success");
    Ok(())
}

fn take(
    context: &Context,
    remote: &Remote<'_>,
    step: &Step,
    folder: &Path,
) -> Result<(), CommandError> {
    if !step.says.is_empty() {
        context.out.lines(&format!("  ○ {}", step.says));
    }
    let mut command = match step.place {
        Where::Here => {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", &step.script]).current_dir(folder);
            command
        }
        Where::There => remote.command(&step.script),
        Where::Nowhere => return Ok(()),
    };
    let status = command.status().map_err(|error| {
        refused(format!(
            "{} cannot be run: {error}",
            command.get_program().display()
        ))
    })?;
    if status.success() {
        return Ok(());
    }
    Err(refused(format!("{} failed ({status})", step.name)))
}

/// What is deployed is what others can fetch: what is only here would be missed.
fn check_pushed(folder: &Path) -> Result<(), String> {
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        let output = command
            .arg("-C")
            .arg(folder)
            .args(args)
            .stdin(Stdio::null())
            .output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]);
    let ahead = git(&["rev-list", "--count", "@{upstream}..HEAD"]);
    let is_clean = changed.is_none_or(|changed| changed.is_empty());
    let is_pushed = ahead.is_none_or(|ahead| ahead == "0");
    if is_clean && is_pushed {
        return Ok(());
    }
    Err("push your changes before deploying (or use --force)".to_owned())
}

fn refused(text: String) -> CommandError {
    ClientError::Refused(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_that_are_not_pushed_are_noticed() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(check_pushed(dir.path()), Ok(()), "no repository");
        let (origin, clone) = (dir.path().join("origin"), dir.path().join("clone"));
        let git = |folder: &Path, args: &[&str]| {
            let author = ["-c", "user.name=a", "-c", "user.email=a@b"];
            let mut command = Command::new("git");
            command.arg("-C").arg(folder).args(author).args(args);
            assert!(command.status().unwrap().success(), "{args:?}");
        };
        std::fs::create_dir(&origin).unwrap();
        git(&origin, &["init", "-q"]);
        git(&origin, &["commit", "-q", "--allow-empty", "-m", "one"]);
        git(&origin, &["clone", "-q", ".", clone.to_str().unwrap()]);
        assert_eq!(check_pushed(&clone), Ok(()));
        std::fs::write(clone.join("file"), "").unwrap();
        assert_eq!(check_pushed(&clone), Ok(()), "not in git");
        git(&clone, &["add", "file"]);
        assert!(check_pushed(&clone).is_err());
        git(&clone, &["commit", "-q", "-m", "two"]);
        assert!(check_pushed(&clone).is_err());
    }
}
