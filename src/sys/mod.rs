//! The system: everything that needs `unsafe`, and thin safe wrappers over system calls. No policy.

pub mod descriptor;
pub mod listen;
pub mod memory;
pub mod peer;
pub mod pidfd;
pub mod proc;
pub mod socket;
pub mod spawn;
pub mod terminal;
pub mod usage;
pub mod watched;
