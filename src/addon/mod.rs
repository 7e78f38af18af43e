//! The Node addon: `#[napi]` wrappers over [`crate::client`], nothing else. The face of it is index.js.

mod client;
mod deliveries;
mod failure;
mod lane;
mod runtime;
