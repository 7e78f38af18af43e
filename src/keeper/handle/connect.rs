//! The hand-over at a daemon's start.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    env, io,
    os::fd::{AsFd, OwnedFd},
};

use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::{mpsc, oneshot},
};

use super::{
    super::{
        launch::KEEPER_FD,
        packet::{BUFFER, Incoming, Outgoing, receive},
        table::{App, Ended},
        wire::{Report, Request},
    },
    Alive, Exited, Exits, Inventory, Keeper,
    task::Task,
};
use crate::sys::{descriptor, pidfd::Handle, watched};

/// What has been handed over so far.
#[derive(Default)]
struct Collected {
    kept: BTreeMap<String, OwnedFd>,
    alive: Vec<(App, Option<OwnedFd>)>,
    ended: Vec<Ended>,
}

pub(super) async fn connect() -> io::Result<(Keeper, Inventory)> {
    let number = env::var(KEEPER_FD)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| {
            io::Error::other(format!(
                "{KEEPER_FD} is not set: a daemon is started by `rpm2 keeper`, not by itself"
            ))
        })?;
    let socket = descriptor::adopt(number)?;
    descriptor::set_nonblocking(socket.as_fd())?;
    let socket = watched::watch(socket, Interest::READABLE | Interest::WRITABLE)?;
    let mut buffer = vec![0; BUFFER];
    // The very first message: the socket has room for it.
    Outgoing::new(0, Request::Hello.encode(), Vec::new())?.send(socket.get_ref().as_fd())?;
    let mut collected = Collected::default();
    let generation = loop {
        let report = next_report(&socket, &mut buffer).await?;
        if let Some(generation) = collected.add(report) {
            break generation;
        }
    };
    Ok(start(socket, buffer, collected, generation))
}

async fn next_report(
    socket: &AsyncFd<OwnedFd>,
    buffer: &mut [u8],
) -> io::Result<(Report, Vec<OwnedFd>)> {
    let came = socket
        .async_io(Interest::READABLE, |socket| receive(socket.as_fd(), buffer))
        .await?;
    match came {
        Incoming::End => Err(super::lost()),
        Incoming::Broken { why, .. } => Err(why),
        Incoming::Message {
            header,
            payload,
            descriptors,
        } => {
            let report = Report::decode(header.kind, &payload, descriptors.len())
                .map_err(io::Error::other)?;
            Ok((report, descriptors))
        }
    }
}

impl Collected {
    /// Adds a part; returns the generation when it was the last.
    fn add(&mut self, (report, descriptors): (Report, Vec<OwnedFd>)) -> Option<u32> {
        let mut descriptors = descriptors.into_iter();
        match report {
            Report::Kept(names) => {
                let names = names.into_iter().map(String::from);
                self.kept.extend(names.zip(descriptors));
            }
            Report::Alive(apps) => {
                for (app, has_handle) in apps {
                    let handle = has_handle.then(|| descriptors.next()).flatten();
                    self.alive.push((app, handle));
                }
            }
            Report::Exit(ended) => self.ended.push(ended),
            Report::Complete { generation } => return Some(generation),
            Report::Done | Report::Failed { .. } | Report::Spawned { .. } | Report::Copied => {}
        }
        None
    }
}

fn start(
    socket: AsyncFd<OwnedFd>,
    buffer: Vec<u8>,
    collected: Collected,
    generation: u32,
) -> (Keeper, Inventory) {
    // One that ended while it was handed over is in both lists.
    let ended: HashSet<u64> = collected.ended.iter().map(|ended| ended.serial).collect();
    let mut waiters = HashMap::new();
    let mut alive = Vec::new();
    for (app, handle) in collected.alive {
        if !ended.contains(&app.serial) {
            let (sender, exit) = oneshot::channel();
            waiters.insert(app.serial, sender);
            alive.push(Alive {
                key: app.key.into(),
                pid: app.pid,
                handle: Handle::from_parent(app.pid, handle),
                exit,
            });
        }
    }
    let mut serials: HashMap<i32, VecDeque<u64>> = HashMap::new();
    for ended in &collected.ended {
        serials
            .entry(ended.pid)
            .or_default()
            .push_back(ended.serial);
    }
    let exits = Exits::new(serials.into());
    // Bounded by what this process itself asks for.
    let (orders, inbox) = mpsc::unbounded_channel();
    tokio::spawn(Task::new(socket, buffer, inbox, waiters, exits.clone()).run());
    let inventory = Inventory {
        generation,
        kept: collected.kept,
        alive,
        exits: collected.ended.into_iter().map(exited).collect(),
    };
    (Keeper { orders, exits }, inventory)
}

fn exited(ended: Ended) -> Exited {
    Exited {
        key: ended.key.into(),
        pid: ended.pid,
        exit: ended.exit,
        at_ms: ended.at_ms,
    }
}
