//! What the tests share.

pub(crate) mod apps;
pub(crate) mod git;
pub(crate) mod homes;
pub(crate) mod kept;
pub(crate) mod link;
pub(crate) mod old_daemon;
pub(crate) mod ports;
pub(crate) mod visitors;
pub(crate) mod web;

use std::path::PathBuf;

/// A program of the tests (`tests/programs`): cargo's examples, built with the tests, beside the folder of ours.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(|deps| deps.parent()).unwrap();
    let path = folder.join("examples").join(name);
    assert!(
        path.exists(),
        "{} is missing: `cargo test` builds it, `cargo test --test` does not; run `cargo build --examples`",
        path.display()
    );
    path
}
