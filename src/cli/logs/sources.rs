//! Whose logs are meant, and in which files they are.

use std::path::PathBuf;

use regex_lite::Regex;

use crate::{cli::listed::Listed, client::ClientError, home::Home};

/// Standard output, standard error, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Streams {
    Both,
    Out,
    Err,
}

/// The processes whose logs are meant.
#[derive(Debug)]
enum Who {
    All,
    Pattern(Regex),
    /// Name, number or namespace.
    Named(String),
}

/// Whose logs are meant.
#[derive(Debug)]
pub(crate) struct Sources {
    who: Who,
    streams: Streams,
}

/// A log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// `0|name`.
    pub(crate) label: String,
    /// Whether it is one of standard error.
    pub(crate) is_error: bool,
}

impl Sources {
    pub(crate) fn new(target: &str, streams: Streams) -> Result<Self, ClientError> {
        let pattern = target
            .strip_prefix('/')
            .and_then(|rest| rest.strip_suffix('/'));
        let who = match pattern {
            _ if target == "all" => Who::All,
            Some(pattern) => Who::Pattern(Regex::new(pattern).map_err(|error| {
                ClientError::Usage(format!("/{pattern}/ is not a regular expression: {error}"))
            })?),
            None => Who::Named(target.to_owned()),
        };
        Ok(Self { who, streams })
    }

    /// Whether the process is meant.
    pub(crate) fn includes(&self, process: &Listed) -> bool {
        self.is_meant(&process.name, &process.id(), &process.text("namespace"))
    }

    /// Whether a process of this name, number and namespace is meant.
    pub(crate) fn is_meant(&self, name: &str, id: &str, namespace: &str) -> bool {
        match &self.who {
            Who::All => true,
            Who::Pattern(pattern) => pattern.is_match(name),
            Who::Named(target) => [name, id, namespace].contains(&target.as_str()),
        }
    }

    /// Whether this stream is meant.
    pub(crate) fn wants(&self, is_error: bool) -> bool {
        match self.streams {
            Streams::Both => true,
            Streams::Out => !is_error,
            Streams::Err => is_error,
        }
    }

    /// The files of the processes that are meant, each once: processes may share them.
    pub(crate) fn files(&self, processes: &[Listed], home: &Home) -> Vec<LogFile> {
        let mut files: Vec<LogFile> = Vec::new();
        if self.is_meant("PM2", "PM2", "") && self.streams == Streams::Both {
            files.push(LogFile {
                path: home.daemon_log(),
                label: "PM2".to_owned(),
                is_error: false,
            });
        }
        for process in processes.iter().filter(|process| self.includes(process)) {
            for (key, is_error) in [("pm_out_log_path", false), ("pm_err_log_path", true)] {
                let path = PathBuf::from(process.text(key));
                let is_file = path.metadata().is_ok_and(|meta| meta.is_file());
                if self.wants(is_error) && is_file && files.iter().all(|file| file.path != path) {
                    let label = format!("{}|{}", process.id(), process.name);
                    files.push(LogFile {
                        path,
                        label,
                        is_error,
                    });
                }
            }
        }
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn meant(target: &str) -> [bool; 3] {
        let sources = Sources::new(target, Streams::Both).unwrap();
        [
            ("web", "0", "blue"),
            ("job", "1", "blue"),
            ("PM2", "PM2", ""),
        ]
        .map(|(name, id, namespace)| sources.is_meant(name, id, namespace))
    }

    #[test]
    fn targets_are_names_numbers_namespaces_and_patterns() {
        assert_eq!(meant("all"), [true; 3]);
        assert_eq!(meant("web"), [true, false, false]);
        assert_eq!(meant("1"), [false, true, false]);
        assert_eq!(meant("blue"), [true, true, false]);
        assert_eq!(meant("/^j/"), [false, true, false]);
        assert_eq!(meant("PM2"), [false, false, true]);
        assert!(Sources::new("/(/", Streams::Both).is_err());
    }

    #[test]
    fn a_file_that_processes_share_is_shown_once_and_devices_never() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, "").unwrap();
            path.display().to_string()
        };
        let listed = |pm_id: u32, err: String| -> Listed {
            serde_json::from_value(json!({"pm_id": pm_id, "name": "a", "pm2_env": {"pm_out_log_path": path("out"), "pm_err_log_path": err}})).unwrap()
        };
        let processes = [listed(0, path("err")), listed(1, "/dev/null".to_owned())];
        let files = |streams| {
            let sources = Sources::new("a", streams).unwrap();
            let files = sources.files(&processes, &Home::at(dir.path()));
            files
                .into_iter()
                .map(|file| (file.label, file.is_error))
                .collect::<Vec<_>>()
        };
        let of = |is_error| ("0|a".to_owned(), is_error);
        assert_eq!(files(Streams::Both), [of(false), of(true)]);
        assert_eq!(files(Streams::Err), [of(true)]);
        assert_eq!(files(Streams::Out), [of(false)]);
    }
}
