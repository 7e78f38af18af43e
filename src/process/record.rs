//! What is known of a process: `pm2_env` and what belongs to its present run. The process's task writes it, anybody
//! reads it, in a few lines under a mutex.

use std::os::fd::OwnedFd;

use serde_json::{Map, Value, json};

use super::place::RunName;
use crate::{
    app::launch::Mode,
    channel::ChannelSender,
    sys::{pidfd::Handle, usage::Usage},
};

/// pm2's process environment: attributes, environment and state in one flat object.
pub type Pm2Env = Map<String, Value>;

/// pm2's process status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Started, not yet known to run.
    Launching,
    /// Runs.
    Online,
    /// Asked to end.
    Stopping,
    /// Does not run.
    Stopped,
    /// Does not run because it failed too often, or could not be stopped.
    Errored,
    /// Will be started after a delay.
    WaitingRestart,
}

impl Status {
    /// The status of this name; what is no name is stopped.
    pub(crate) fn of(name: &str) -> Self {
        let all = [
            Self::Launching,
            Self::Online,
            Self::Stopping,
            Self::Errored,
            Self::WaitingRestart,
        ];
        all.into_iter()
            .find(|status| status.as_str() == name)
            .unwrap_or(Self::Stopped)
    }

    /// pm2's name for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Launching => "launching",
            Self::Online => "online",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Errored => "errored",
            Self::WaitingRestart => "waiting restart",
        }
    }
}

/// Everything known of one process.
pub struct Record {
    /// Its number, unique in the daemon.
    pub pm_id: u32,
    /// Attributes, environment and state.
    pub env: Pm2Env,
    /// The same status as in `env`.
    pub status: Status,
    /// Process id; 0 when there is none.
    pub pid: i32,
    /// Number as a cluster worker, in cluster mode.
    pub worker: Option<u32>,
    /// Which run it is: how many reloads there were before.
    pub(super) serial: u32,
    /// The highest serial of all its runs.
    pub(super) last_serial: u32,
    /// Whether our agent is in the app.
    pub agent: bool,
    /// When the present run began, in milliseconds since 1970; 0 before the first.
    pub(super) started: i64,
    /// Whether something changed since it was last kept for a later daemon.
    pub(super) changed: bool,
    /// Where to write to the running app.
    pub live: Option<Live>,
    /// The last measurement, to tell the use of the processor since then.
    pub(crate) measured: Option<(std::time::Instant, Usage)>,
}

/// Ways into a running app.
pub struct Live {
    /// The process itself, which a later one of the same number cannot be mistaken for.
    pub handle: Handle,
    /// Node's IPC channel.
    pub channel: ChannelSender,
    /// Standard input, in fork mode.
    pub stdin: Option<OwnedFd>,
}

impl Live {
    /// Tells the agent in the app that it is being replaced.
    pub(super) fn tell_to_drain(&self, patience: std::time::Duration) {
        let line = json!({ "cmd": "NODE_RPM2", "act": "drain", "for": u64::try_from(patience.as_millis()).unwrap_or(u64::MAX) });
        // Not taken: it reads nothing, and is drained as one without an agent.
        let _ = self.channel.send_internal(line.to_string().as_bytes());
    }
}

impl Record {
    /// A record of a process that has not run.
    pub fn new(pm_id: u32, env: Pm2Env) -> Self {
        Self {
            pm_id,
            env,
            status: Status::Stopped,
            pid: 0,
            worker: None,
            serial: 0,
            last_serial: 0,
            agent: false,
            started: 0,
            changed: true,
            live: None,
            measured: None,
        }
    }

    /// Its name; empty only if it was declared without.
    pub fn name(&self) -> &str {
        self.text("name")
    }

    /// A text attribute; empty when missing or no text.
    pub fn text(&self, key: &str) -> &str {
        self.env
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Its number as pm2 shows it: that of a replaced worker is a text.
    pub(super) fn shown_id(&self) -> String {
        match self.env.get("pm_id") {
            Some(Value::String(parked)) => parked.clone(),
            _ => self.pm_id.to_string(),
        }
    }

    /// Which run it is.
    pub(super) fn run_name(&self) -> RunName {
        RunName {
            pm_id: self.pm_id,
            serial: self.serial,
        }
    }

    /// Whether Node's cluster runs it.
    pub fn is_cluster(&self) -> bool {
        Mode::of(&self.env) == Mode::Cluster
    }

    /// Sets the status, here and in `env`.
    pub fn set_status(&mut self, status: Status) {
        self.status = status;
        self.set("status", status.as_str());
    }

    /// Sets an attribute.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.env.insert(key.into(), value.into());
        self.changed = true;
    }

    /// A whole number among the attributes.
    pub fn number(&self, key: &str) -> i64 {
        self.env
            .get(key)
            .and_then(Value::as_i64)
            .unwrap_or_default()
    }

    /// pm2's short shape: `{pid, name, pm2_env, pm_id}`.
    pub fn to_proc(&self) -> Value {
        json!({ "pid": self.pid, "name": self.name(), "pm2_env": self.env, "pm_id": self.pm_id })
    }

    /// pm2's shape of what was started: `{pm2_env, process: {pid}, ...}`.
    pub fn to_child(&self) -> Value {
        let mut child = Map::new();
        match self.worker {
            Some(id) => {
                child.insert("id".into(), id.into());
                child.insert("state".into(), self.status.as_str().into());
            }
            None => drop(child.insert("pid".into(), self.pid.into())),
        }
        child.insert("process".into(), json!({ "pid": self.pid }));
        child.insert("pm2_env".into(), Value::Object(self.env.clone()));
        Value::Object(child)
    }

    /// `pm2_env` without the environment, as bus events carry it.
    pub fn to_event(&self) -> Pm2Env {
        let members = self.env.iter().filter(|(key, _)| *key != "env");
        members
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let Value::Object(env) =
            json!({ "name": "app", "exec_mode": "fork_mode", "env": { "SECRET": "1" } })
        else {
            panic!("an object")
        };
        Record::new(3, env)
    }

    #[test]
    fn both_shapes_have_pm2s_members() {
        let mut record = record();
        record.set_status(Status::WaitingRestart);
        let proc = record.to_proc();
        assert_eq!(
            (&proc["pid"], &proc["name"], &proc["pm_id"]),
            (&json!(0), &json!("app"), &json!(3))
        );
        assert_eq!(proc["pm2_env"]["status"], "waiting restart");
        record.pid = 77;
        let child = record.to_child();
        assert_eq!(
            (&child["pid"], &child["process"]["pid"]),
            (&json!(77), &json!(77))
        );
        assert!(child.get("name").is_none() && child.get("pm_id").is_none());
        record.worker = Some(5);
        assert_eq!(record.to_child()["id"], 5);
    }

    #[test]
    fn events_carry_no_environment() {
        assert!(!record().to_event().contains_key("env"));
        assert!(record().to_event().contains_key("name"));
    }
}
