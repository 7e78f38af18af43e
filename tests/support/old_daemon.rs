//! A daemon that can be killed: this test binary run again, which reads channels and is a primary, while the test
//! itself keeps copies of everything, as the keeper does, and goes on as the next daemon.

use std::{
    collections::{BTreeMap, HashMap},
    env,
    io::{self, IoSlice},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use rpm2::{
    channel::{self, ChannelEvent, ChannelReader, ChannelSender},
    cluster::{Keep, KeepFuture, NoKeep, Policy, Primary, Worker},
    slot::StateSlot,
    sys::socket,
};
use serde_json::{Value, json};

use super::apps::{App, Start};

const PATH: &str = "RPM2_TEST_OLD_DAEMON";

/// One end of the connection between the test and the old daemon: a JSON value a line, some with a descriptor.
struct Link {
    stream: UnixStream,
    read: Mutex<(Vec<u8>, Vec<OwnedFd>)>,
}

impl Link {
    fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            read: Mutex::default(),
        }
    }

    fn say(&self, value: &Value, fd: Option<BorrowedFd<'_>>) {
        let line = format!("{value}\n");
        let fds: Vec<BorrowedFd<'_>> = fd.into_iter().collect();
        loop {
            match socket::send(self.stream.as_fd(), &[IoSlice::new(line.as_bytes())], &fds) {
                Ok(sent) => return assert_eq!(sent, line.len()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                // The test is over.
                Err(_) => return,
            }
        }
    }

    /// What the other says next, with the descriptors that have come; `None` at the end. Blocks.
    fn hear(&self) -> Option<(Value, Vec<OwnedFd>)> {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        let (bytes, fds) = &mut *self.read.lock().unwrap();
        loop {
            if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = bytes.drain(..=end).collect();
                return Some((serde_json::from_slice(&line).unwrap(), std::mem::take(fds)));
            }
            let mut polled = [PollFd::new(self.stream.as_fd(), PollFlags::POLLIN)];
            poll(&mut polled, PollTimeout::NONE).unwrap();
            // One line at a time, or a descriptor could come with the line before its own.
            let mut buffer = [0; 1];
            let (count, more) = socket::receive(self.stream.as_fd(), &mut buffer).ok()?;
            if count == 0 {
                return None;
            }
            bytes.extend_from_slice(&buffer[..count]);
            fds.extend(more);
        }
    }
}

/// The old daemon's keep: the test.
struct Far {
    link: Arc<Link>,
    slot: StateSlot,
}

impl Keep for Far {
    fn listener(&self, name: &str, socket: BorrowedFd<'_>) -> KeepFuture {
        self.link.say(&json!({ "keep": name }), Some(socket));
        Box::pin(std::future::ready(Ok(())))
    }

    fn forget(&self, name: &str) {
        self.link.say(&json!({ "forget": name }), None);
    }

    fn save(&self, state: &[u8]) {
        self.slot.write(state).unwrap();
    }
}

/// Is the old daemon, if this process was started as one; it never returns then but by being killed.
pub(crate) fn run_if_told() {
    let Some(path) = env::var_os(PATH) else {
        return;
    };
    let link = Arc::new(Link::new(UnixStream::connect(path).unwrap()));
    let (_, mut fds) = link.hear().unwrap();
    let keep = Arc::new(Far {
        link: Arc::clone(&link),
        slot: StateSlot::open(fds.remove(0)),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let primary = Primary::with_keep(0, keep);
        let mut workers: HashMap<u64, (Option<Arc<Worker>>, ChannelSender)> = HashMap::new();
        loop {
            let hearing = Arc::clone(&link);
            let heard = tokio::task::spawn_blocking(move || hearing.hear());
            let Some((command, fds)) = heard.await.unwrap() else {
                std::process::exit(0);
            };
            if let Some(fd) = fds.into_iter().next() {
                let (reader, sender) = channel::resume(fd).unwrap();
                let policy = Policy::from_variable(command["policy"].as_str());
                let worker = command["worker"]
                    .as_bool()
                    .unwrap()
                    .then(|| Arc::new(primary.add_worker(sender.clone(), policy)));
                let id = worker.as_ref().map_or(0, |worker| u64::from(worker.id()));
                tokio::spawn(read(reader, worker.clone(), id, Arc::clone(&link)));
                workers.insert(id, (worker, sender));
                link.say(&json!({ "id": id }), None);
            } else if let Some(id) = command["disconnect"].as_u64() {
                workers[&id].0.as_ref().unwrap().disconnect();
            } else if let Some(id) = command["send"].as_u64() {
                let body = command["body"].to_string();
                workers[&id].1.send(&[body.as_bytes()]).unwrap();
            }
        }
    });
}

async fn read(mut reader: ChannelReader, worker: Option<Arc<Worker>>, id: u64, link: Arc<Link>) {
    loop {
        match reader.next().await {
            ChannelEvent::Message(body) => {
                let body: Value = serde_json::from_slice(&body).unwrap();
                link.say(&json!({ "said": id, "body": body }), None);
            }
            ChannelEvent::Cluster(message) => {
                worker.as_ref().and_then(|worker| worker.message(message));
            }
            ChannelEvent::Closed => return,
            other => panic!("{other:?}"),
        }
    }
}

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
    /// Starts one, through the test of this name, which must call [`run_if_told`].
    pub(crate) fn start(test: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link");
        let listener = UnixListener::bind(&path).unwrap();
        let process = Command::new(env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
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
        let none = (start.policy == Policy::Shared).then_some("none");
        let command = json!({ "worker": worker, "policy": none });
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

    /// Waits until it has closed the listener of this name.
    pub(crate) fn until_forgotten(&mut self, name: &str) {
        loop {
            let heard = self.hear().expect("the old daemon lives");
            if heard["forget"] == name {
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
