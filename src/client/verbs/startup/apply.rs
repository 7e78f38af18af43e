//! Doing what is planned. With a root folder only files are written or removed there, as for an image of a system; the
//! commands are then for whoever boots it.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::plan::{Plan, PlannedFile};
use crate::client::{ClientError, Progress, Session};

pub(super) fn install(
    session: &Session,
    plan: &Plan,
    root: Option<&Path>,
) -> Result<(), ClientError> {
    for file in &plan.files {
        let path = within(root, &file.path);
        session.progress(&Progress::Info(format!(
            "Writing init configuration in {}",
            path.display()
        )));
        write(&path, file).map_err(|source| ClientError::File {
            what: "write",
            path,
            source,
        })?;
    }
    if root.is_some() {
        return Ok(());
    }
    session.progress(&Progress::Info(
        "Making script booting at startup...".to_owned(),
    ));
    for words in &plan.commands {
        run(session, words)?;
    }
    Ok(())
}

pub(super) fn remove(
    session: &Session,
    plan: &Plan,
    root: Option<&Path>,
) -> Result<(), ClientError> {
    let exists = |file: &&PlannedFile| within(root, &file.path).exists();
    if root.is_none() && plan.files.iter().any(|file| exists(&file)) {
        for words in &plan.commands {
            run(session, words)?;
        }
    }
    for file in plan.files.iter().filter(exists) {
        let path = within(root, &file.path);
        fs::remove_file(&path).map_err(|source| ClientError::File {
            what: "remove",
            path,
            source,
        })?;
    }
    Ok(())
}

fn within(root: Option<&Path>, path: &Path) -> PathBuf {
    root.map_or_else(
        || path.to_owned(),
        |root| root.join(path.strip_prefix("/").unwrap_or(path)),
    )
}

fn write(path: &Path, file: &PlannedFile) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, &file.text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(file.mode))
}

/// Runs a program, without a shell.
fn run(session: &Session, words: &[String]) -> Result<(), ClientError> {
    let shown = words.join(" ");
    session.progress(&Progress::Info(format!("[-] Executing: {shown}...")));
    let Some((program, args)) = words.split_first() else {
        return Ok(());
    };
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output();
    let failed = |why: String| ClientError::Refused(format!("{shown} failed: {why}"));
    let output = output.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(failed(format!("{}: {}", output.status, words.trim())));
    }
    session.progress(&Progress::Info(
        "[v] Command successfully executed.".to_owned(),
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{Caller, Program},
        client::SessionOptions,
        home::Home,
    };

    fn session(folder: &Path) -> Session {
        let home = Home::at(folder.join("h"));
        Session::new(SessionOptions {
            caller: Caller::current(home, Program::Module, None).unwrap(),
            binary: "/none".into(),
        })
    }

    fn plan(folder: &Path, command: &[&str]) -> Plan {
        Plan {
            files: vec![PlannedFile {
                path: folder.join("etc/service"),
                text: "text".to_owned(),
                mode: 0o750,
            }],
            commands: vec![super::super::plan::words(command)],
        }
    }

    #[test]
    fn files_are_written_commands_run_and_both_undone() {
        let dir = tempfile::tempdir().unwrap();
        let session = session(dir.path());
        let trace = dir.path().join("trace");
        let touch = plan(dir.path(), &["touch", trace.to_str().unwrap()]);
        install(&session, &touch, None).unwrap();
        let file = dir.path().join("etc/service");
        assert_eq!(fs::read_to_string(&file).unwrap(), "text");
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o750);
        assert!(trace.exists());
        fs::remove_file(&trace).unwrap();
        remove(&session, &touch, None).unwrap();
        assert!(!file.exists() && trace.exists());
        // There is nothing to undo any more.
        fs::remove_file(&trace).unwrap();
        remove(&session, &touch, None).unwrap();
        assert!(!trace.exists());
    }

    #[test]
    fn a_command_that_fails_is_told_of() {
        let dir = tempfile::tempdir().unwrap();
        let session = session(dir.path());
        for (command, why) in [
            (["sh", "-c", "echo why >&2; exit 3"], "exit status: 3: why"),
            (["/none/tool", "a", "b"], "No such file"),
        ] {
            let error = install(&session, &plan(dir.path(), &command), None).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn in_a_root_folder_nothing_is_run() {
        let dir = tempfile::tempdir().unwrap();
        let session = session(dir.path());
        let plan = plan(Path::new("/"), &["/none/tool"]);
        install(&session, &plan, Some(dir.path())).unwrap();
        assert!(dir.path().join("etc/service").exists());
        remove(&session, &plan, Some(dir.path())).unwrap();
        assert!(!dir.path().join("etc/service").exists());
    }
}
