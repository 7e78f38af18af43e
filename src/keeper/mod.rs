//! The keeper: the small parent of the daemon and of every app. It forks, reaps, holds by name a copy of every
//! descriptor that must survive, and starts the daemon again when it dies; the daemon can be killed or replaced at any
//! moment without an app noticing. [`main`] is its process, [`Keeper`] the daemon's handle of it.
//!
//! ```text
//! daemon (Keeper) --requests, descriptors--> keeper (Parent) --fork, exec--> apps
//! ```

#![forbid(unsafe_code)]

mod backoff;
mod down;
mod ending;
mod executable;
mod handle;
mod launch;
mod link;
mod open;
mod packet;
mod parent;
mod requests;
mod resume;
mod start;
mod state;
mod table;
mod update;
mod wire;

pub use self::{
    handle::{Alive, Exited, Inventory, Keeper, Spawned},
    start::main,
};
