//! Why a declared app cannot be started.

use std::path::PathBuf;

/// One reason; the texts are pm2's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppError {
    /// The declaration has no script.
    #[error("No script path - aborting")]
    NoScript,
    /// The script is neither a file nor a program in PATH.
    #[error("Script not found: {}", .0.display())]
    ScriptNotFound(PathBuf),
    /// The interpreter is not installed.
    #[error("Interpreter {0} is NOT AVAILABLE in PATH. (type 'which {0}' to double check.)")]
    Interpreter(String),
    /// Nothing here runs TypeScript.
    #[error(
        "TypeScript apps require bun, Node.js >= 22.18 (native type stripping) or a custom interpreter (e.g. --interpreter ts-node)"
    )]
    TypeScript,
    /// Only root can choose the user.
    #[error("To use UID and GID please run PM2 as root")]
    NotRoot,
    /// The user does not exist.
    #[error("User {0} cannot be found")]
    User(String),
    /// The group does not exist.
    #[error("Group {0} cannot be found")]
    Group(String),
}
