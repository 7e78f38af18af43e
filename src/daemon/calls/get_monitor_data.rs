//! `getMonitorData`: every process with its use of memory and processor.

use serde_json::{Value, json};

use serde_json::value::RawValue;

use super::result;
use crate::daemon::context::Daemon;

pub(super) fn answer(daemon: &Daemon) -> Option<Box<RawValue>> {
    let list: Vec<Value> = daemon
        .registry()
        .all()
        .iter()
        .map(|process| {
            let (memory, cpu) = process.measure();
            let mut shown = process.record().to_proc();
            shown["monit"] = json!({ "memory": memory, "cpu": whole(cpu) });
            shown
        })
        .collect();
    result(&list)
}

/// A number without a fraction is written without one, as JavaScript does.
pub(super) fn whole(number: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "percentages are small, and the fraction is zero"
    )]
    if number.fract() == 0.0 {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}
