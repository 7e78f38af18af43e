//! What to run: a declaration and the caller's surroundings become the full process environment (`pm2_env`) that
//! `prepare` takes.
//!
//! ```text
//! file -> config -> declared attributes -> declaration (checked, canonical) -> prepare -> pm2_env     client
//!                                                          pm2_env -> launch -> program, arguments, environment     daemon
//! ```
//!
//! Apart from reading files, looking programs up and running a short-lived `node` for configurations that are code,
//! everything here is a function of its arguments. Only [`launch`], [`agent`] and [`cron`] are used by the daemon.

#![forbid(unsafe_code)]

pub mod agent;
mod batch;
pub mod caller;
pub mod config;
pub mod cron;
pub mod declaration;
pub mod dump;
mod environment;
mod error;
mod interpreter;
pub mod launch;
mod log_paths;
mod nearest;
mod owner;
mod prepare;
mod restart;
pub mod schema;
mod script;
pub mod settings;
mod text;
mod value;

pub use batch::{Batch, declare};
pub use caller::{Caller, Program};
pub use config::{Config, ConfigError, is_config_file, load_file, load_text};
pub use declaration::{
    Declaration, DeclarationErrors, Normalised, Overrides, Warning, normalise, options,
};
pub use error::AppError;
pub use prepare::{Options, Prepared, app_name, process_env};
pub use restart::{restart_env, update_env};
