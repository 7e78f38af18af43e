//! The system: everything that needs `unsafe`, and thin safe wrappers over system calls. No policy.

pub mod allocator;
pub mod code;
pub mod connections;
pub mod descriptor;
pub mod established;
mod fork;
pub mod listen;
pub mod local_time;
pub mod machine;
pub mod memory;
pub mod memory_file;
pub mod peer;
pub mod pidfd;
pub mod pipe;
pub mod proc;
pub mod random;
pub mod reuse_port;
pub mod seqpacket;
pub mod shared_memory;
pub mod signals;
pub mod socket;
pub mod spawn;
pub mod tcp;
pub mod terminal;
pub mod usage;
pub mod watched;
