//! Running something there.

use std::process::{Command, Stdio};

use super::target::Target;

/// The way to a host.
pub(super) struct Remote<'t> {
    target: &'t Target,
}

impl<'t> Remote<'t> {
    pub(super) fn new(target: &'t Target) -> Self {
        Self { target }
    }

    /// A shell there with this script; on this machine one here.
    pub(super) fn command(&self, script: &str) -> Command {
        let (program, args) = self.words(script);
        let mut command = Command::new(program);
        command.args(args);
        command
    }

    /// What a script prints.
    pub(super) fn read(&self, script: &str) -> Result<String, String> {
        let mut command = self.command(script);
        let output = command
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output();
        let program = command.get_program().display().to_string();
        let output = output.map_err(|error| format!("{program} cannot be run: {error}"))?;
        if !output.status.success() {
            return Err(format!("{} ended with {}", program, output.status));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn words(&self, script: &str) -> (&'static str, Vec<String>) {
        let target = self.target;
        if target.is_here() {
            return ("/bin/sh", vec!["-c".to_owned(), script.to_owned()]);
        }
        let mut args = Vec::new();
        for option in &target.ssh_options {
            args.extend(["-o".to_owned(), option.clone()]);
        }
        if let Some(port) = target.port {
            args.extend(["-p".to_owned(), port.to_string()]);
        }
        if let Some(key) = &target.key {
            args.extend(["-i".to_owned(), key.clone()]);
        }
        if target.forwards_agent {
            args.push("-A".to_owned());
        }
        let host = match &target.user {
            Some(user) => format!("{user}@{}", target.host),
            None => target.host.clone(),
        };
        args.extend(["--".to_owned(), host, script.to_owned()]);
        ("ssh", args)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::target::tests::declared, *};

    #[test]
    fn ssh_gets_what_is_declared_and_this_machine_needs_none() {
        let mut target = Target::read(&declared(), "production").unwrap().remove(0);
        let (program, args) = Remote::new(&target).words("ls");
        assert_eq!(program, "ssh");
        assert_eq!(
            args,
            [
                "-o",
                "StrictHostKeyChecking=no",
                "-p",
                "22022",
                "-i",
                "/k",
                "-A",
                "--",
                "me@one",
                "ls"
            ]
        );
        "localhost".clone_into(&mut target.host);
        let remote = Remote::new(&target);
        assert_eq!(remote.words("ls").0, "/bin/sh");
        assert_eq!(remote.read("echo here"), Ok("here".to_owned()));
        assert!(
            remote
                .read("exit 3")
                .unwrap_err()
                .contains("exit status: 3")
        );
    }
}
