//! A daemon without a mind, for testing the keeper: it does what a test tells it over a socket, one JSON document a
//! line, and tells what it learns.

#![expect(
    clippy::unwrap_used,
    reason = "a program of the tests fails by panicking"
)]

use std::{
    collections::BTreeMap,
    ffi::CString,
    os::fd::{AsFd, AsRawFd},
};

use nix::sys::signal::Signal;
use rpm2::{
    keeper::{Inventory, Keeper},
    sys::{
        memory_file,
        proc::Exit,
        spawn::{Program, Session, SpawnError},
    },
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    signal::unix::{SignalKind, signal},
    sync::{mpsc, oneshot},
};

/// Names the socket over which the daemon is told what to do; as in `tests/support/kept.rs`.
const CONTROL: &str = "RPM2_TEST_CONTROL";

fn main() {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(run());
}

/// Descriptor of the socket to the keeper.
const KEEPER: i32 = 3;

struct Fake {
    keeper: Keeper,
    events: mpsc::UnboundedSender<Value>,
}

async fn run() {
    let control = std::env::var(CONTROL).unwrap();
    let (keeper, inventory) = Keeper::connect().await.unwrap();
    let (events, mut outbox) = mpsc::unbounded_channel();
    let (read, mut write) = UnixStream::connect(control).await.unwrap().into_split();
    let mut lines = BufReader::new(read).lines();
    for kind in [SignalKind::terminate(), SignalKind::user_defined2()] {
        let (events, mut signals) = (events.clone(), signal(kind).unwrap());
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                let name = Signal::try_from(kind.as_raw_value()).unwrap().as_str();
                let _ = events.send(json!({ "event": "signal", "name": name }));
            }
        });
    }
    events.send(describe(&inventory)).unwrap();
    for app in inventory.alive {
        forward(&events, app.key, app.pid, app.exit);
    }
    let fake = Fake { keeper, events };
    fake.keeper.up().await.unwrap();
    println!("ready");
    let null = std::fs::File::options()
        .write(true)
        .open("/dev/null")
        .unwrap();
    nix::unistd::dup2_stdout(null.as_fd()).unwrap();
    loop {
        tokio::select! {
            line = lines.next_line() => match line {
                Ok(Some(line)) => {
                    let answer = fake.obey(&serde_json::from_str(&line).unwrap()).await;
                    fake.events.send(answer).unwrap();
                }
                _ => std::future::pending().await,
            },
            Some(event) = outbox.recv() => {
                let _ = write.write_all(format!("{event}\n").as_bytes()).await;
                if event["leave"] == true {
                    return;
                }
            }
            () = fake.keeper.lost() => return,
        }
    }
}

fn describe(inventory: &Inventory) -> Value {
    let kept: BTreeMap<&str, String> = inventory
        .kept
        .iter()
        .map(|(name, fd)| {
            let content = memory_file::read(fd, 1024).unwrap_or_default();
            (name.as_str(), String::from_utf8(content).unwrap())
        })
        .collect();
    let alive: Vec<Value> = inventory
        .alive
        .iter()
        .map(|app| json!({ "key": app.key, "pid": app.pid }))
        .collect();
    let exits: Vec<Value> = inventory
        .exits
        .iter()
        .map(|ended| {
            json!({ "key": ended.key, "pid": ended.pid, "exit": exit(ended.exit), "at_ms": ended.at_ms })
        })
        .collect();
    json!({
        "event": "hello", "pid": std::process::id(), "generation": inventory.generation,
        "kept": kept, "alive": alive, "exits": exits,
    })
}

fn exit(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("code {code}"),
        Exit::Signal(_) => exit.signal().unwrap().to_owned(),
    }
}

fn forward(
    events: &mpsc::UnboundedSender<Value>,
    key: String,
    pid: i32,
    ended: oneshot::Receiver<Exit>,
) {
    let events = events.clone();
    tokio::spawn(async move {
        if let Ok(how) = ended.await {
            let _ =
                events.send(json!({ "event": "exit", "key": key, "pid": pid, "exit": exit(how) }));
        }
    });
}

/// Lets every other task of this thread have its turn more than once.
async fn turns() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

impl Fake {
    async fn obey(&self, command: &Value) -> Value {
        let arg = &command["arg"];
        let text = || arg.as_str().unwrap();
        let done = |result: std::io::Result<()>| match result {
            Ok(()) => json!({ "ok": true }),
            Err(error) => {
                json!({ "error": error.to_string(), "errno": error.raw_os_error() })
            }
        };
        match command["do"].as_str().unwrap() {
            "spawn" => self.spawn(arg).await,
            "keep" => {
                let file = memory_file::create(text().as_bytes()).unwrap();
                done(self.keeper.keep(text(), file.as_fd()).await)
            }
            "forget" => {
                self.keeper.forget(text());
                json!({ "ok": true })
            }
            "acknowledge" => {
                let pid = i32::try_from(arg.as_i64().unwrap()).unwrap();
                self.keeper.acknowledge(pid);
                json!({ "ok": true })
            }
            "copy" => {
                let of = |name: &str| i32::try_from(arg[name].as_i64().unwrap()).unwrap();
                match self.keeper.copy_of(of("pid"), of("number")).await {
                    Ok(copy) => {
                        let own = format!("/proc/self/fd/{}", copy.as_raw_fd());
                        json!({ "ok": true, "is": std::fs::read_link(own).unwrap() })
                    }
                    Err(error) => json!({ "ok": false, "errno": error.raw_os_error() }),
                }
            }
            // The keeper does things in order: once it has answered this, all before is done.
            "settle" => done(self.keeper.up().await),
            "finish" => {
                let mut answer = done(self.keeper.finish().await);
                answer["leave"] = true.into();
                answer
            }
            "update" => {
                let mut answer = done(self.keeper.update(text().as_ref()).await);
                answer["leave"] = answer["ok"].clone();
                answer
            }
            "garbage" => {
                let bytes: Vec<u8> = serde_json::from_value(arg.clone()).unwrap();
                nix::sys::socket::send(KEEPER, &bytes, nix::sys::socket::MsgFlags::empty())
                    .unwrap();
                json!({ "ok": true })
            }
            "spawn_and_die" => {
                tokio::select! {
                    biased;
                    answer = self.spawn(arg) => panic!("the keeper is stopped: {answer}"),
                    () = turns() => std::process::exit(9),
                }
            }
            other => panic!("{other}"),
        }
    }

    async fn spawn(&self, arg: &Value) -> Value {
        let key = arg["key"].as_str().unwrap();
        let c = |text: &str| CString::new(text).unwrap();
        let ballast = usize::try_from(arg["ballast"].as_u64().unwrap_or(0)).unwrap();
        let files: Vec<_> = arg["keep"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|name| {
                let name = name.as_str().unwrap().to_owned();
                let file = memory_file::create(name.as_bytes()).unwrap();
                (name, file)
            })
            .collect();
        let null = || std::fs::File::open("/dev/null").unwrap().into();
        let program = Program {
            path: c(arg["path"].as_str().unwrap_or("/bin/sh")),
            argv: vec![c("sh"), c("-c"), c(arg["script"].as_str().unwrap_or(""))],
            envp: (0..ballast)
                .map(|n| c(&format!("BALLAST_{n}={}", "x".repeat(1000))))
                .collect(),
            cwd: c(arg["cwd"].as_str().unwrap_or("/")),
            owner: None,
            session: Session::Own,
            descriptors: vec![null(), null(), null()],
        };
        let keep = files
            .iter()
            .map(|(name, file)| (name.clone(), file.as_fd()))
            .collect();
        match self.keeper.spawn(key, program, keep).await {
            Ok(app) => {
                assert_eq!(app.handle.pid(), app.pid);
                forward(&self.events, key.to_owned(), app.pid, app.exit);
                json!({ "pid": app.pid })
            }
            Err(SpawnError { step, source }) => {
                json!({ "step": format!("{step:?}"), "errno": source.raw_os_error() })
            }
        }
    }
}
