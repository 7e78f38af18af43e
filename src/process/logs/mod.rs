//! An app's output: from its pipes into its log files and onto the bus.

mod chunk;
mod file;
mod flow;
mod format;
mod kind;
mod outlet;
mod pump;
mod settle;
mod transit;

pub(crate) use self::{
    file::LogFile,
    format::date,
    pump::{Pump, Streams},
    settle::settle,
};
pub use transit::{KEPT as TRANSIT_KEPT, Transit};

/// The files of standard output, of standard error, and of both together if wanted.
pub(crate) type LogFiles = (LogFile, LogFile, Option<LogFile>);
