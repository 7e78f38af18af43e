//! The agent in Node apps, as the daemon sees it: its file, and what the two say to each other.

mod access;
mod exception;
mod file;
mod words;

pub use file::AgentFile;
pub(super) use words::{Word, action, drain, name_of, read, report};
