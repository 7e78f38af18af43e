//! `profile`: a profile of the daemon, where it is pm2's.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Session, VerbResult, raw};
use crate::client::{ClientError, Progress};

/// How long to profile if the caller does not say.
const TIME: Duration = Duration::from_secs(10);

/// `{file}` once it is written. Our own daemon has no V8 in it, and says so.
pub(super) async fn profile(session: &Session, kind: &Value, time: &Value) -> VerbResult {
    let (method, ending) = match kind.as_str() {
        Some("cpu") => ("profileCPU", "cpuprofile"),
        Some("mem") => ("profileMEM", "heapprofile"),
        _ => {
            let text = format!("profile expects `cpu` or `mem`, got {kind}");
            return Err(ClientError::Usage(text));
        }
    };
    let milliseconds = match time {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let milliseconds = milliseconds.unwrap_or(u64::try_from(TIME.as_millis()).unwrap_or(0));
    let now = jiff::Zoned::now().strftime("%Y-%m-%d-%H-%M-%S").to_string();
    let file = session.caller().cwd.join(format!("{now}.{ending}"));
    session.progress(&Progress::Line(format!(
        "Starting {method} profiling for {milliseconds}ms..."
    )));
    let order = json!({ "pwd": file.to_string_lossy(), "timeout": milliseconds });
    let answer: Value = session.call_as(method, &[&order.to_string()]).await?;
    if let Some(error) = answer.get("error").and_then(Value::as_str) {
        return Err(ClientError::Refused(error.to_owned()));
    }
    Ok(Some(raw(&answer)))
}
