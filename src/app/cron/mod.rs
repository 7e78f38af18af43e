//! Cron patterns of five or six fields: whether one makes sense, and when it is due.

mod check;
mod pattern;

pub(super) use check::check;
pub use pattern::{CronPattern, fill_in};
