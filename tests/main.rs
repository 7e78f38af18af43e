//! Integration tests: one binary, one file for each subject.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, a panic is how a failure is told"
)]

mod channel;
mod cluster_listen;
mod cluster_protocols;
mod cluster_workers;
mod support;
