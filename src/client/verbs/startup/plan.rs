//! What is installed, and the files and commands that do it.

use std::path::PathBuf;

/// A daemon that the system starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    /// The service's name.
    pub name: String,
    /// Who it runs as.
    pub user: String,
    /// The daemon's home.
    pub home: PathBuf,
    /// The rpm2 executable.
    pub binary: PathBuf,
    /// PATH of daemon and apps.
    pub path: String,
    /// Whether it is started only when the network is up.
    pub waits_for_network: bool,
}

impl Service {
    /// The daemon's pid file.
    pub(super) fn pid_file(&self) -> PathBuf {
        self.home.join("pm2.pid")
    }

    /// Refuses what could break out of a line or a path.
    pub(super) fn check(&self) -> Result<(), String> {
        let is_word = |text: &str| {
            !text.is_empty()
                && !text.starts_with(['-', '.'])
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte))
        };
        for (what, word) in [("name", &self.name), ("user", &self.user)] {
            if !is_word(word) {
                return Err(format!(
                    "its {what} `{word}` has to be of letters, digits, `-`, `_`, `.` and `@`"
                ));
            }
        }
        for text in [
            &*self.home.to_string_lossy(),
            &*self.binary.to_string_lossy(),
            &self.path,
        ] {
            if text.contains(|c: char| c.is_control()) {
                return Err(format!("`{}` has control characters", text.escape_debug()));
            }
        }
        Ok(())
    }
}

/// A file to be written, or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlannedFile {
    /// Where.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// Its permissions.
    pub mode: u32,
}

/// Files and commands, in this order when installing; removing runs the commands first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub files: Vec<PlannedFile>,
    /// Programs and their arguments.
    pub commands: Vec<Vec<String>>,
}

/// A command's words.
pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A service with everything that has to be quoted.
    pub(in super::super) fn service() -> Service {
        Service {
            name: "rpm2-me".to_owned(),
            user: "me".to_owned(),
            home: "/home/me/my 100% \"home\"/.rpm2".into(),
            binary: "/opt/a & b/$rpm2".into(),
            path: "/opt/bin:/bin".to_owned(),
            waits_for_network: false,
        }
    }

    #[test]
    fn names_are_words_and_nothing_has_newlines() {
        assert_eq!(service().check(), Ok(()));
        for name in ["", "a b", "../x", "-x", "a/b", "a\nb", ".x"] {
            let mut wrong = service();
            name.clone_into(&mut wrong.name);
            assert!(wrong.check().is_err(), "{name}");
            let mut wrong = service();
            name.clone_into(&mut wrong.user);
            assert!(wrong.check().is_err(), "{name}");
        }
        let mut wrong = service();
        wrong.home = "/home\nExecStart=/bin/evil".into();
        assert!(wrong.check().is_err());
    }
}
