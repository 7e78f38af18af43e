//! `prepare`: adds the processes of an app and starts them.

use std::{os::fd::AsFd, path::Path, thread::available_parallelism};

use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use super::CallResult;
use crate::{
    app::launch::{Mode, instance_path},
    daemon::context::Daemon,
    process::{Pm2Env, Process, ProcessError, key},
    protocol::{PM2_VERSION, json::Json},
    slot::StateSlot,
};

/// Processes that one call may add.
const INSTANCES_LIMIT: i64 = 10_000;

/// What the daemon cannot do without.
const REQUIRED: &[&str] = &[
    "name",
    "pm_exec_path",
    "pm_cwd",
    "pm_out_log_path",
    "pm_err_log_path",
    "pm_pid_path",
    "exec_mode",
    "exec_interpreter",
    "env",
];

/// Whether a process gets a number among those of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbered {
    /// It counts as an instance.
    Yes,
    /// It comes from a dump, with the number it had.
    No,
}

pub(super) async fn answer(daemon: &Daemon, env: Value) -> CallResult {
    let Value::Object(mut env) = env else {
        return Err("prepare expects a process environment (an object)".to_owned());
    };
    check(&env)?;
    identify(&mut env);
    let (count, numbered) = match env.get("instances") {
        None | Some(Value::Null) => (1, Numbered::No),
        Some(instances) => (instance_count(instances, cores()), Numbered::Yes),
    };
    let listed_only = env.get("status").and_then(Value::as_str) == Some("stopped")
        || env.get("autostart") == Some(&Value::Bool(false));
    // All are listed before the first one is started: their numbers follow the order of the calls.
    let mut processes = Vec::new();
    for _ in 0..count {
        processes.push(add(daemon, env.clone(), numbered).await?);
    }
    if !listed_only {
        start_all(daemon, &processes).await?;
    }
    let children = processes.iter().map(|process| process.record().to_child());
    Ok(Some(Json::array(children)))
}

/// Starts them at the same time; the first error counts, after the others were started.
async fn start_all(daemon: &Daemon, processes: &[Process]) -> Result<(), String> {
    let mut starts = JoinSet::new();
    for process in processes {
        let (daemon, process) = (daemon.clone(), process.clone());
        starts.spawn(async move {
            process.start().await?;
            daemon.watch_as_declared(&process);
            daemon.around().announce("start", &process.record(), true);
            Ok::<(), ProcessError>(())
        });
    }
    let mut failure = None;
    while let Some(started) = starts.join_next().await {
        match started {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failure = failure.or(Some(error.to_string())),
            Err(error) => failure = failure.or(Some(error.to_string())),
        }
    }
    failure.map_or(Ok(()), Err)
}

/// One id for all processes of a call, in the environment and beside it.
fn identify(env: &mut Pm2Env) {
    let id = env
        .get("unique_id")
        .cloned()
        .unwrap_or_else(|| unique_id().into());
    if let Some(Value::Object(nested)) = env.get_mut("env") {
        nested.insert("unique_id".into(), id.clone());
    }
    env.insert("unique_id".into(), id);
}

/// A random UUID (version 4).
fn unique_id() -> String {
    let mut bytes = [0_u8; 16];
    // Ids only have to differ: without /dev/urandom (a broken chroot) the time has to do.
    if std::fs::File::open("/dev/urandom")
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes))
        .is_err()
    {
        bytes = jiff::Timestamp::now().as_nanosecond().to_be_bytes();
    }
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

fn check(env: &Pm2Env) -> Result<(), String> {
    let missing: Vec<&str> = REQUIRED
        .iter()
        .copied()
        .filter(|key| env.get(*key).is_none_or(Value::is_null))
        .collect();
    if !missing.is_empty() {
        return Err(format!(
            "the process environment lacks {}",
            missing.join(", ")
        ));
    }
    if !env.get("env").is_some_and(Value::is_object) {
        return Err("`env` of the process environment must be an object".to_owned());
    }
    Ok(())
}

fn cores() -> i64 {
    available_parallelism().map_or(1, |count| i64::try_from(count.get()).unwrap_or(1))
}

/// How many processes `instances` asks for: text and 0 mean one a core, a negative number so many fewer, at least one.
fn instance_count(instances: &Value, cores: i64) -> i64 {
    let wanted = match instances {
        Value::Number(number) => number.as_i64().unwrap_or(0),
        Value::String(text) => text.trim().parse().unwrap_or(0),
        _ => 0,
    };
    if wanted > 0 {
        wanted.min(INSTANCES_LIMIT)
    } else {
        (cores + wanted).max(1)
    }
}

/// Adds a process at rest, with its number, paths and counters, and has it kept for a later daemon.
pub(super) async fn add(
    daemon: &Daemon,
    mut env: Pm2Env,
    numbered: Numbered,
) -> Result<Process, String> {
    let failed = |error: std::io::Error| format!("cannot add the process: {error}");
    let slot = StateSlot::create("process").map_err(failed)?;
    let kept = slot.as_fd().try_clone_to_owned().map_err(failed)?;
    if numbered == Numbered::Yes {
        number_instance(daemon, &mut env);
    }
    let around = daemon.around().clone();
    // Listed at once: the next one is numbered after it.
    let process = daemon.registry().add(move |pm_id| {
        complete(&mut env, pm_id);
        Process::new(pm_id, env, slot, around)
    });
    let pm_id = process.record().pm_id;
    daemon.note_counts();
    let name = format!("{}/state", key(pm_id));
    if let Err(error) = daemon.around().keeper.keep(&name, kept.as_fd()).await {
        daemon.forget(&process);
        return Err(failed(error));
    }
    daemon.mind(&process);
    Ok(process)
}

/// Gives the smallest free number among the processes of its name.
fn number_instance(daemon: &Daemon, env: &mut Pm2Env) {
    let variable = env
        .get("instance_var")
        .and_then(Value::as_str)
        .unwrap_or("NODE_APP_INSTANCE")
        .to_owned();
    let name = env.get("name").and_then(Value::as_str).unwrap_or_default();
    let siblings = daemon.registry().named(name);
    let taken: Vec<u64> = siblings
        .iter()
        .filter_map(|process| process.record().get(&variable)?.as_u64())
        .collect();
    let free = (0..=taken.len() as u64)
        .find(|number| !taken.contains(number))
        .unwrap_or(0);
    env.insert(variable, free.into());
    if let Some(increment) = env
        .get("increment_var")
        .and_then(Value::as_str)
        .map(str::to_owned)
    {
        let values: Vec<i64> = siblings
            .iter()
            .filter_map(|process| as_whole(&process.record().get(&increment)?))
            .collect();
        let nested = env
            .get("env")
            .and_then(|nested| nested.get(&increment))
            .and_then(as_whole);
        let value = values
            .iter()
            .max()
            .map_or_else(|| nested.unwrap_or(0), |highest| highest + 1);
        env.insert(increment.clone(), value.into());
        if let Some(Value::Object(nested)) = env.get_mut("env") {
            nested.insert(increment, value.into());
        }
    }
}

fn as_whole(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_str()?.trim().parse().ok())
}

/// What a process has from its first moment on: its number, state and counters, flat variables, and paths of its own.
fn complete(env: &mut Pm2Env, pm_id: u32) {
    flatten(env);
    let merged = env
        .get("merge_logs")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    for (key, merged) in [
        ("pm_out_log_path", merged),
        ("pm_err_log_path", merged),
        ("pm_log_path", merged),
        ("pm_pid_path", false),
    ] {
        if let Some(path) = env.get(key).and_then(Value::as_str) {
            let own = instance_path(path, pm_id.into(), merged);
            env.insert(key.into(), own.into());
        }
    }
    if Mode::of(env) == Mode::Cluster {
        env.insert("_pm2_version".into(), PM2_VERSION.into());
    }
    let version = package_version(env);
    let state = json!({
        "status": "stopped",
        "pm_uptime": now(),
        "axm_actions": [],
        "axm_monitor": {},
        "axm_options": {},
        "axm_dynamic": {},
        "created_at": now(),
        "pm_id": pm_id,
        "restart_time": 0,
        "unstable_restarts": 0,
        "version": version,
    });
    env.insert("km_link".into(), false.into());
    env.insert("vizion_running".into(), false.into());
    if let Value::Object(state) = state {
        env.extend(state);
    }
    for gone in ["exit_code", "prev_restart_delay", "node_version"] {
        env.remove(gone);
    }
}

/// Variables of the nested `env` are again beside it, without displacing an attribute. The settings of the agent are
/// both: as in pm2 their text is what shows.
fn flatten(env: &mut Pm2Env) {
    let nested: Map<String, Value> = env
        .get("env")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    for (key, value) in nested {
        if key == "io" {
            env.insert(key, value);
        } else {
            env.entry(key).or_insert(value);
        }
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// The version in the nearest package.json above the script.
fn package_version(env: &Pm2Env) -> String {
    let script = env
        .get("pm_exec_path")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Path::new(script)
        .ancestors()
        .skip(1)
        .find_map(|folder| std::fs::read(folder.join("package.json")).ok())
        .and_then(|text| serde_json::from_slice::<Value>(&text).ok())
        .and_then(|package| {
            package
                .get("version")
                .and_then(Value::as_str)
                .map(str::to_owned)
        })
        .unwrap_or_else(|| "N/A".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_instances() {
        let table = [
            (json!(3), 3),
            (json!(0), 4),
            (json!(-1), 3),
            (json!(-9), 1),
            (json!("max"), 4),
            (json!("2"), 2),
            (json!(true), 4),
            (json!(1_000_000_000), INSTANCES_LIMIT),
        ];
        for (instances, expected) in table {
            assert_eq!(instance_count(&instances, 4), expected, "{instances}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let env = json!({ "name": "a", "env": 1, "pm_exec_path": "x" });
        let error = check(env.as_object().unwrap()).unwrap_err();
        assert!(
            error.contains("pm_cwd") && !error.contains("pm_exec_path"),
            "{error}"
        );
    }

    #[test]
    fn variables_do_not_displace_attributes() {
        let env = json!({ "name": "app", "env": { "name": "other", "A": "1" } });
        let mut env = env.as_object().unwrap().clone();
        flatten(&mut env);
        assert_eq!((&env["name"], &env["A"]), (&json!("app"), &json!("1")));
    }
}
