//! Putting another run in a process's place: the replacement comes up first, and only then is the old one retired. If
//! it does not come up, it is removed, and the old one was never touched.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    begin::write_pid_file,
    command::{ProcessError, Reload, Reply},
    exit::describe,
    launch::{self, Context, Run},
    messages::Word,
    outlet::now,
    place::RunName,
    record::{Record, Status},
    retire::{Retiree, Told, Waiting},
    settings::Settings,
    stages,
    stop::{Stopping, Then, apply},
    task::{Phase, Shared, Task, lock},
    tree::Tree,
};
use crate::{keeper::Keeper, slot::StateSlot, sys::proc::Exit};

/// A replacement that comes up.
pub(super) struct Reloading {
    /// Its run; `None` only while it is being started.
    pub run: Option<Run>,
    /// Its record, which will be the process's.
    pub record: Shared,
    /// Where the retirement that follows, of whichever of the two, is kept.
    pub slot: Arc<StateSlot>,
    /// When it must have come up.
    pub deadline: Instant,
    /// When it is to be looked at again, at the latest.
    pub look: Instant,
    /// Whether it said that it runs.
    pub online: bool,
    /// Whether it said `ready`.
    pub ready: bool,
    /// Whether the old run is asked with a message before it is signalled.
    pub gently: bool,
    /// Who waits for the end of the old one.
    pub told: Option<Told>,
}

impl Task {
    /// Starts a replacement, if there is something to replace.
    pub(super) async fn reload(&mut self, reload: Reload, told: Told) {
        self.retiring.retain(|retirement| !retirement.is_over());
        let (name, is_cluster, run) = {
            let record = lock(&self.shared);
            let serial = record.last_serial + 1;
            let pm_id = record.pm_id;
            (
                record.name().to_owned(),
                record.is_cluster(),
                RunName { pm_id, serial },
            )
        };
        let refusal = match &self.phase {
            Phase::Reloading(_) => Some(ProcessError::Reloading(run.pm_id)),
            Phase::Online if is_cluster && !self.retiring.is_empty() => {
                Some(ProcessError::Reloading(run.pm_id))
            }
            Phase::Online if is_cluster => None,
            _ => Some(ProcessError::NotReloadable(name)),
        };
        let slot = match refusal {
            Some(refusal) => Err(refusal),
            None => new_slot(self.around.keeper.clone(), run)
                .await
                .map_err(ProcessError::Io),
        };
        let slot = match slot {
            Ok(slot) => slot,
            Err(error) => return drop(told.send(Err(error))),
        };
        let record = self.replacement(reload.change, run);
        let deadline = Instant::now() + Settings::read(&lock(&record).env).listen_timeout;
        // What is under way must be known to a daemon that takes over in the middle of it.
        self.phase = Phase::Reloading(Box::new(Reloading {
            run: None,
            record: Arc::clone(&record),
            slot,
            deadline,
            look: deadline,
            online: false,
            ready: false,
            gently: reload.gently,
            told: Some(told),
        }));
        lock(&self.shared).last_serial = run.serial;
        self.save_now();
        self.launch_replacement(run, record).await;
    }

    async fn launch_replacement(&mut self, run: RunName, record: Shared) {
        let env = lock(&record).env.clone();
        let context = Context {
            shared: Arc::clone(&record),
            ..self.context()
        };
        let launched = launch::launch(run, &env, &context).await;
        let Phase::Reloading(reloading) = &mut self.phase else {
            return;
        };
        match launched {
            Ok((run, live)) => {
                {
                    let mut record = lock(&record);
                    record.pid = run.pid;
                    record.worker = run.worker.as_ref().map(|worker| worker.id());
                    record.live = Some(live);
                }
                reloading.run = Some(run);
                reloading.deadline = Instant::now() + Settings::read(&env).listen_timeout;
                reloading.look = reloading.deadline;
                self.save_now();
            }
            Err(error) => self.roll_back(|_, _| error),
        }
    }

    /// The record that the replacement begins with.
    fn replacement(&self, change: super::command::Change, run: RunName) -> Shared {
        let current = lock(&self.shared);
        let mut record = Record::new(current.pm_id, current.env.clone());
        drop(current);
        apply(change, &mut record);
        record.serial = run.serial;
        record.last_serial = run.serial;
        record.set_status(Status::Launching);
        record.forget_run();
        for told in ["axm_options", "axm_dynamic"] {
            record.set(told, serde_json::Map::new());
        }
        record.set("unstable_restarts", 0);
        for time in ["created_at", "pm_uptime"] {
            record.set(time, now());
        }
        record.started = now();
        let (name, pm_id) = (record.name(), record.pm_id);
        self.around
            .journal
            .info(format!("App [{name}:{pm_id}] starting in -cluster mode-"));
        Arc::new(std::sync::Mutex::new(record))
    }

    /// Keeps the state although the process's own record is as it was.
    fn save_now(&self) {
        lock(&self.shared).changed = true;
        self.save();
    }

    /// The replacement said something of itself.
    pub(super) fn new_word(&mut self, word: Word) {
        let Phase::Reloading(reloading) = &mut self.phase else {
            return;
        };
        if word == Word::Online {
            reloading.online = true;
            // One that need not listen is up when it has run long enough to count as stable.
            let stable = Instant::now()
                + Settings::read(&lock(&reloading.record).env)
                    .restart
                    .min_uptime;
            reloading.look = reloading.deadline.min(stable);
        }
        reloading.ready |= word == Word::Ready;
        lock(&self.shared).changed = true;
        if self.is_up() {
            self.swap();
        }
    }

    /// Whether the replacement can do what the old run does.
    pub(super) fn is_up(&self) -> bool {
        let Phase::Reloading(reloading) = &self.phase else {
            return false;
        };
        let workers = |run: &Option<Run>| run.as_ref().and_then(|run| run.worker.clone());
        let (Some(old), Some(new)) = (workers(&self.run), workers(&reloading.run)) else {
            return false;
        };
        if Settings::read(&lock(&reloading.record).env).wait_ready {
            reloading.ready
        } else {
            new.is_listening() && new.covers(&old)
        }
    }

    /// The replacement had its time.
    pub(super) fn reload_overdue(&mut self) {
        let Phase::Reloading(reloading) = &self.phase else {
            return;
        };
        let settings = Settings::read(&lock(&reloading.record).env);
        let listens = |run: &Option<Run>| {
            let worker = run.as_ref().and_then(|run| run.worker.as_ref());
            worker.is_some_and(|worker| worker.is_listening())
        };
        let must_listen = listens(&self.run);
        let is_over = Instant::now() >= reloading.deadline;
        let is_enough = if must_listen {
            // Not on everything that the old one listens on: it may be meant to.
            is_over && listens(&reloading.run)
        } else {
            reloading.online
        };
        if !settings.wait_ready && is_enough {
            return self.swap();
        }
        if !is_over {
            let Phase::Reloading(reloading) = &mut self.phase else {
                return;
            };
            reloading.look = reloading.deadline;
            return;
        }
        let what = if settings.wait_ready {
            "say `ready`"
        } else {
            "listen"
        };
        let patience = settings.listen_timeout.as_millis();
        self.fail(format!(
            "did not {what} within {patience} ms (`listen_timeout`)"
        ));
    }

    /// The replacement ended before it was up.
    pub(super) fn new_exited(&mut self, exit: Exit) {
        let Phase::Reloading(reloading) = &mut self.phase else {
            return;
        };
        if let Some(run) = &mut reloading.run {
            // The exit is told once; the retirement of what is left must hear it too.
            let (sender, receiver) = tokio::sync::oneshot::channel();
            let _ = sender.send(exit);
            run.exit = Some(receiver);
        }
        self.fail(format!("ended ({}) before it was up", describe(exit)));
    }

    fn fail(&mut self, how: String) {
        self.roll_back(|old, new| ProcessError::NotReplaced {
            name: old.name().to_owned(),
            how,
            pid: old.pid,
            log: new.text("pm_err_log_path").to_owned(),
        });
    }

    /// Removes the replacement; the old run goes on as if nothing had been.
    pub(super) fn roll_back(&mut self, why: impl FnOnce(&Record, &Record) -> ProcessError) {
        let Phase::Reloading(reloading) = std::mem::replace(&mut self.phase, Phase::Online) else {
            return;
        };
        let Reloading {
            run,
            record,
            slot,
            told,
            ..
        } = *reloading;
        let error = {
            let (old, new) = (lock(&self.shared), lock(&record));
            let error = why(&old, &new);
            self.around.journal.error(error.to_string());
            error
        };
        let slot_name = lock(&record).run_name().retirement();
        if let Some(run) = run {
            let live = lock(&record).live.take();
            let settings = Settings::read(&lock(&record).env);
            let stage = stages::at_once(settings.kill_timeout, now());
            let retiree = self.retiree(run, record, slot, slot_name, (live, settings));
            let mut retiree = Retiree {
                silent: true,
                ..retiree
            };
            retiree.note(stage);
            self.save_now();
            // Told when nothing is left of it: the next reload may then begin.
            let waiting = told.map(|told| Waiting {
                told,
                instead: Some(error),
            });
            self.retiring.push(retiree.begin(stage, waiting));
            return;
        }
        self.save_now();
        self.around.keeper.forget(&slot_name);
        if let Some(told) = told {
            let _ = told.send(Err(error));
        }
    }

    fn retiree(
        &self,
        run: Run,
        record: Shared,
        slot: Arc<StateSlot>,
        slot_name: String,
        (live, settings): (Option<super::record::Live>, Settings),
    ) -> Retiree {
        Retiree {
            run,
            live,
            record,
            slot,
            slot_name,
            around: self.around.clone(),
            settings,
            gently: false,
            silent: false,
            tree: Tree::marked(&[]),
        }
    }

    /// The replacement takes the process's place; the old run is retired.
    pub(super) fn swap(&mut self) {
        let Phase::Reloading(reloading) = std::mem::replace(&mut self.phase, Phase::Online) else {
            return;
        };
        let Reloading {
            run: new,
            record,
            slot,
            gently,
            told,
            ..
        } = *reloading;
        let (Some(new), Some(old)) = (new, self.run.take()) else {
            return;
        };
        let slot_name = new.name.retirement();
        let live = exchange(&self.shared, &record, &self.around);
        old.place.move_to(Arc::clone(&record));
        new.place.move_to(Arc::clone(&self.shared));
        self.run = Some(new);
        let fresh = Settings::read(&lock(&self.shared).env);
        let settings = std::mem::replace(&mut self.settings, fresh);
        self.counters.unstable_restarts = 0;
        write_pid_file(&lock(&self.shared), &self.around);
        self.around.journal.info("-reload- New worker listening");
        let retiree = self.retiree(old, record, slot, slot_name, (live, settings));
        let mut retiree = Retiree { gently, ..retiree };
        let stage = retiree.first_stage();
        // In this order: until the process's own state says that it is another run, the retirement does not count.
        retiree.note(stage);
        self.save_now();
        let waiting = told.map(|told| Waiting {
            told,
            instead: None,
        });
        self.retiring.push(retiree.begin(stage, waiting));
    }

    /// The old run ended by itself while its replacement came up: that is now the process, not up yet.
    pub(super) fn replaced_early(&mut self) {
        let Phase::Reloading(reloading) = std::mem::replace(&mut self.phase, Phase::Resting) else {
            return;
        };
        let Reloading {
            run: Some(new),
            record,
            deadline,
            online,
            ready,
            told,
            ..
        } = *reloading
        else {
            return;
        };
        self.around.keeper.forget(&new.name.retirement());
        drop(exchange(&self.shared, &record, &self.around));
        new.place.move_to(Arc::clone(&self.shared));
        self.run = Some(new);
        self.settings = Settings::read(&lock(&self.shared).env);
        let gone = {
            let mut old = lock(&record);
            old.set_status(Status::Stopped);
            old.pid = 0;
            self.around.announce("exit", &old, false);
            old.to_proc()
        };
        lock(&self.shared).set_status(Status::Launching);
        self.phase = Phase::Launching {
            deadline,
            waiting: Vec::new(),
        };
        if (online && !self.settings.wait_ready) || ready {
            self.online();
        }
        write_pid_file(&lock(&self.shared), &self.around);
        if let Some(told) = told {
            let _ = told.send(Ok(gone));
        }
    }

    /// Lets a clustered process finish what it serves, then ends and forgets it.
    pub(super) async fn retire(&mut self, reply: Reply) {
        let name = {
            let record = lock(&self.shared);
            RunName {
                pm_id: record.pm_id,
                serial: record.last_serial + 1,
            }
        };
        let drains = self.run.as_ref().is_some_and(|run| run.worker.is_some());
        let slot = match &self.phase {
            Phase::Online if drains => new_slot(self.around.keeper.clone(), name).await.ok(),
            _ => None,
        };
        let Some(slot) = slot else {
            return self.delete(reply).await;
        };
        let Some(run) = self.run.take() else {
            return self.delete(reply).await;
        };
        let live = {
            let mut record = lock(&self.shared);
            record.serial = name.serial;
            record.last_serial = name.serial;
            record.set_status(Status::Stopping);
            record.live.take()
        };
        let (record, settings) = (Arc::clone(&self.shared), self.settings.clone());
        let mut retiree = self.retiree(run, record, slot, name.retirement(), (live, settings));
        let stage = retiree.first_stage();
        retiree.note(stage);
        let over = Stopping::resumed(Tree::marked(&[]), None, false, true, Then::Forget);
        self.phase = Phase::Stopping(Box::new(over));
        self.save_now();
        self.retiring.push(retiree.begin(stage, None));
        self.phase = Phase::Resting;
        self.after(Then::Forget, vec![reply], true).await;
    }
}

/// A slot that is kept for the retirement which a reload to `run` leads to.
async fn new_slot(keeper: Keeper, run: RunName) -> std::io::Result<Arc<StateSlot>> {
    let slot = StateSlot::create("retirement")?;
    keeper.keep(&run.retirement(), slot.as_fd()).await?;
    Ok(Arc::new(slot))
}

/// The replacement's record becomes the process's, and the process's that of the old run, whose ways in are returned.
fn exchange(
    shared: &Shared,
    replacement: &Shared,
    around: &super::outlet::Surroundings,
) -> Option<super::record::Live> {
    let (mut current, mut other) = (lock(shared), lock(replacement));
    std::mem::swap(&mut *current, &mut *other);
    let old = &mut other;
    let count = old.number("restart_time") + 1;
    current.set("restart_time", count);
    current.last_serial = current.serial;
    let parked = format!("_old_{}", old.pm_id);
    old.set("pm_id", parked);
    around.announce("online", &current, false);
    current.set_status(Status::Online);
    old.live.take()
}
