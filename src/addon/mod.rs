//! The Node addon: `#[napi]` wrappers over [`crate::client`], no logic.
