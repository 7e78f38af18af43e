//! The keeper's end of the socket to the daemon: nothing waits, nothing is lost when it is full.

use std::{
    collections::VecDeque,
    io,
    ops::Bound,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

use super::{
    packet::{self, CARRIED_LIMIT, Outgoing},
    table::Table,
    wire::{INLINE_LIMIT, NAME_LIMIT, Report},
};
use crate::sys::pidfd::Handle;

/// With so many answers unread, no further request is read.
const ANSWERS_LIMIT: usize = 64;
/// Items of one inventory message: as many as have descriptors and surely fit in it.
const ITEMS_LIMIT: usize = INLINE_LIMIT / (NAME_LIMIT + 32);
const _: () = assert!(ITEMS_LIMIT <= CARRIED_LIMIT);
/// Between two tries when the system has no memory or takes no more descriptors on their way.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// How far the hand-over is.
#[derive(Debug)]
enum Stage {
    /// The daemon has not asked for it.
    Unasked,
    /// Descriptors after this name.
    Kept(Option<Box<str>>),
    /// Living apps after this process id.
    Alive(Option<i32>),
    /// Exits, and then that it is complete.
    Exits,
    /// Complete: exits are told as they happen.
    Told,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) socket: OwnedFd,
    answers: VecDeque<Outgoing>,
    stage: Stage,
    full: bool,
    muted: bool,
    /// When to try again although the socket says that it is not full.
    pub(super) again: Option<Instant>,
}

impl Link {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self {
            socket,
            answers: VecDeque::new(),
            stage: Stage::Unasked,
            full: false,
            muted: false,
            again: None,
        }
    }

    /// The link to a daemon that was handed everything by the executable before: it still learns of exits.
    pub(super) fn resumed(socket: OwnedFd) -> Self {
        Self {
            stage: Stage::Told,
            ..Self::new(socket)
        }
    }

    /// Whether further requests may be read.
    pub(super) fn takes_requests(&self) -> bool {
        self.answers.len() < ANSWERS_LIMIT
    }

    /// Whether to wait until the socket takes more.
    pub(super) fn waits_to_write(&self) -> bool {
        self.full && self.again.is_none()
    }

    pub(super) fn answer(&mut self, id: u32, report: &Report, fd: Option<OwnedFd>) {
        if self.muted {
            return;
        }
        // Without a descriptor left an answer still goes: it is short and needs no memory file.
        if let Ok(outgoing) = Outgoing::new(id, report.encode(), fd.into_iter().collect()) {
            self.answers.push_back(outgoing);
        }
    }

    /// Nobody reads answers any more.
    pub(super) fn mute(&mut self) {
        self.muted = true;
        self.answers.clear();
    }

    pub(super) fn is_muted(&self) -> bool {
        self.muted
    }

    /// Begins to hand everything over.
    pub(super) fn hand_over(&mut self, table: &mut Table) {
        table.tell_all_again();
        self.stage = Stage::Kept(None);
    }

    /// Sends what there is to send and the socket takes. Answers go first, so that a daemon knows of an app before it
    /// learns of its exit.
    pub(super) fn flush(&mut self, table: &mut Table, now: Instant) {
        if self.again.is_some_and(|again| now < again) {
            return;
        }
        (self.full, self.again) = (false, None);
        let result = self.send_all(table);
        match result {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.full = true,
            // Its end will be read.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.answers.clear(),
            Err(_) => {
                self.full = true;
                self.again = Some(now + TRY_AGAIN);
            }
        }
    }

    fn send_all(&mut self, table: &mut Table) -> io::Result<()> {
        while let Some(answer) = self.answers.front() {
            answer.send(self.socket.as_fd())?;
            self.answers.pop_front();
        }
        loop {
            self.stage = match &self.stage {
                Stage::Unasked => return Ok(()),
                Stage::Kept(after) => match self.send_kept(table, after.as_deref())? {
                    Some(last) => Stage::Kept(Some(last)),
                    None => Stage::Alive(None),
                },
                Stage::Alive(after) => match self.send_alive(table, *after)? {
                    Some(last) => Stage::Alive(Some(last)),
                    None => Stage::Exits,
                },
                Stage::Exits => {
                    self.send_exits(table)?;
                    let generation = table.generation;
                    self.send(&Report::Complete { generation }, &[])?;
                    Stage::Told
                }
                Stage::Told => return self.send_exits(table),
            };
        }
    }

    fn send(&self, report: &Report, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        packet::send_now(self.socket.as_fd(), report.encode(), descriptors)
    }

    /// Sends the next names and descriptors; returns the last name, if there was any.
    fn send_kept(&self, table: &Table, after: Option<&str>) -> io::Result<Option<Box<str>>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let next = table.kept.range::<str, _>((from, Bound::Unbounded));
        let (names, fds): (Vec<Box<str>>, Vec<BorrowedFd<'_>>) = next
            .take(ITEMS_LIMIT)
            .map(|(name, fd)| (name.clone(), fd.as_fd()))
            .unzip();
        let Some(last) = names.last().cloned() else {
            return Ok(None);
        };
        self.send(&Report::Kept(names), &fds)?;
        Ok(Some(last))
    }

    /// Sends the next living apps; returns the last process id, if there was any.
    fn send_alive(&self, table: &Table, after: Option<i32>) -> io::Result<Option<i32>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let (mut apps, mut handles) = (Vec::new(), Vec::new());
        for (_, app) in table.apps.range((from, Bound::Unbounded)).take(ITEMS_LIMIT) {
            let handle = Handle::of_child(app.pid).into_fd();
            apps.push((app.clone(), handle.is_some()));
            handles.extend(handle);
        }
        let Some(last) = apps.last().map(|(app, _)| app.pid) else {
            return Ok(None);
        };
        let borrowed: Vec<_> = handles.iter().map(AsFd::as_fd).collect();
        self.send(&Report::Alive(apps), &borrowed)?;
        Ok(Some(last))
    }

    fn send_exits(&self, table: &mut Table) -> io::Result<()> {
        for (ended, told) in table.exits.iter_mut().filter(|(_, told)| !told) {
            self.send(&Report::Exit(ended.clone()), &[])?;
            *told = true;
        }
        Ok(())
    }
}
