//! Integration tests: one binary, one file for each subject.
fn main() {}
