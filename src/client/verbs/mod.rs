//! What each of pm2's verbs means, one file a verb. [`dispatch`] finds a verb by pm2's name for it.

use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

use super::{ClientError, Session};

mod act;
mod by_file;
mod connect;
mod delete;
mod describe;
mod destroy;
mod dump;
mod flush;
mod get_version;
mod kill_daemon;
mod list;
mod look_up;
pub(super) mod modules;
mod ping;
mod profile;
mod reload;
mod repository;
mod reset;
mod restart;
mod resurrect;
mod scale;
mod select;
mod send_data_to_process_id;
mod send_line_to_stdin;
mod send_signal;
mod serve;
mod settings;
pub(super) mod single;
mod slist;
mod start;
mod startup;
mod stop;
mod trigger;
mod update;

pub(crate) use dump::EMPTY as EMPTY_LIST;
pub(crate) use repository::is_unchanged;
use repository::{Then, To};
pub use update::{Updated, update};

/// The arguments of a verb: the raw JSON of each.
pub type Arguments = Vec<Box<RawValue>>;
/// The raw JSON of a verb's result.
pub type VerbResult = Result<Option<Box<RawValue>>, ClientError>;

/// Runs the verb that pm2's module calls `verb`.
pub async fn dispatch(session: &Session, verb: &str, args: Arguments) -> VerbResult {
    let value = |index: usize| args.get(index).map_or(Value::Null, |raw| read(raw));
    match verb {
        "connect" => connect::connect(session, &value(0)).await,
        "list" | "jlist" => list::list(session).await,
        "ping" => ping::ping(session).await,
        "getVersion" => get_version::get_version(session).await,
        "sendDataToProcessId" => {
            send_data_to_process_id::send_data_to_process_id(session, &args).await
        }
        "start" => start::start(session, &args).await,
        "stop" => stop::stop(session, &value(0), &value(1)).await,
        "restart" => restart::restart(session, &value(0), &value(1)).await,
        "reload" => reload::reload(session, &value(0), &value(1)).await,
        "delete" => delete::delete(session, &value(0), &value(1)).await,
        "describe" => describe::describe(session, &value(0)).await,
        "sendSignalToProcessName" => {
            send_signal::to_process_name(session, &value(0), &value(1)).await
        }
        "sendSignalToProcessId" => send_signal::to_process_id(session, &value(0), &value(1)).await,
        // Answered when no daemon lives that ends with this process.
        "ownedEnd" => {
            session.owned_end().await;
            Ok(None)
        }
        "destroy" => destroy::destroy(session, &value(0)).await,
        "scale" => scale::scale(session, &value(0), &value(1)).await,
        "reset" => reset::reset(session, &value(0)).await,
        "dump" => dump::dump(session, &value(0)).await,
        "clearDump" => dump::clear(session),
        "resurrect" => resurrect::resurrect(session).await,
        "flush" => flush::flush(session, &value(0)).await,
        "reloadLogs" => session.call("reloadLogs", &["{}"]).await,
        "sendLineToStdin" => {
            send_line_to_stdin::send_line_to_stdin(session, &value(0), &value(1), &value(2)).await
        }
        "trigger" => trigger::trigger(session, &value(0), &value(1), &value(2)).await,
        "msgProcess" => trigger::msg_process(session, &value(0)).await,
        "inspect" => trigger::inspect(session, &value(0)).await,
        "getPID" => look_up::pids(session, &value(0)).await,
        "getProcessIdByName" => look_up::ids(session, &value(0)).await,
        "env" => look_up::env(session, &value(0)).await,
        "executeRemote" => execute_remote(session, &value(0), &args).await,
        "autoinstall" => Err(ClientError::Usage(AUTOINSTALL.to_owned())),
        "get" => settings::get(session, &value(0)),
        "set" => settings::set(session, &value(0), &value(1)).await,
        "multiset" => settings::multiset(session, &value(0)),
        "unset" => settings::unset(session, &value(0)),
        "conf" => settings::conf(session, &value(0), &value(1)).await,
        "startup" => startup::startup(session, &value(0), &value(1)).await,
        "uninstallStartup" => startup::uninstall(session, &value(0), &value(1)).await,
        "serve" => serve::serve(session, &value(0), &value(1), &value(2)).await,
        "install" => modules::install(session, &value(0)).await,
        "uninstall" => modules::uninstall(session, &value(0)).await,
        "pullAndReload" | "pull" => {
            repository::go(session, &value(0), To::Newest, Then::Reload).await
        }
        "pullAndRestart" => repository::go(session, &value(0), To::Newest, Then::Restart).await,
        "pullCommitId" => {
            let to = To::Commit(value(1).as_str().unwrap_or_default().to_owned());
            repository::go(session, &value(0), to, Then::Reload).await
        }
        "backward" => repository::go(session, &value(0), To::Before, Then::Reload).await,
        "forward" => repository::go(session, &value(0), To::After, Then::Reload).await,
        "slist" => slist::slist(session).await,
        "report" => session.call("getReport", &["{}"]).await,
        "profile" => profile::profile(session, &value(0), &value(1)).await,
        "update" => update(session).await.map(|_| Some(success())),
        "killDaemon" => kill_daemon::kill_daemon(session).await,
        _ => Err(ClientError::Usage(format!("unknown verb `{verb}`"))),
    }
}

/// pm2's own fails too: what it would install is not in its package.
const AUTOINSTALL: &str =
    "autoinstall is not supported: start your apps with `start`, and save them with `dump`";

/// Calls any method of the daemon. Whatever the method, it gets an argument: pm2's daemon expects one.
async fn execute_remote(session: &Session, method: &Value, args: &Arguments) -> VerbResult {
    let Value::String(method) = method else {
        let text = format!("executeRemote expects a method of the daemon, got {method}");
        return Err(ClientError::Usage(text));
    };
    let given: Vec<&str> = args.iter().skip(1).map(|raw| raw.get()).collect();
    let given = if given.is_empty() { vec!["{}"] } else { given };
    session.call(method, &given).await
}

fn read(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

/// `{success: true}`.
fn success() -> Box<RawValue> {
    raw(&json!({ "success": true }))
}

/// The JSON of a value.
pub(crate) fn raw<T: serde::Serialize>(value: &T) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
