//! A process with its descendants, by handles that cannot be mistaken for later processes.

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use crate::sys::{pidfd::Handle, usage};

/// The processes that a stop is about.
pub(crate) struct Tree {
    members: Vec<Member>,
}

struct Member {
    handle: Handle,
    mark: Mark,
}

/// What a process is known by after its handle is lost: no later process has both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pid: i32,
    /// When it was started, as the system counts.
    started: u64,
}

impl Tree {
    /// The process `pid` and, if `whole`, all its descendants as they are now.
    pub(crate) fn of(pid: i32, whole: bool) -> Self {
        let mut pids = if whole {
            usage::descendants(pid)
        } else {
            Vec::new()
        };
        // Children first: a parent that sees its child end can still clean up.
        pids.reverse();
        pids.push(pid);
        Self {
            members: pids.into_iter().filter_map(Member::open).collect(),
        }
    }

    /// Of the processes with these marks those that are still there.
    pub(crate) fn marked(marks: &[Mark]) -> Self {
        let is_same = |mark: &Mark| Member::open(mark.pid).filter(|found| found.mark == *mark);
        Self {
            members: marks.iter().filter_map(is_same).collect(),
        }
    }

    /// What its members are known by.
    pub(crate) fn marks(&self) -> Vec<Mark> {
        self.members.iter().map(|member| member.mark).collect()
    }

    /// Signals all of them. One that is gone, or that we may not signal, is passed over.
    pub(crate) fn signal(&self, signal: Signal) {
        for member in &self.members {
            let _ = member.handle.signal(signal);
        }
    }

    /// The same tree with the members of another one.
    pub(crate) fn with(mut self, other: Self) -> Self {
        for member in other.members {
            if !self.has(member.mark) {
                self.members.push(member);
            }
        }
        self
    }

    /// The same tree as it is now: without members that are gone, with what the others have forked since.
    pub(crate) fn renewed(&self) -> Self {
        let there = Self::marked(&self.marks());
        let forked = there.members.iter().filter_map(|member| {
            let below = usage::descendants(member.mark.pid);
            // Of one that has ended by now they may be a later process's.
            Some(below).filter(|_| Self::marked(&[member.mark]).len() == 1)
        });
        let members = forked.flatten().filter_map(Member::open).collect();
        there.with(Self { members })
    }

    fn has(&self, mark: Mark) -> bool {
        self.members.iter().any(|member| member.mark == mark)
    }

    /// How many processes it has, gone or not.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns once all of them are gone.
    pub(crate) async fn gone(&self) {
        for member in &self.members {
            member.handle.gone().await;
        }
    }
}

impl Member {
    fn open(pid: i32) -> Option<Self> {
        let handle = Handle::open(pid)?;
        // Read after the handle is open: if this is still the same process, it is the handle's.
        let started = usage::start_time(pid).unwrap_or(0);
        let mark = Mark { pid, started };
        Some(Self { handle, mark })
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::{
        io::{BufRead, BufReader},
        process::{Child, Command, Stdio},
    };

    /// A shell that has a child once it is told, and says so.
    fn parent() -> (Child, Tree) {
        let child = Command::new("sh")
            .args(["-c", "read go; sleep 60 & echo up; wait"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let tree = Tree::of(i32::try_from(child.id()).unwrap(), true);
        assert_eq!(tree.len(), 1);
        (child, tree)
    }

    fn fork(child: &mut Child) {
        drop(child.stdin.take());
        let mut word = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut word).unwrap();
        assert_eq!(word, "up\n");
    }

    #[tokio::test]
    async fn it_is_found_by_its_marks_with_what_was_forked_later_and_not_taken_for_another() {
        let (mut child, tree) = parent();
        fork(&mut child);
        let tree = tree.renewed();
        let marks = tree.marks();
        assert_eq!(marks.len(), 2);
        assert_eq!(Tree::marked(&marks).marks(), marks);
        let later = |mark: &Mark| Mark {
            started: mark.started + 1,
            ..*mark
        };
        let others: Vec<Mark> = marks.iter().map(later).collect();
        assert_eq!(Tree::marked(&others).len(), 0);
        tree.signal(Signal::SIGKILL);
        child.wait().unwrap();
        tree.gone().await;
        assert!(!tree.renewed().has(marks[0]));
    }

    #[test]
    fn marks_are_kept_as_text() {
        let marks = Tree::of(i32::try_from(std::process::id()).unwrap(), false).marks();
        let text = serde_json::to_string(&marks).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Mark>>(&text).unwrap(), marks);
        assert!(marks[0].started > 0, "{text}");
    }
}
