//! Showing logs: from the ends of files, and from the bus.

pub(super) mod follow;
pub(super) mod lines;
pub(super) mod sources;
pub(super) mod tail;
