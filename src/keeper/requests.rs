//! Doing what the daemon asks.

use std::{io, os::fd::OwnedFd};

use nix::errno::Errno;

use super::{
    down,
    ending::End,
    packet,
    parent::Parent,
    table::EXITS_LIMIT,
    wire::{Header, Report, Request, Start, WireError},
};
use crate::sys::{
    pidfd::Handle,
    spawn::{Program, SpawnError, Step, spawn},
};

impl Parent {
    pub(super) fn on_message(
        &mut self,
        header: Header,
        payload: &[u8],
        mut descriptors: Vec<OwnedFd>,
    ) {
        let request = match Request::decode(header.kind, payload, descriptors.len()) {
            Ok(request) => request,
            Err(error) => {
                let report = packet::missing(header, &descriptors)
                    .map_or_else(|| refused(error), |error| failed(&error));
                return self.answer(header.id, &report, None);
            }
        };
        match request {
            Request::Hello => {
                if let Some(daemon) = &mut self.daemon {
                    daemon.link.hand_over(&mut self.table);
                }
                return;
            }
            Request::Up => {
                self.served = true;
                self.previous = None;
                down::clear(&self.home);
            }
            Request::Spawn(start) => {
                let (report, handle) = self.start_app(*start, descriptors);
                return self.answer(header.id, &report, handle);
            }
            Request::Keep(name) => {
                let new = descriptors.pop().map(|fd| (name, fd));
                self.table.keep(new.into_iter().collect());
            }
            Request::Forget(prefix) => self.table.forget(&prefix),
            Request::Acknowledge(serial) => self.table.acknowledge(serial),
            Request::Finish => self.finish(),
            Request::Copy { pid, number } => {
                let (report, copy) = match self.copy(pid, number) {
                    Ok(copy) => (Report::Copied, Some(copy)),
                    Err(error) => (failed(&error), None),
                };
                return self.answer(header.id, &report, copy);
            }
            Request::Update(path) => {
                let report = self.update(&path, header.id);
                return self.answer(header.id, &report, None);
            }
        }
        self.answer(header.id, &Report::Done, None);
    }

    /// Answers a request; those of number 0 want none.
    fn answer(&mut self, id: u32, report: &Report, fd: Option<OwnedFd>) {
        if let Some(daemon) = &mut self.daemon
            && id != 0
        {
            daemon.link.answer(id, report, fd);
        }
    }

    /// A copy of a descriptor of an app: its parent may make one where others may not.
    fn copy(&self, pid: i32, number: i32) -> io::Result<OwnedFd> {
        if !self.table.apps.contains_key(&pid) {
            return Err(Errno::ESRCH.into());
        }
        Handle::of_child(pid).copy_of(number)
    }

    /// Starts an app: kept first, so that nothing of it can be lost once it runs.
    fn start_app(
        &mut self,
        start: Start,
        mut descriptors: Vec<OwnedFd>,
    ) -> (Report, Option<OwnedFd>) {
        if self.table.exits.len() >= EXITS_LIMIT || matches!(self.end, End::Apps { .. }) {
            let source = Errno::EAGAIN.into();
            let error = SpawnError {
                step: Step::Fork,
                source,
            };
            return (spawn_failed(&error), None);
        }
        let kept = descriptors.split_off(start.descriptors);
        let before = self.table.keep(start.keep.into_iter().zip(kept).collect());
        let program = Program {
            path: start.path,
            argv: start.argv,
            envp: start.envp,
            cwd: start.cwd,
            owner: start.owner,
            session: start.session,
            descriptors,
        };
        match spawn(program) {
            Ok(pid) => {
                let serial = self.table.started(start.key, pid);
                let handle = Handle::of_child(pid).into_fd();
                (Report::Spawned { pid, serial }, handle)
            }
            Err(error) => {
                self.table.restore(before);
                (spawn_failed(&error), None)
            }
        }
    }
}

fn spawn_failed(error: &SpawnError) -> Report {
    Report::Failed {
        step: error.step as u8,
        errno: error.source.raw_os_error().unwrap_or(0),
        text: "".into(),
    }
}

/// The answer to a request that failed for this reason.
pub(super) fn failed(error: &io::Error) -> Report {
    let errno = error.raw_os_error().unwrap_or(0);
    let text = if errno == 0 {
        error.to_string().into()
    } else {
        "".into()
    };
    Report::Failed {
        step: Step::Descriptors as u8,
        errno,
        text,
    }
}

fn refused(error: WireError) -> Report {
    let text = format!("the keeper cannot use the request: {error}");
    failed(&io::Error::other(text))
}
