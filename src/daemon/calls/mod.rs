//! The methods of rpc.sock, one file a verb. Errors are pm2's texts, word for word.

mod action;
mod delete_process_id;
mod duplicate_process_id;
mod get_monitor_data;
mod get_report;
mod get_system_data;
mod kill_me;
mod logs;
mod meta;
mod notify;
mod prepare;
mod reload_process_id;
mod restart_process_id;
mod retire_process_id;
mod send_data_to_process_id;
mod send_line_to_stdin;
mod send_signal;
mod start_process_id;
mod stop_process_id;
mod update;
mod watch;

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Map, Value, json, value::RawValue};

pub(super) use self::get_system_data::LastLook;
use super::{batch::Batch, context::Daemon};
use crate::{
    process::Process,
    protocol::{PM2_VERSION, json::Json},
};

/// The JSON of a result, or the text of an error.
pub(super) type CallResult = Result<Option<Json>, String>;

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    /// Its process id, confirmed by the system.
    pub pid: Option<i32>,
}

/// Every method with the names of its parameters, as `methods` lists them.
const METHODS: &[(&str, &[&str])] = &[
    ("prepare", &["env", "cb"]),
    ("getMonitorData", &["env", "cb"]),
    ("getSystemData", &["env", "cb"]),
    ("startProcessId", &["id", "cb"]),
    ("stopProcessId", &["id", "cb"]),
    ("restartProcessId", &["opts", "cb"]),
    ("reloadProcessId", &["opts", "cb"]),
    ("softReloadProcessId", &["opts", "cb"]),
    ("deleteProcessId", &["id", "cb"]),
    ("duplicateProcessId", &["id", "cb"]),
    ("resetMetaProcessId", &["id", "cb"]),
    ("sendDataToProcessId", &["packet", "cb"]),
    ("msgProcess", &["cmd", "cb"]),
    ("sendLineToStdin", &["packet", "cb"]),
    ("sendSignalToProcessId", &["opts", "cb"]),
    ("sendSignalToProcessName", &["opts", "cb"]),
    ("startWatch", &["method", "value", "cb"]),
    ("stopWatch", &["method", "value", "cb"]),
    ("toggleWatch", &["method", "value", "cb"]),
    ("notifyByProcessId", &["opts", "cb"]),
    ("notifyKillPM2", &[]),
    ("monitor", &["id", "cb"]),
    ("unmonitor", &["id", "cb"]),
    ("reloadLogs", &["opts", "cb"]),
    ("ping", &["opts", "cb"]),
    ("getVersion", &["opts", "cb"]),
    ("getReport", &["opts", "cb"]),
    ("profileCPU", &["opts", "cb"]),
    ("profileMEM", &["opts", "cb"]),
    ("killMe", &["opts", "cb"]),
];

/// Ours beyond pm2's; not listed.
const UPDATE: &str = "rpm2Update";
const RETIRE: &str = "rpm2RetireProcessId";

/// Whether there is such a method.
pub(super) fn exists(method: &str) -> bool {
    [UPDATE, RETIRE].contains(&method) || METHODS.iter().any(|(name, _)| *name == method)
}

/// The JSON of the list of methods.
pub(super) fn methods() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let list = METHODS.iter().map(|(name, params)| {
            (
                (*name).to_owned(),
                json!({ "name": name, "params": params }),
            )
        });
        json!({ "methods": list.collect::<Map<_, _>>() }).to_string()
    });
    &TEXT
}

/// Answers the methods that need not wait for anything, in the order in which they come; `None` for the others. The
/// arguments are parts of the `body`.
pub(super) fn answer_now(
    daemon: &Daemon,
    method: &str,
    args: &[&RawValue],
    body: &Bytes,
    batch: &mut Batch,
) -> Option<CallResult> {
    let first = args.first().map_or("null", |raw| raw.get());
    Some(match method {
        "sendDataToProcessId" => {
            let packet = args.first().map(|raw| body.slice_ref(raw.get().as_bytes()));
            send_data_to_process_id::answer(daemon, packet.unwrap_or_default(), batch)
        }
        "msgProcess" => action::msg_process(daemon, first),
        "sendLineToStdin" => send_line_to_stdin::answer(daemon, &read(first)),
        "getMonitorData" => Ok(Some(get_monitor_data::answer(daemon))),
        "sendSignalToProcessId" => send_signal::to_process_id(daemon, &read(first)),
        "sendSignalToProcessName" => send_signal::to_process_name(daemon, &read(first)),
        "notifyByProcessId" => notify::by_process_id(daemon, &read(first)),
        "resetMetaProcessId" => meta::reset(daemon, &read(first)),
        "monitor" => meta::monitor(daemon, &read(first), true),
        "unmonitor" => meta::monitor(daemon, &read(first), false),
        "ping" => Ok(result(&json!({ "msg": "pong" }))),
        "getVersion" => Ok(result(&PM2_VERSION)),
        "getReport" => Ok(get_report::answer(daemon)),
        "profileCPU" | "profileMEM" => Ok(result(&json!({
            "error": "the rpm2 daemon is a native program: there is no V8 in it to profile; profile an app instead",
        }))),
        _ => return None,
    })
}

/// Answers the other methods, once their effect is there; `None` where there is never an answer.
pub(super) async fn answer(
    daemon: &Daemon,
    method: &str,
    args: Vec<Box<RawValue>>,
    caller: Caller,
) -> Option<CallResult> {
    let mut values = args.iter().map(|raw| read(raw.get()));
    let first = values.next().unwrap_or_default();
    Some(match method {
        "prepare" => prepare::answer(daemon, first).await,
        "getSystemData" => get_system_data::answer(daemon).await,
        "startProcessId" => start_process_id::answer(daemon, &first).await,
        "stopProcessId" => stop_process_id::answer(daemon, &first).await,
        "restartProcessId" => restart_process_id::answer(daemon, &first).await,
        "reloadProcessId" => reload_process_id::answer(daemon, &first, false).await,
        "softReloadProcessId" => reload_process_id::answer(daemon, &first, true).await,
        RETIRE => retire_process_id::answer(daemon, &first).await,
        "deleteProcessId" => delete_process_id::answer(daemon, &first).await,
        "duplicateProcessId" => duplicate_process_id::answer(daemon, &first).await,
        "startWatch" => watch::start(daemon, &values.next().unwrap_or_default()),
        "toggleWatch" => watch::toggle(daemon, &values.next().unwrap_or_default()),
        "stopWatch" => Ok(watch::stop(
            daemon,
            &first,
            &values.next().unwrap_or_default(),
        )),
        "reloadLogs" => logs::reload(daemon).await,
        UPDATE => update::run(daemon, &first).await,
        "notifyKillPM2" => {
            daemon.close_for_restarts();
            return None;
        }
        "killMe" => {
            kill_me::run(daemon, &first, caller).await;
            return None;
        }
        _ => Err(format!("method \"{method}\" does not exist")),
    })
}

/// The value of JSON text that was checked before; too deep a nesting reads as `null`.
fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// The JSON of a result.
fn result<T: serde::Serialize>(value: &T) -> Option<Json> {
    Json::of(value)
}

/// A process number, given as a number or as text.
fn id_of(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|id| u32::try_from(id).ok()),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// The process that a value names, if there is one.
fn find(daemon: &Daemon, value: &Value) -> Option<Process> {
    daemon.registry().get(id_of(value)?)
}

/// A value as JavaScript puts it into a text.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "undefined".to_owned(),
        Value::Object(_) => "[object Object]".to_owned(),
        other => other.to_string(),
    }
}

/// Every process in pm2's short shape.
fn all_procs(daemon: &Daemon) -> Json {
    let processes = daemon.registry().all();
    Json::array(processes.iter().map(|process| process.record().to_proc()))
}
