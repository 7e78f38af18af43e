//! Git, for apps that are in a repository.

use std::{path::Path, process::Command};

/// Runs git in a folder, with an author of its own: what it prints.
pub(crate) fn git(folder: &Path, args: &[&str]) -> String {
    let author = ["-c", "user.name=a", "-c", "user.email=a@b"];
    let mut command = Command::new("git");
    let output = command
        .arg("-C")
        .arg(folder)
        .args(author)
        .args(args)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
