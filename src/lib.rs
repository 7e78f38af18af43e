//! rpm2: pm2 rebuilt in Rust.
//!
//! One crate, built two ways: the `rpm2` executable (command and daemon) and, with the feature `addon`, the Node addon
//! behind `require('rpm2')`. Arrows point down only:
//!
//! ```text
//! cli, addon -> client -> app, protocol        daemon -> process -> app, bus, cluster -> channel -> protocol, sys
//!                                              daemon, process -> keeper -> sys
//! ```

#[cfg(feature = "addon")]
pub mod addon;
pub mod app;
pub mod bus;
pub mod channel;
pub mod cli;
pub mod client;
pub mod cluster;
pub mod daemon;
pub mod home;
pub mod keeper;
pub mod process;
pub mod protocol;
pub mod serve;
pub mod slot;
pub mod sys;
