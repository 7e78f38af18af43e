//! Node's cluster primary: owns the sockets that apps in cluster mode listen on, and shares connections out.
//!
//! One [`Primary`] serves all apps, so that workers which ask for the same address share it, of whatever app they
//! are. A worker's messages reach it through [`Worker::message`]; what it has to say goes straight to the worker's
//! channel.
//!
//! Plain data, which a new daemon would need to go on, is apart from sockets and tasks: `record`.

#![forbid(unsafe_code)]

mod accept;
mod answer;
mod balance;
mod handoff;
mod listener;
mod primary;
mod query;
mod record;
mod state;
#[cfg(test)]
mod tests;
mod worker;

pub use self::{
    primary::Primary,
    record::Policy,
    worker::{Worker, WorkerEvent},
};
