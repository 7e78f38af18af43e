//! What each of pm2's verbs means, one file a verb. [`dispatch`] finds a verb by pm2's name for it.

use serde_json::value::{RawValue, to_raw_value};

use super::{ClientError, Session};

mod connect;
mod get_version;
mod list;
mod ping;
mod send_data_to_process_id;

/// The arguments of a verb: the raw JSON of each.
pub type Arguments = Vec<Box<RawValue>>;
/// The raw JSON of a verb's result.
pub type VerbResult = Result<Option<Box<RawValue>>, ClientError>;

/// Runs the verb that pm2's module calls `verb`.
pub async fn dispatch(session: &Session, verb: &str, args: Arguments) -> VerbResult {
    match verb {
        "connect" => connect::connect(session).await,
        "list" => list::list(session).await,
        "ping" => ping::ping(session).await,
        "getVersion" => get_version::get_version(session).await,
        "sendDataToProcessId" => {
            send_data_to_process_id::send_data_to_process_id(session, &args).await
        }
        _ => Err(ClientError::Usage(format!("unknown verb `{verb}`"))),
    }
}

/// The JSON of a value.
pub(crate) fn raw<T: serde::Serialize>(value: &T) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
