//! Integration tests: one binary, one file for each subject.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod channel;
mod cluster_listen;
mod cluster_protocols;
mod cluster_workers;
mod support;
