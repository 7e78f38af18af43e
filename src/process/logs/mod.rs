//! An app's output: from its pipes into its log files and onto the bus.

mod chunk;
mod file;
mod format;
mod pump;

pub(crate) use file::LogFile;
pub(crate) use format::date;
pub(crate) use pump::{Pump, Streams};
