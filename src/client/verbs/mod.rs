//! What each of pm2's verbs means, one file a verb. [`dispatch`] finds a verb by pm2's name for it.

use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

use super::{ClientError, Session};

mod act;
mod connect;
mod delete;
mod describe;
mod get_version;
mod kill_daemon;
mod list;
mod ping;
mod reload;
mod restart;
mod select;
mod send_data_to_process_id;
mod send_signal;
mod start;
mod stop;
mod update;

pub use update::{Updated, update};

/// The arguments of a verb: the raw JSON of each.
pub type Arguments = Vec<Box<RawValue>>;
/// The raw JSON of a verb's result.
pub type VerbResult = Result<Option<Box<RawValue>>, ClientError>;

/// Runs the verb that pm2's module calls `verb`.
pub async fn dispatch(session: &Session, verb: &str, args: Arguments) -> VerbResult {
    let value = |index: usize| args.get(index).map_or(Value::Null, |raw| read(raw));
    match verb {
        "connect" => connect::connect(session).await,
        "list" => list::list(session).await,
        "ping" => ping::ping(session).await,
        "getVersion" => get_version::get_version(session).await,
        "sendDataToProcessId" => {
            send_data_to_process_id::send_data_to_process_id(session, &args).await
        }
        "start" => start::start(session, &args).await,
        "stop" => stop::stop(session, &value(0)).await,
        "restart" => restart::restart(session, &value(0), &value(1)).await,
        "reload" => reload::reload(session, value(0), &value(1)).await,
        "delete" => delete::delete(session, &value(0)).await,
        "describe" => describe::describe(session, &value(0)).await,
        "sendSignalToProcessName" => {
            send_signal::to_process_name(session, &value(0), &value(1)).await
        }
        "sendSignalToProcessId" => send_signal::to_process_id(session, &value(0), &value(1)).await,
        "update" => update(session)
            .await
            .map(|_| Some(raw(&json!({ "success": true })))),
        "killDaemon" => kill_daemon::kill_daemon(session).await,
        _ => Err(ClientError::Usage(format!("unknown verb `{verb}`"))),
    }
}

fn read(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

/// The JSON of a value.
pub(crate) fn raw<T: serde::Serialize>(value: &T) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
