//! Integration tests: one binary, one file for each subject.

mod channel;
mod cluster_listen;
mod cluster_protocols;
mod cluster_workers;
mod support;
