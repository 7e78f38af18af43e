//! Running processes. [`Process`] is the handle; behind it one task owns the process's state and is driven by
//! messages. Decisions ([`restart`]) are pure; effects are at the edge.

#![forbid(unsafe_code)]

pub(crate) mod agent;
mod begin;
mod command;
mod exit;
mod hand_over;
mod handle;
mod identity;
mod launch;
mod leave;
mod log_files;
pub(crate) mod logs;
mod measured;
mod members;
mod messages;
mod outlet;
mod own_variables;
mod owner;
mod packed;
mod place;
mod record;
mod reload;
mod restart;
mod resume;
mod resume_reload;
mod retire;
mod saved;
mod settings;
mod sight;
mod stages;
mod stop;
mod swap;
mod task;
mod tree;
mod watch;

pub use agent::AgentFile;
pub use command::{Change, ProcessError, Reload, Restart};
pub use handle::Process;
pub use launch::{KeptRun, Resumed};
pub use logs::{TRANSIT_KEPT, Transit};
pub use outlet::Surroundings;
pub use place::{RunName, key};
pub use record::{Pm2Env, Record, Status};
pub use resume::Inheritance;
pub use resume_reload::{Inherited, OldRun};
pub use saved::Saved;
pub use watch::{WatchRule, shown};
