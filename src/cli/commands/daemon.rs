//! `daemon`: what the command becomes when it launches one.

use super::Done;
use crate::{daemon, home::Home};

pub(super) fn cmd_daemon() -> Done {
    Ok(daemon::main(&Home::from_env()?))
}
