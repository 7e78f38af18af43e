//! `getMonitorData`: every process with its use of memory and processor.

use crate::{daemon::context::Daemon, protocol::json::Json};

pub(super) fn answer(daemon: &Daemon) -> Json {
    let processes = daemon.registry().all();
    Json::array(processes.iter().map(|process| {
        let (memory, cpu) = process.measure();
        process.record().to_measured_proc(memory, cpu)
    }))
}
