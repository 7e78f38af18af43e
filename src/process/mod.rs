//! Running processes. [`Process`] is the handle; behind it one task owns the process's state and is driven by
//! messages. Decisions ([`restart`]) are pure; effects are at the edge.

#![forbid(unsafe_code)]

mod begin;
mod command;
mod exit;
mod handle;
mod launch;
mod log_files;
pub(crate) mod logs;
mod messages;
mod outlet;
mod owner;
mod record;
mod restart;
mod resume;
mod saved;
mod settings;
mod stop;
mod task;
mod tree;
mod watch;

pub use command::{Change, ProcessError, Restart};
pub use handle::Process;
pub use launch::{KeptRun, Resumed, key};
pub use logs::{TRANSIT_KEPT, Transit};
pub use outlet::Surroundings;
pub use record::{Pm2Env, Record, Status};
pub use resume::Inheritance;
pub use saved::Saved;
pub use watch::{WatchRule, shown};
