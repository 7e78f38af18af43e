//! A daemon that can be killed (`tests/programs/old_daemon.rs`), as the test sees it that goes on as the next one.

use std::{
    collections::BTreeMap,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixListener,
    },
    process::{Child, Command, Stdio},
    sync::Arc,
};

use rpm2::{
    channel,
    cluster::{NoKeep, Primary},
    slot::StateSlot,
    sys::socket,
};
use serde_json::{Value, json};

use super::{
    apps::{App, Start},
    link::{Link, PATH},
    program,
};

/// An app of the old daemon.
pub(crate) struct Ward {
    /// Its worker's number; 0 for an app that is none.
    pub(crate) id: u32,
    /// Its process.
    pub(crate) pid: i32,
    channel: OwnedFd,
    output: std::fs::File,
}

impl Ward {
    /// Goes on with it.
    pub(crate) fn resume(self, primary: &Primary) -> App {
        let (reader, sender) = channel::resume(self.channel).unwrap();
        let worker = (self.id > 0).then(|| {
            let worker = primary.resume_worker(self.id, sender.clone());
            Arc::new(worker.expect("a known worker"))
        });
        App::new(self.pid, reader, sender, worker, self.output)
    }
}

/// The old daemon, as the test sees it. Killed when dropped.
pub(crate) struct OldDaemon {
    process: Child,
    link: Link,
    slot: StateSlot,
    kept: BTreeMap<String, OwnedFd>,
    /// What apps said that was not asked for yet.
    said: Vec<(u64, Value)>,
}

impl OldDaemon {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link");
        let listener = UnixListener::bind(&path).unwrap();
        let process = Command::new(program("old-daemon"))
            .env(PATH, &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let link = Link::new(listener.accept().unwrap().0);
        let slot = StateSlot::create("cluster").unwrap();
        link.say(&json!("slot"), Some(slot.as_fd()));
        Self {
            process,
            link,
            slot,
            kept: BTreeMap::new(),
            said: Vec::new(),
        }
    }

    /// Starts an app under it.
    pub(crate) fn ward(&mut self, start: &Start<'_>, worker: bool) -> Ward {
        let (channel, childs) = socket::stream_pair().unwrap();
        let Start { policy, seat, .. } = start;
        let command = json!({ "worker": worker, "policy": policy, "seat": seat });
        self.link.say(&command, Some(channel.as_fd()));
        let id = loop {
            let heard = self.hear().expect("the old daemon lives");
            if let Some(id) = heard["id"].as_u64() {
                break u32::try_from(id).unwrap();
            }
        };
        let (pid, output) = start.spawn(childs, worker.then_some(id));
        Ward {
            id,
            pid,
            channel,
            output,
        }
    }

    /// Has it do something.
    pub(crate) fn tell(&self, command: &Value) {
        self.link.say(command, None);
    }

    /// What one of its apps says next.
    pub(crate) fn said(&mut self, ward: &Ward) -> Value {
        loop {
            let place = self
                .said
                .iter()
                .position(|(id, _)| *id == u64::from(ward.id));
            if let Some(place) = place {
                return self.said.remove(place).1;
            }
            self.hear().expect("the old daemon lives");
        }
    }

    /// Has it tell a worker to leave, and waits until it has: it notes that before it says it.
    pub(crate) fn disconnect(&mut self, ward: &Ward) {
        self.tell(&json!({ "disconnect": ward.id }));
        loop {
            let heard = self.hear().expect("the old daemon lives");
            if heard["told"] == ward.id {
                return;
            }
        }
    }

    /// Kills it, and gives everything that its apps had said to it.
    pub(crate) fn kill(&mut self) -> Vec<Value> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        while self.hear().is_some() {}
        let said = std::mem::take(&mut self.said);
        said.into_iter().map(|(_, body)| body).collect()
    }

    /// A primary that goes on after the [`kill`](Self::kill).
    pub(crate) fn restore(&mut self) -> Primary {
        let kept = std::mem::take(&mut self.kept);
        let state = self.slot.read().expect("a saved state");
        Primary::restore(1, &state, kept, Arc::new(NoKeep)).unwrap()
    }

    fn hear(&mut self) -> Option<Value> {
        let (value, mut fds) = self.link.hear()?;
        if let Some(name) = value["keep"].as_str() {
            self.kept.insert(name.to_owned(), fds.remove(0));
        } else if let Some(name) = value["forget"].as_str() {
            self.kept.remove(name);
        } else if let Some(id) = value["said"].as_u64() {
            self.said.push((id, value["body"].clone()));
        }
        Some(value)
    }
}

impl Drop for OldDaemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
