//! What an app says on its channel: to the bus, into its record, or to the task that runs it. Bodies stay as they are.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{agent, outlet::Surroundings, place::Place, record::Record, task::lock};
use crate::{
    channel::{ChannelEvent, ChannelReader},
    cluster::{Worker, WorkerEvent},
    protocol::members::{is_truthy, pick, string},
};

/// How long the end of a channel is waited for after the end of its app.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(500);

/// What the task that runs an app needs to know from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Node's cluster worker runs.
    Online,
    /// A server of it listens.
    Listening,
    /// A server of it is closed.
    Closed,
    /// It said `ready`.
    Ready,
    /// It told something of itself that a later daemon should know too.
    Changed,
}

/// Reads the channel until its end.
pub(super) fn start(
    reader: ChannelReader,
    worker: Option<Arc<Worker>>,
    place: Place,
    around: Surroundings,
    words: mpsc::Sender<Word>,
) -> JoinHandle<()> {
    let listener = Box::new(Listener {
        worker,
        place,
        around,
        words,
    });
    let around = listener.around.clone();
    // In boxes: a future keeps what it is made of twice.
    let listener = Box::pin(listener.run(reader));
    tokio::spawn(async move { around.listen(listener).await })
}

struct Listener {
    worker: Option<Arc<Worker>>,
    place: Place,
    around: Surroundings,
    words: mpsc::Sender<Word>,
}

impl Listener {
    async fn run(self: Box<Self>, mut reader: ChannelReader) {
        loop {
            match reader.next().await {
                ChannelEvent::Message(body) => {
                    self.message(&body);
                    // The wait may be long, and a daemon that takes over must not act on it again.
                    reader.acted();
                    self.around.bus.room().await;
                }
                ChannelEvent::Cluster(message) => {
                    match self
                        .worker
                        .as_ref()
                        .and_then(|worker| worker.message(message))
                    {
                        Some(WorkerEvent::Online) => self.tell(Word::Online),
                        Some(WorkerEvent::Listening { .. }) => self.tell(Word::Listening),
                        Some(WorkerEvent::Closed) => self.tell(Word::Closed),
                        Some(WorkerEvent::ExitedAfterDisconnect) | None => {}
                    }
                }
                ChannelEvent::Agent(line) => self.agent(&line),
                ChannelEvent::TooLarge { size, limit } => self.refused(size, limit),
                ChannelEvent::NotJson { preview } => {
                    let name = lock(&self.place.record()).name().to_owned();
                    self.around.journal.error(format!(
                        "{name} wrote a line that is no JSON to its channel: {preview}"
                    ));
                }
                ChannelEvent::Torn { preview } => {
                    let name = lock(&self.place.record()).name().to_owned();
                    self.around.journal.error(format!(
                        "a long message of {name} was lost with the daemon before this one; its end: {preview}"
                    ));
                }
                ChannelEvent::Closed => break,
            }
        }
        if let Some(worker) = &self.worker {
            worker.gone();
        }
    }

    fn tell(&self, word: Word) {
        // Words beyond the few that matter may be lost: the task has what it needs by then.
        let _ = self.words.try_send(word);
    }

    /// A message over the limit was skipped: both the app's and the listeners' side are told.
    fn refused(&self, size: usize, limit: usize) {
        let (name, pm_id, process) = {
            let shared = self.place.record();
            let record = lock(&shared);
            (record.name().to_owned(), record.pm_id, record.identity())
        };
        let text = format!(
            "App [{name}:{pm_id}] sent a message of {size} bytes, over the limit of {limit}: refused"
        );
        self.around.journal.error(&text);
        let data = json!({ "error": text, "size": size, "limit": limit });
        self.around.forward(
            "rpm2:refused",
            "data",
            data.to_string().as_bytes(),
            &process,
        );
    }

    fn agent(&self, line: &[u8]) {
        match agent::read(line) {
            Some(agent::Word::Loaded(introduction)) => {
                introduction.enter(&mut lock(&self.place.record()));
                self.tell(Word::Changed);
            }
            Some(agent::Word::Exception(data)) => {
                self.around.hold_exception(&self.place.record(), data);
            }
            None => {}
        }
    }

    fn message(&self, body: &Bytes) {
        if body.as_ref() == b"\"ready\"" {
            self.tell(Word::Ready);
        }
        let [kind, data, node_version] = pick(body, ["type", "data", "node_version"]);
        if is_truthy(kind) && is_truthy(data) {
            let Some(topic) =
                string(kind).or_else(|| kind.map(|raw| String::from_utf8_lossy(raw).into_owned()))
            else {
                return;
            };
            let data = data.unwrap_or_default();
            if keep(&topic, data, &mut lock(&self.place.record())) {
                // Figures come again every second by themselves.
                if topic != "axm:monitor" {
                    self.tell(Word::Changed);
                }
            } else if self.around.bus.has_subscribers() {
                let process = lock(&self.place.record()).identity();
                self.around.forward(&topic, "data", data, &process);
            }
        } else if let Some(version) = string(node_version) {
            lock(&self.place.record()).set("node_version", version);
            self.tell(Word::Changed);
        } else if self.around.bus.has_subscribers() {
            let process = lock(&self.place.record()).raw_identity();
            self.around.forward("process:msg", "raw", body, &process);
        }
    }
}

/// Takes in what an app tells of itself and does not say to the bus.
fn keep(topic: &str, data: &[u8], record: &mut Record) -> bool {
    if !topic.starts_with("axm:") {
        return false;
    }
    let value = || serde_json::from_slice::<Value>(data).unwrap_or_default();
    match topic {
        "axm:action" => announce(record, value()),
        "axm:monitor" => merge(record, "axm_monitor", value()),
        "axm:option:configuration" => {
            let options = value();
            if let Some(name) = options
                .get("name")
                .and_then(Value::as_str)
                .filter(|name| !name.is_empty())
            {
                record.set("name", name);
            }
            merge(record, "axm_options", options);
        }
        "axm:option:setPID" => merge(record, "axm_options", json!({ "pid": value() })),
        _ => return false,
    }
    true
}

/// An action of the app itself: its own code is asked for it from now on, even if the agent could do the same.
fn announce(record: &mut Record, action: Value) {
    if let (Some(name), Some(others)) = (agent::name_of(&action), &mut record.agent) {
        others.retain(|other| other != name);
    }
    add_action(record, action);
}

/// Most actions an app may announce: a bound on what it can make us keep.
const ACTIONS_LIMIT: usize = 1000;

pub(super) fn add_action(record: &mut Record, action: Value) {
    if let Some(Value::Array(mut actions)) = record.get("axm_actions") {
        let name = action.get("action_name").cloned();
        let known = actions
            .iter()
            .any(|known| known.get("action_name").cloned() == name);
        if !known && actions.len() < ACTIONS_LIMIT {
            actions.push(action);
            record.set("axm_actions", actions);
        }
    }
}

pub(super) fn merge(record: &mut Record, name: &str, change: Value) {
    if let (Some(Value::Object(mut kept)), Value::Object(change)) = (record.get(name), change) {
        for (key, value) in change {
            if kept.len() < ACTIONS_LIMIT || kept.contains_key(&key) {
                kept.insert(key, value);
            }
        }
        record.set(name, kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let env = json!({ "name": "a", "namespace": "n", "axm_actions": [], "axm_monitor": {}, "axm_options": {} });
        Record::new(4, env.as_object().unwrap())
    }

    #[test]
    fn what_an_app_tells_of_itself_is_kept() {
        let mut record = record();
        for action in [
            r#"{"action_name":"x","arity":1}"#,
            r#"{"action_name":"x"}"#,
            r#"{"action_name":"y"}"#,
        ] {
            assert!(keep("axm:action", action.as_bytes(), &mut record));
        }
        assert!(keep("axm:monitor", br#"{"Heap":{"value":1}}"#, &mut record));
        assert!(keep(
            "axm:monitor",
            br#"{"Heap":{"value":2},"Loop":{}}"#,
            &mut record
        ));
        assert!(keep(
            "axm:option:configuration",
            br#"{"name":"new","http":true}"#,
            &mut record
        ));
        assert!(!keep("axm:reply", b"{}", &mut record) && !keep("human:event", b"{}", &mut record));
        assert_eq!(
            record.get("axm_actions").unwrap().as_array().unwrap().len(),
            2
        );
        assert_eq!(
            record.get("axm_monitor").unwrap(),
            json!({ "Heap": { "value": 2 }, "Loop": {} })
        );
        assert_eq!(
            (record.name(), &record.get("axm_options").unwrap()["http"]),
            ("new", &json!(true))
        );
    }

    #[test]
    fn an_action_of_the_apps_own_is_not_the_agents() {
        let mut record = record();
        record.agent = Some(vec!["km:heapdump".into(), "km:cpu:profiling:start".into()]);
        assert!(record.is_of_agent("km:heapdump") && !record.is_of_agent("own"));
        let action = br#"{"action_name":"km:heapdump"}"#;
        assert!(keep("axm:action", action, &mut record));
        assert!(!record.is_of_agent("km:heapdump"));
        assert!(record.is_of_agent("km:cpu:profiling:start"));
    }
}
