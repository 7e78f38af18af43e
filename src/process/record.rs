//! What is known of a process: `pm2_env` and what belongs to its present run. The process's task writes it, anybody
//! reads it, in a few lines under a mutex.

use std::{os::fd::OwnedFd, sync::Arc, time::Duration};

use nix::sys::signal::Signal;
use serde_json::{Map, Value, json, value::RawValue};

use super::{agent, identity::Identity, measured::Measured, packed::Packed, place::RunName};
use crate::{
    app::launch::Mode,
    channel::{ChannelError, ChannelSender},
    protocol::json::Json,
    sys::pidfd::Handle,
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
    env: Packed,
    /// What of it is asked for at every message.
    identity: Identity,
    /// The same status as in `pm2_env`.
    pub status: Status,
    /// Process id; 0 when there is none.
    pub pid: i32,
    /// Number as a cluster worker, in cluster mode.
    pub worker: Option<u32>,
    /// Which run it is: how many reloads there were before.
    pub(super) serial: u32,
    /// The highest serial of all its runs.
    pub(super) last_serial: u32,
    /// When the present run began, in milliseconds since 1970; 0 before the first.
    pub(super) started: i64,
    /// Whether something changed since it was last kept for a later daemon.
    pub(super) changed: bool,
    /// What the agent in the present run can be asked to do; `None` while no agent has said that it is there.
    pub(super) agent: Option<Vec<String>>,
    /// The exception that the app is dying of, to be told after its last words.
    pub(super) exception: Option<Box<RawValue>>,
    /// Where to write to the running app.
    pub live: Option<Live>,
    /// The last measurement of the present run, which the next one is told from.
    pub(super) measured: Option<Measured>,
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
    /// Makes the app, which must have the agent, end its connections, and stay until its stop signal comes, at most
    /// this long: its handler of that signal runs even if nothing else is left to do.
    pub fn drain(&self, patience: Duration, signal: Signal) -> Result<(), ChannelError> {
        let line = agent::drain(patience, signal.as_str());
        self.channel.send_internal(&line)
    }
}

impl Record {
    /// A record of a process that has not run.
    pub fn new(pm_id: u32, env: &Pm2Env) -> Self {
        Self {
            pm_id,
            env: env.into(),
            identity: Identity::of(pm_id, env),
            status: Status::Stopped,
            pid: 0,
            worker: None,
            serial: 0,
            last_serial: 0,
            started: 0,
            changed: true,
            agent: None,
            exception: None,
            live: None,
            measured: None,
        }
    }

    /// Attributes, environment and state, to be worked with.
    pub fn env(&self) -> Pm2Env {
        self.env.unpack()
    }

    /// The same as it is kept.
    pub(super) fn packed(&self) -> &Packed {
        &self.env
    }

    /// One attribute.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.env.get(key)
    }

    /// Its name; empty only if it was declared without.
    pub fn name(&self) -> &str {
        &self.identity.name
    }

    /// A text attribute; empty when missing or no text.
    pub fn text(&self, key: &str) -> String {
        self.env.get_text(key).unwrap_or_default()
    }

    /// The JSON of the `process` member of its events.
    pub(super) fn identity(&self) -> Arc<str> {
        Arc::clone(&self.identity.full)
    }

    /// The same of a message without type and data.
    pub(super) fn raw_identity(&self) -> Arc<str> {
        Arc::clone(&self.identity.raw)
    }

    /// Its number as pm2 shows it: that of a replaced worker is a text.
    pub(super) fn shown_id(&self) -> String {
        let parked = self.env.get_text("pm_id");
        parked.unwrap_or_else(|| self.pm_id.to_string())
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
        self.identity.mode == Mode::Cluster
    }

    /// Whether the present run has the agent.
    pub fn has_agent(&self) -> bool {
        self.agent.is_some()
    }

    /// Whether the agent, and no one else in the app, has announced this action.
    pub fn is_of_agent(&self, action: &str) -> bool {
        let actions = self.agent.as_ref();
        actions.is_some_and(|actions| actions.iter().any(|known| known == action))
    }

    /// Has the agent say once more what it said to a daemon that is dead.
    pub(super) fn ask_agent(&self) {
        if let Some(live) = self.live.as_ref().filter(|_| self.has_agent()) {
            // An app that takes nothing more has ended, or does not read what it has.
            let _ = live.channel.send_internal(agent::report());
        }
    }

    /// Forgets what the app said of itself when it ran; its options are seen until the next run.
    pub(super) fn forget_run(&mut self) {
        self.agent = None;
        self.set("axm_monitor", Map::new());
        self.set("axm_actions", Vec::<Value>::new());
    }

    /// Sets the status, here and in `env`.
    pub fn set_status(&mut self, status: Status) {
        self.status = status;
        self.set("status", status.as_str());
    }

    /// Sets an attribute.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.env.set(key, &value.into());
        if Identity::is_of(key) {
            self.identity = Identity::of(self.pm_id, &self.env.unpack());
        }
        self.changed = true;
    }

    /// Changes several attributes; `null` removes one.
    pub(super) fn change(&mut self, changes: Map<String, Value>) {
        let mut env = self.env.unpack();
        for (key, value) in changes {
            if value.is_null() {
                env.remove(&key);
            } else {
                env.insert(key, value);
            }
        }
        self.env = (&env).into();
        self.identity = Identity::of(self.pm_id, &env);
        self.changed = true;
    }

    /// A whole number among the attributes.
    pub fn number(&self, key: &str) -> i64 {
        let value = self.env.get(key);
        value.as_ref().and_then(Value::as_i64).unwrap_or_default()
    }

    /// pm2's short shape, `{pid, name, pm2_env, pm_id}`, as JSON.
    pub fn to_proc(&self) -> Json {
        self.proc_with("")
    }

    /// The same with its use of memory, in bytes, and of the processor, in percent.
    pub fn to_measured_proc(&self, memory: u64, cpu: f64) -> Json {
        // A number without a fraction is written without one, as JavaScript does.
        self.proc_with(&format!(",\"monit\":{{\"memory\":{memory},\"cpu\":{cpu}}}"))
    }

    fn proc_with(&self, more: &str) -> Json {
        let (pid, name, id) = (self.pid, &self.identity.name_json, self.pm_id);
        let head = format!("{{\"pid\":{pid},\"name\":{name},\"pm2_env\":");
        let tail = format!(",\"pm_id\":{id}{more}}}");
        Json::made(self.env.text_within(&head, &tail))
    }

    /// pm2's shape of what was started, `{pm2_env, process: {pid}, ...}`, as JSON.
    pub fn to_child(&self) -> Json {
        let pid = self.pid;
        let head = match self.worker {
            Some(id) => format!("\"id\":{id},\"state\":{}", json!(self.status.as_str())),
            None => format!("\"pid\":{pid}"),
        };
        let env = self.env.text();
        Json::made(format!(
            "{{{head},\"process\":{{\"pid\":{pid}}},\"pm2_env\":{env}}}"
        ))
    }

    /// `pm2_env` without the environment, as bus events carry it, as JSON.
    pub fn to_event(&self) -> String {
        self.env.text_of_event()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::stop::stop_signal, *};

    fn record() -> Record {
        let Value::Object(env) =
            json!({ "name": "app", "exec_mode": "fork_mode", "env": { "SECRET": "1" } })
        else {
            panic!("an object")
        };
        Record::new(3, &env)
    }

    #[test]
    fn both_shapes_have_pm2s_members() {
        let mut record = record();
        record.set_status(Status::WaitingRestart);
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let proc = read(&record.to_proc().to_text());
        assert_eq!(
            (&proc["pid"], &proc["name"], &proc["pm_id"]),
            (&json!(0), &json!("app"), &json!(3))
        );
        assert_eq!(proc["pm2_env"]["status"], "waiting restart");
        record.pid = 77;
        let child = read(&record.to_child().to_text());
        assert_eq!(
            (&child["pid"], &child["process"]["pid"]),
            (&json!(77), &json!(77))
        );
        assert!(child.get("name").is_none() && child.get("pm_id").is_none());
        record.worker = Some(5);
        assert_eq!(read(&record.to_child().to_text())["id"], 5);
        let measured = read(&record.to_measured_proc(1024, 2.5).to_text());
        assert_eq!(measured["monit"], json!({ "memory": 1024, "cpu": 2.5 }));
        let measured = record.to_measured_proc(1024, 3.0);
        assert!(measured.to_text().ends_with("\"cpu\":3}}"), "{measured:?}");
    }

    #[tokio::test]
    async fn a_run_with_the_agent_can_be_drained_and_says_all_again() {
        let (_reader, sender, child) = crate::channel::open().unwrap();
        let pid = i32::try_from(std::process::id()).unwrap();
        let mut record = record();
        record.set("PM2_KILL_SIGNAL", "SIGUSR2");
        let live = Live {
            handle: Handle::open(pid).unwrap(),
            channel: sender,
            stdin: None,
        };
        record.live = Some(live);
        record.ask_agent();
        record.agent = Some(Vec::new());
        record.ask_agent();
        let live = record.live.as_ref().unwrap();
        live.drain(Duration::from_secs(8), stop_signal(&record))
            .unwrap();
        let mut buffer = [0; 1024];
        let count = nix::unistd::read(&child, &mut buffer).unwrap();
        let lines = std::str::from_utf8(&buffer[..count]).unwrap();
        let expected = "{\"cmd\":\"NODE_RPM2\",\"act\":\"report\"}\n\
            {\"cmd\":\"NODE_RPM2\",\"act\":\"drain\",\"for\":8000,\"signal\":\"SIGUSR2\"}\n";
        assert_eq!(lines, expected);
        record.forget_run();
        assert!(!record.has_agent());
    }

    #[test]
    fn events_carry_no_environment() {
        let event: Pm2Env = serde_json::from_str(&record().to_event()).unwrap();
        assert!(event.contains_key("name") && !event.contains_key("env"));
    }
}
