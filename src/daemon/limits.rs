//! `max_memory_restart`: one look a second at the memory of every process with a limit, as long as there are any.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use super::context::Daemon;
use crate::{
    process::{Pm2Env, Process, ProcessError, Status},
    sys::usage,
};

/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// An app that needs more than its limit is not restarted more often than by pm2, which looks every 30 s.
const PAUSE: Duration = Duration::from_secs(30);

/// The limits of all processes.
#[derive(Default)]
pub(super) struct Limits {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    limits: BTreeMap<u32, Limit>,
    /// Whether a task looks.
    is_looked_at: bool,
}

#[derive(Debug, Clone, Copy)]
struct Limit {
    bytes: u64,
    /// When the process was last restarted for it.
    restarted: Option<Instant>,
}

impl Limit {
    /// Whether a process with so much memory is to be restarted.
    fn is_exceeded(&self, memory: u64, now: Instant) -> bool {
        let rests = self
            .restarted
            .is_some_and(|then| now.duration_since(then) < PAUSE);
        memory > self.bytes && !rests
    }
}

impl Limits {
    /// The process of this number is gone.
    pub(super) fn forget(&self, id: u32) {
        self.lock().limits.remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The limit that a process declares, in bytes.
fn declared(env: &Pm2Env) -> Option<u64> {
    match env.get("max_memory_restart")? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|bytes| *bytes > 0)
}

impl Daemon {
    /// Restarts the process when it uses more memory than its attributes allow, and not if they name no limit.
    pub(super) fn limit_as_declared(&self, process: &Process) {
        let (id, bytes) = {
            let record = process.record();
            (record.pm_id, declared(&record.env()))
        };
        let mut state = self.limits().lock();
        let Some(bytes) = bytes else {
            state.limits.remove(&id);
            return;
        };
        let restarted = state.limits.get(&id).and_then(|limit| limit.restarted);
        state.limits.insert(id, Limit { bytes, restarted });
        if !state.is_looked_at {
            state.is_looked_at = true;
            tokio::spawn(look(self.clone()));
        }
    }

    /// The processes that use more than they may, with what they use.
    fn exceeding(&self) -> Vec<(Process, u64, u64)> {
        let now = Instant::now();
        let mut state = self.limits().lock();
        let exceeding = state.limits.iter_mut().filter_map(|(id, limit)| {
            let process = self.registry().get(*id)?;
            let pid = {
                let record = process.record();
                (record.status == Status::Online).then_some(record.pid)?
            };
            let memory = usage::resident_memory(pid)?;
            limit.is_exceeded(memory, now).then(|| {
                limit.restarted = Some(now);
                (process, memory, limit.bytes)
            })
        });
        exceeding.collect()
    }

    fn restart_exceeding(&self, process: Process, memory: u64, limit: u64) {
        let id = process.record().pm_id;
        self.journal().info(format!(
            "[PM2][WORKER] Process {id} restarted because it exceeds --max-memory-restart value \
             (current_memory={memory} max_memory_limit={limit} [octets])"
        ));
        let daemon = self.clone();
        tokio::spawn(async move {
            if let Err(error) = replace(&process).await {
                let name = process.record().name().to_owned();
                daemon
                    .journal()
                    .error(format!("cannot restart {name} for its memory: {error}"));
            }
        });
    }
}

/// What a process that uses too much gets.
async fn replace(process: &Process) -> Result<(), ProcessError> {
    process.renew().await
}

/// Looks every second while there are limits, unless everything is left to another daemon or to nobody.
async fn look(daemon: Daemon) {
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        {
            let mut state = daemon.limits().lock();
            if state.limits.is_empty()
                || daemon.is_leaving()
                || daemon.around().closing.is_cancelled()
            {
                state.is_looked_at = false;
                return;
            }
        }
        for (process, memory, limit) in daemon.exceeding() {
            daemon.restart_exceeding(process, memory, limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn limits_are_bytes_as_numbers_or_text() {
        let table = [
            (json!(1000), Some(1000)),
            (json!("1000"), Some(1000)),
            (json!(0), None),
            (json!("100M"), None),
            (json!(null), None),
            (json!(-1), None),
        ];
        for (value, expected) in table {
            let env = Pm2Env::from_iter([("max_memory_restart".to_owned(), value.clone())]);
            assert_eq!(declared(&env), expected, "{value}");
        }
        assert_eq!(declared(&Pm2Env::new()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_app_that_always_needs_more_is_not_restarted_all_the_time() {
        let mut limit = Limit {
            bytes: 100,
            restarted: None,
        };
        let start = Instant::now();
        assert!(!limit.is_exceeded(100, start) && limit.is_exceeded(101, start));
        limit.restarted = Some(start);
        assert!(!limit.is_exceeded(500, start + PAUSE - LOOK_AGAIN));
        assert!(limit.is_exceeded(500, start + PAUSE));
    }
}
