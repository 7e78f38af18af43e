//! The class behind js/native.js.

#![expect(
    clippy::needless_pass_by_value,
    reason = "what a script passes comes by value"
)]

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
};

use napi::bindgen_prelude::Function;
use napi_derive::napi;
use serde_json::value::RawValue;

use super::{
    deliveries::{Batch, Deliveries},
    failure, runtime,
};
use crate::{
    app::{Caller, Program},
    client::{ClientError, Session, SessionOptions, verbs},
    home::Home,
};

/// Where a session works and with what.
#[napi(object)]
pub struct NativeOptions {
    /// The daemon's home.
    pub home: String,
    /// Directory that relative paths are resolved against.
    pub cwd: String,
    /// Node for apps that name no other interpreter.
    pub node: String,
    /// Executable that is launched as the daemon.
    pub binary: String,
    /// Whether the daemon outlives this process. Default: true.
    pub daemon_mode: Option<bool>,
}

/// One session with the daemon of one home.
#[napi]
pub struct NativeClient {
    caller: Caller,
    session: Session,
    deliveries: Deliveries,
}

#[napi]
impl NativeClient {
    /// A session that connects with its first call. Whatever it has for the script goes to `deliver`.
    #[napi(constructor)]
    pub fn new(options: NativeOptions, deliver: Function<'_, Batch, ()>) -> napi::Result<Self> {
        let caller = Caller::within(
            Home::at(options.home),
            Program::Module,
            Some(PathBuf::from(options.node)),
            PathBuf::from(options.cwd),
            BTreeMap::new(),
        );
        let session = Session::new(SessionOptions {
            caller: caller.clone(),
            binary: PathBuf::from(options.binary),
        });
        session.set_owning(options.daemon_mode == Some(false));
        Ok(Self {
            caller,
            session,
            deliveries: Deliveries::to(&deliver)?,
        })
    }

    /// Runs a verb with `args`, a JSON array; delivers `(id, error, result)` once, both JSON or null. `env` is the
    /// script's environment for a verb that looks at it.
    #[napi]
    pub fn invoke(
        &self,
        id: u32,
        verb: String,
        args: String,
        env: Option<HashMap<String, String>>,
    ) -> napi::Result<()> {
        let session = match env {
            Some(env) => self.session.with_caller(Caller {
                env: env.into_iter().collect(),
                ..self.caller.clone()
            }),
            None => self.session.clone(),
        };
        let deliveries = self.deliveries.clone();
        runtime::spawn(async move {
            let (error, result) = run(&session, &verb, &args).await;
            deliveries.send(id, error, result);
        })?;
        Ok(())
    }
}

/// The JSON of a verb's error and of its result; several things that failed come with what was done.
async fn run(session: &Session, verb: &str, args: &str) -> (Option<String>, Option<String>) {
    let text =
        |result: Option<Box<RawValue>>| result.map(|raw| String::from(Box::<str>::from(raw)));
    if verb == "disconnect" {
        session.close();
        return (None, None);
    }
    let args = match serde_json::from_str(args) {
        Ok(args) => args,
        Err(error) => {
            let error =
                ClientError::Usage(format!("`{verb}` got arguments that are not JSON: {error}"));
            return (Some(failure::to_json(&error)), None);
        }
    };
    match verbs::dispatch(session, verb, args).await {
        Ok(result) => (None, text(result)),
        Err(error) => {
            let json = failure::to_json(&error);
            match error {
                ClientError::Several { result, .. } => (Some(json), text(result)),
                _ => (Some(json), None),
            }
        }
    }
}
