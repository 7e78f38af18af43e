//! `sendLineToStdin`: text for an app's standard input.

use serde_json::{Value, json};

use super::{Session, VerbResult};
use crate::client::ClientError;

/// `{pm_id, line}`, with what ends the line: a newline if nothing else is given.
pub(super) async fn send_line_to_stdin(
    session: &Session,
    id: &Value,
    line: &Value,
    end: &Value,
) -> VerbResult {
    let Value::String(line) = line else {
        let text = format!("sendLineToStdin expects (id, line), the line a text, got {line}");
        return Err(ClientError::Usage(text));
    };
    let end = end.as_str().unwrap_or("\n");
    let packet = json!({ "pm_id": id, "line": format!("{line}{end}") });
    session
        .call("sendLineToStdin", &[&packet.to_string()])
        .await
}
