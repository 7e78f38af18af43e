//! `sendSignalToProcessId`, `sendSignalToProcessName`: a signal to apps.

use std::str::FromStr;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{CallResult, all_procs, find, shown};
use crate::{daemon::context::Daemon, process::Process};

pub(super) fn to_process_id(daemon: &Daemon, opts: &Value) -> CallResult {
    let id = opts.get("process_id").unwrap_or(&Value::Null);
    let process = find(daemon, id).ok_or_else(|| format!("{} id unknown", shown(id)))?;
    let signal = signal_of(opts).ok_or("Error when sending signal (signal unknown)")?;
    send(daemon, &process, signal);
    Ok(Some(all_procs(daemon)))
}

pub(super) fn to_process_name(daemon: &Daemon, opts: &Value) -> CallResult {
    let name = opts
        .get("process_name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let processes = daemon.registry().named(name);
    if processes.is_empty() {
        return Err("Unknown process name".to_owned());
    }
    let wanted = opts.get("signal").unwrap_or(&Value::Null);
    let signal = signal_of(opts).ok_or_else(|| format!("Unknown signal: {}", shown(wanted)))?;
    for process in &processes {
        send(daemon, process, signal);
    }
    Ok(Some(all_procs(daemon)))
}

fn send(daemon: &Daemon, process: &Process, signal: Signal) {
    let (name, pm_id) = {
        let record = process.record();
        (record.name().to_owned(), record.pm_id)
    };
    daemon
        .journal()
        .info(format!("Sending signal {signal} to app:{name} id:{pm_id}"));
    if let Err(error) = process.signal(signal) {
        daemon.journal().error(format!(
            "cannot send {signal} to app:{name} id:{pm_id}: {error}"
        ));
    }
}

/// A signal by name (`SIGUSR2`) or number.
fn signal_of(opts: &Value) -> Option<Signal> {
    match opts.get("signal")? {
        Value::Number(number) => Signal::try_from(i32::try_from(number.as_i64()?).ok()?).ok(),
        Value::String(name) => {
            let number = name
                .parse::<i32>()
                .ok()
                .and_then(|number| Signal::try_from(number).ok());
            number.or_else(|| Signal::from_str(name).ok())
        }
        _ => None,
    }
}
