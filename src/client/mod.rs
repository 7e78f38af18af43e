//! Talking to the daemon: find or launch it, call it, listen to its bus. Shared by the command and the addon; the
//! meaning of each of pm2's verbs is in [`verbs`].

#![forbid(unsafe_code)]

mod connection;
mod error;
mod lane;
mod launch;
mod progress;
mod session;
mod subscription;
pub mod verbs;

pub use error::ClientError;
pub use lane::{Answer, Lane, Outcome};
pub use progress::Progress;
pub use session::{Connected, Session, SessionOptions};
pub use subscription::Subscription;
