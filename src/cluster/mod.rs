//! Node's cluster primary: owns the sockets that apps in cluster mode listen on, and shares connections out.
//!
//! One [`Primary`] serves all apps, so that workers which ask for the same address share it, of whatever app they
//! are. A worker's messages reach it through [`Worker::message`]; what it has to say goes straight to the worker's
//! channel.
//!
//! A primary may go on where another died: see [`Primary::restore`] and [`Keep`]. What that needs is saved before
//! anybody is told of it. So a message of a worker may be acted on twice, by either of the two: the second time
//! changes nothing, and is answered if the first may not have been.

#![forbid(unsafe_code)]

mod accept;
mod answer;
mod balance;
mod group;
mod handoff;
mod keep;
mod least;
mod listener;
mod primary;
mod query;
mod record;
mod restore;
#[cfg(test)]
mod restore_tests;
mod saved;
mod served;
mod slots;
#[cfg(test)]
mod slots_tests;
mod state;
#[cfg(test)]
mod tests;
mod worker;

pub use self::{
    keep::{Keep, KeepFuture, NoKeep},
    primary::Primary,
    record::{Policy, Seat},
    saved::RestoreError,
    worker::{Giver, Worker, WorkerEvent},
};
