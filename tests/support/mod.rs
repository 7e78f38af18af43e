//! What the tests share.

pub(crate) mod apps;
pub(crate) mod homes;
pub(crate) mod kept;
pub(crate) mod old_daemon;
