//! Taking over from the executable that this process was before.

use std::{io, os::fd::OwnedFd, time::Instant};

use super::{
    backoff::Backoff,
    down,
    ending::End,
    executable::Executable,
    link::Link,
    packet::BUFFER,
    parent::{Daemon, LEAVE, Parent, SIGNALS, open_null},
    state::{STATE_LIMIT, Saved, SavedDaemon},
    table::Table,
    update,
    wire::Report,
};
use crate::{
    home::Home,
    sys::{allocator, descriptor, memory_file, signals::Signals},
};

/// Reads the state in this descriptor and takes everything over that it names.
pub(super) fn resume(number: i32) -> io::Result<Parent> {
    allocator::return_early();
    let file = descriptor::adopt(number)?;
    let bytes = memory_file::read(file, STATE_LIMIT)?;
    let saved = Saved::decode(&bytes).map_err(io::Error::other)?;
    let signals = Signals::take(&SIGNALS)?;
    let home = Home::at(saved.home);
    let mut parent = Parent {
        lock: descriptor::adopt(saved.lock)?,
        table: Table {
            kept: saved
                .kept
                .into_iter()
                .filter_map(|(name, number)| Some((name, adopt(&home, number)?)))
                .collect(),
            apps: saved.apps.into_iter().map(|app| (app.pid, app)).collect(),
            exits: saved.exits.into_iter().map(|exit| (exit, false)).collect(),
            next_serial: saved.next_serial,
            generation: saved.generation,
        },
        daemon: None,
        program: saved.program,
        executable: Executable::current()?,
        backoff: Backoff::default(),
        next_start: Some(Instant::now()),
        served: true,
        previous: saved
            .previous
            .and_then(|(path, number)| update::previous_executable(path, number))
            .map(|previous| (previous, 0)),
        end: End::No,
        signals,
        null: open_null()?,
        reserve: Vec::new(),
        buffer: vec![0; BUFFER],
        rest_at: None,
        home,
    };
    parent.replace_daemon(saved.daemon);
    // Whatever the executable before us knew and we do not.
    descriptor::close_inherited();
    // One that ended during the exec.
    parent.reap();
    parent.fill_reserve();
    Ok(parent)
}

impl Parent {
    /// Tells the old daemon that it is replaced, and waits for its end before the new one is started.
    fn replace_daemon(&mut self, saved: Option<SavedDaemon>) {
        let Some(saved) = saved else {
            return;
        };
        let Some(socket) = adopt(&self.home, saved.socket) else {
            return;
        };
        let mut daemon = Daemon::new(saved.pid, Link::resumed(socket));
        daemon.link.answer(saved.request, &Report::Done, None);
        daemon.replaced = true;
        daemon.kill_at = Some(Instant::now() + LEAVE);
        self.daemon = Some(daemon);
        self.next_start = None;
    }
}

/// A descriptor that was left open; one that is not is said and done without: all others matter more.
fn adopt(home: &Home, number: i32) -> Option<OwnedFd> {
    descriptor::adopt(number)
        .inspect_err(|error| {
            let line = format!("descriptor {number} was lost in the update: {error}");
            down::log(home, &line);
        })
        .ok()
}
