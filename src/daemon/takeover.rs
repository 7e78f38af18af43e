//! Going on where a daemon that died was: every app with its id, counters, pipes, channel and listeners.

use std::{collections::BTreeMap, os::fd::OwnedFd, time::Duration};

use serde_json::json;
use tokio::sync::oneshot;

use super::context::{Counts, Daemon};
use crate::{
    keeper::{Alive, Exited},
    process::{Inheritance, Inherited, KeptRun, OldRun, Process, Resumed, RunName, Saved},
    slot::StateSlot,
    sys::pidfd::Handle,
};

/// How long the subscribers of the daemon before us have to come back before the apps are listened to again.
const RETURN: Duration = Duration::from_millis(500);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// What the keeper had, sorted by process.
#[derive(Default)]
pub(super) struct Estate {
    /// Kept descriptors that belong to processes.
    pub kept: BTreeMap<String, OwnedFd>,
    /// Processes that live.
    pub alive: Vec<Alive>,
    /// Exits that no daemon has recorded.
    pub exits: Vec<Exited>,
}

impl Daemon {
    /// Takes every process over. What is left in the estate afterwards belonged to none.
    pub(super) fn take_over(&self, mut estate: Estate) {
        let states: Vec<String> = estate
            .kept
            .keys()
            .filter(|name| name.starts_with('p') && name.ends_with("/state"))
            .cloned()
            .collect();
        for name in states {
            let Some(slot) = estate.kept.remove(&name).map(StateSlot::open) else {
                continue;
            };
            match slot.read().map(|bytes| Saved::from_bytes(&bytes)) {
                Some(Ok(saved)) => self.take_over_one(saved, slot, &mut estate),
                _ => self.journal().error(format!(
                    "the state kept as {name} cannot be read: its process is not taken over"
                )),
            }
        }
        if let Some((id, length)) = self.around().transit.discard() {
            self.journal().error(format!(
                "{length} bytes of output are lost: process {id}, whose they are, is not known any more"
            ));
        }
        for exit in &estate.exits {
            self.around().keeper.acknowledge(exit.pid);
        }
        for stranger in &estate.alive {
            self.journal().error(format!(
                "process {} ({}) belongs to no app that is known; end it with `kill {}`",
                stranger.pid, stranger.key, stranger.pid
            ));
        }
    }

    fn take_over_one(&self, saved: Saved, slot: StateSlot, estate: &mut Estate) {
        let id = saved.pm_id;
        let (old_runs, reload_slot) = self.old_runs(&saved, estate);
        let replacement = saved.replacement_name().map(|run| {
            let awaits = |pid| saved.awaits_replacement(pid);
            inherited(run, &awaits, estate)
        });
        let run = inherited(saved.run_name(), &|pid| saved.awaits(pid), estate);
        let inheritance = Inheritance {
            run,
            replacement: replacement.unwrap_or_default(),
            reload_slot,
            old_runs,
        };
        let process = Process::resume(saved, slot, inheritance, self.around().clone());
        self.registry().restore(id, process.clone());
        self.watch_as_declared(&process);
        self.mind(&process);
        // A deletion may be under way, and the call that would forget it died with the daemon before us.
        let daemon = self.clone();
        tokio::spawn(async move {
            process.deleted().await;
            daemon.forget(&process);
        });
    }

    /// The process's runs on their way out, and the slot that its reload under way has for one.
    fn old_runs(&self, saved: &Saved, estate: &mut Estate) -> (Vec<OldRun>, Option<StateSlot>) {
        let prefix = format!("{}/old", crate::process::key(saved.pm_id));
        let names: Vec<String> = estate
            .kept
            .keys()
            .filter(|name| name.starts_with(&prefix))
            .cloned()
            .collect();
        let reload = saved.replacement_name().map(RunName::retirement);
        let (mut old_runs, mut reload_slot) = (Vec::new(), None);
        for name in names {
            let Some(fd) = estate.kept.remove(&name) else {
                continue;
            };
            match OldRun::read(fd, &name, saved.run_name()) {
                Ok(mut old) => {
                    let run = RunName {
                        pm_id: saved.pm_id,
                        serial: old.serial(),
                    };
                    let found = inherited(run, &|pid| old.awaits(pid), estate);
                    old.inherited = found;
                    old_runs.push(old);
                }
                Err(slot) if reload.as_ref() == Some(&name) => reload_slot = Some(slot),
                Err(_) => self.around().keeper.forget(&name),
            }
        }
        (old_runs, reload_slot)
    }

    /// Waits a little for the subscribers that were there, tells everyone of the gap, and lets the apps be heard.
    pub(super) async fn reopen(&self, before: &Counts, generation: u32) {
        let back = async {
            while self.subscribers().len() < before.subscribers {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        let _ = tokio::time::timeout(RETURN, back).await;
        let payload = json!({
            "event": "restarted",
            "generation": generation,
            "at": jiff::Timestamp::now().as_millisecond(),
        });
        self.around()
            .bus
            .publish("rpm2:daemon", &[payload.to_string().as_bytes()]);
        self.around().listening.cancel();
    }
}

/// What is left of a run.
fn inherited(run: RunName, awaits: &dyn Fn(i32) -> bool, estate: &mut Estate) -> Inherited {
    let mut part = |what: &str| estate.kept.remove(&format!("{}/{what}", run.kept()));
    let kept = match (part("out"), part("err"), part("channel")) {
        (Some(out), Some(err), Some(channel)) => Some(KeptRun {
            out,
            err,
            channel,
            stdin: part("stdin"),
        }),
        _ => None,
    };
    let process = process_of(&run.key(), awaits, estate);
    Inherited { kept, process }
}

/// The process of a key: the living one, or else the exit that its state does not know of yet.
fn process_of(key: &str, awaits: &dyn Fn(i32) -> bool, estate: &mut Estate) -> Option<Resumed> {
    let living = estate
        .alive
        .iter()
        .position(|alive| alive.key == key)
        .map(|at| estate.alive.remove(at));
    if let Some(Alive {
        pid, handle, exit, ..
    }) = living
    {
        return Some(Resumed { pid, handle, exit });
    }
    let at = estate
        .exits
        .iter()
        .rposition(|exited| exited.key == key && awaits(exited.pid))?;
    let exited = estate.exits.remove(at);
    let (sender, exit) = oneshot::channel();
    // Its receiver is in our hands.
    let _ = sender.send(exited.exit);
    Some(Resumed {
        pid: exited.pid,
        handle: Handle::of_gone(),
        exit,
    })
}
