//! Errors on their way to JavaScript, as JSON.

use serde::Serialize;

use crate::client::ClientError;

/// What js/errors.js makes an `Error` of, or an array of them.
#[derive(Serialize)]
struct Failure<'a> {
    message: String,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<Failure<'a>>>,
}

/// The JSON of `error`.
pub(super) fn to_json(error: &ClientError) -> String {
    let code = error.code();
    let one = |message: String| Failure {
        message,
        code,
        errors: None,
    };
    let mut failure = one(error.to_string());
    if let ClientError::Several { messages, .. } = error {
        failure.errors = Some(messages.iter().cloned().map(one).collect());
    }
    serde_json::to_string(&failure).unwrap_or_else(|_| "{\"message\":\"unknown error\"}".to_owned())
}
