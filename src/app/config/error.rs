//! Why a file does not declare apps.

use std::io;

/// What went wrong with a file; `path` is as the caller wrote it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no such file.
    #[error("File {path} not found")]
    NotFound {
        /// The file.
        path: String,
    },
    /// It cannot be read.
    #[error("File {path} cannot be read: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// It is too large to be a configuration.
    #[error("File {path} is too large: more than {limit} bytes")]
    TooLarge {
        /// The file.
        path: String,
        /// Largest size in bytes.
        limit: u64,
    },
    /// It breaks the rules of its language.
    #[error("File {path} malformated: {message}")]
    Syntax {
        /// The file.
        path: String,
        /// What and where.
        message: String,
    },
    /// Running it failed.
    #[error("File {path} malformated: {message}")]
    Thrown {
        /// The file.
        path: String,
        /// The message and the first lines of the stack.
        message: String,
    },
    /// Nothing here can run it.
    #[error("File {path} needs {needed}")]
    NoRuntime {
        /// The file.
        path: String,
        /// What to install.
        needed: &'static str,
    },
    /// It does not declare apps.
    #[error("File {path} declares no apps: {problem}")]
    Shape {
        /// The file.
        path: String,
        /// What was found where apps should be.
        problem: String,
    },
}
