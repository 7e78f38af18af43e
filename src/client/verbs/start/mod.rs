//! `start`: new processes, or a restart of what is listed already.

mod declared;
mod named;

pub(super) use named::starting;

use serde_json::{Map, Value, value::RawValue};

pub(super) use self::declared::ForListed;
use super::{Session, VerbResult, act::Action, read};
use crate::{
    app::{self, Options, Prepared},
    client::ClientError,
};

/// `(script | name | id, options?)`, `(object | array)`, `(file, options?)`, `(options)`.
pub(super) async fn start(session: &Session, args: &[Box<RawValue>]) -> VerbResult {
    let value = |index: usize| args.get(index).map_or(Value::Null, |raw| read(raw));
    let options = value(1);
    if let Some(done) = declared(session, &value(0), &options, Action::restart).await {
        return done;
    }
    match value(0) {
        Value::String(text) => named::start(session, &text, &object(&options)).await,
        other => Err(ClientError::Usage(format!(
            "start expects a script, a file, an app (object) or an array of apps, got {other}"
        ))),
    }
}

/// Starts what an object, an array or a file declares; `for_listed` is done with what is listed already. `None` if it is
/// none of these.
pub(super) async fn declared(
    session: &Session,
    what: &Value,
    options: &Value,
    for_listed: ForListed,
) -> Option<VerbResult> {
    let options = object(options);
    Some(match what {
        Value::String(text) if app::is_config_file(text) => {
            declared::from_file(session, text, &options, for_listed).await
        }
        Value::Object(object) => {
            declared::from_object(session, object.clone(), &options, for_listed).await
        }
        Value::Array(list) => {
            declared::from_array(session, list.clone(), &options, for_listed).await
        }
        _ => return None,
    })
}

fn object(options: &Value) -> Map<String, Value> {
    options.as_object().cloned().unwrap_or_default()
}

/// Sends one app to the daemon: the children it made.
pub(super) async fn prepare(
    session: &Session,
    prepared: &Prepared,
) -> Result<Vec<Value>, ClientError> {
    let env = Value::Object(prepared.env.clone()).to_string();
    session.call_as("prepare", &[&env]).await
}

/// The environment that `--env` chooses.
fn chosen_env(options: &Map<String, Value>) -> Option<String> {
    options
        .get("env")
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

/// How declarations of files and objects are meant.
fn declared_options(options: &Map<String, Value>) -> Options {
    Options {
        env_name: chosen_env(options),
        from_object: true,
    }
}
