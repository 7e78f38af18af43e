//! A daemon that can be killed: it reads channels and is a primary, while the test that started it keeps copies of
//! everything, as the keeper does, and goes on as the next daemon.

#![expect(
    clippy::unwrap_used,
    reason = "a program of the tests fails by panicking"
)]

#[path = "../support/link.rs"]
mod link;

use std::{
    collections::HashMap,
    env,
    os::{fd::BorrowedFd, unix::net::UnixStream},
    sync::Arc,
};

use rpm2::{
    channel::{self, ChannelEvent, ChannelReader, ChannelSender},
    cluster::{Keep, KeepFuture, Policy, Primary, Seat, Worker},
    slot::StateSlot,
};
use serde_json::{Value, json};

use self::link::{Link, PATH};

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

fn main() {
    let path = env::var_os(PATH).unwrap();
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
                let policy: Policy = serde_json::from_value(command["policy"].clone()).unwrap();
                let seat: Seat = serde_json::from_value(command["seat"].clone()).unwrap();
                let worker = command["worker"]
                    .as_bool()
                    .unwrap()
                    .then(|| Arc::new(primary.add_worker(sender.clone(), policy, seat)));
                let id = worker.as_ref().map_or(0, |worker| u64::from(worker.id()));
                tokio::spawn(read(reader, worker.clone(), id, Arc::clone(&link)));
                workers.insert(id, (worker, sender));
                link.say(&json!({ "id": id }), None);
            } else if let Some(id) = command["disconnect"].as_u64() {
                workers[&id].0.as_ref().unwrap().disconnect();
                link.say(&json!({ "told": id }), None);
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
