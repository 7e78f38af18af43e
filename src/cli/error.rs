//! What went wrong, and the lines that say so. Every error ends the command with exit code 1.

use std::io;

use super::output::Output;
use crate::{
    app::{ConfigError, DeclarationErrors},
    client::ClientError,
    home::HomeError,
};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// The daemon or the way to it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The home.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A file that declares apps.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Apps are declared wrongly.
    #[error(transparent)]
    Attributes(#[from] DeclarationErrors),
    /// What the caller named does not exist.
    #[error("Process or Namespace {0} not found")]
    NotFound(String),
    /// Nothing is there to act on.
    #[error("No process found")]
    NoProcess,
    /// No process of that name or number, in `describe`'s words.
    #[error("{0} doesn't exist")]
    Unknown(String),
    /// An app ended as soon as it was started.
    #[error("{0}")]
    EarlyExit(String),
    /// The current folder is gone.
    #[error("cannot use the current folder: {0}; change to another one and try again")]
    Folder(io::Error),
    /// Our own path is unknown.
    #[error("cannot find the rpm2 executable: {0}; set RPM2_BINARY to its path")]
    Executable(io::Error),
    /// The async runtime.
    #[error("the system refuses what the command needs: {0}")]
    System(#[from] io::Error),
    /// An answer that cannot be read.
    #[error("the daemon's answer cannot be read: {0}; is it of another version? try `rpm2 kill`")]
    Answer(serde_json::Error),
    /// Standard input.
    #[error("standard input {0}")]
    Input(String),
}

/// An error of a verb about `target`, in the words of pm2's command.
pub(super) fn about(target: &str, error: CommandError) -> CommandError {
    let CommandError::Client(ClientError::Refused(text)) = &error else {
        return error;
    };
    match text.as_str() {
        "process name not found" => CommandError::NoProcess,
        "process or namespace not found" => CommandError::NotFound(target.to_owned()),
        "Script already launched" => CommandError::Client(ClientError::Refused(
            "Script already launched, add -f option to force re-execution".to_owned(),
        )),
        _ => error,
    }
}

/// Prints it where and as pm2 prints it.
pub(super) fn print(error: &CommandError, out: &Output) {
    match error {
        CommandError::NoProcess | CommandError::Unknown(_) => out.warn(&error.to_string()),
        CommandError::Attributes(errors)
        | CommandError::Client(ClientError::Attributes(errors)) => {
            for error in &errors.0 {
                out.advise(&error.to_string());
            }
        }
        CommandError::Client(ClientError::Several { messages, .. }) => {
            for message in messages {
                out.error(&format!("Error: {message}"));
            }
        }
        CommandError::Client(ClientError::NoFile { path }) => {
            out.error(&format!("File {path} not found"));
        }
        CommandError::Client(ClientError::Reloading { seconds }) => out.error(&format!(
            "Reload already in progress, please try again in {seconds} seconds or use --force"
        )),
        _ => out.error(&error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemons_words_become_the_commands() {
        let refused = |text: &str| CommandError::Client(ClientError::Refused(text.to_owned()));
        let table = [
            ("process name not found", "No process found"),
            (
                "process or namespace not found",
                "Process or Namespace x not found",
            ),
            (
                "Script already launched",
                "Script already launched, add -f option to force re-execution",
            ),
            ("99 : id unknown", "99 : id unknown"),
        ];
        for (daemon, command) in table {
            assert_eq!(about("x", refused(daemon)).to_string(), command);
        }
    }
}
