//! The end of a reload, well or ill: one of the two runs is the process from then on, the other is retired.

use std::sync::Arc;

use super::{
    begin::write_pid_file,
    command::{ProcessError, Reply},
    launch::Run,
    outlet::now,
    place::RunName,
    record::{Record, Status},
    reload::{Reloading, new_slot},
    retire::{Retiree, Waiting},
    settings::Settings,
    stages,
    stop::{Stopping, Then},
    task::{Phase, Shared, Task, lock},
    tree::Tree,
};
use crate::slot::StateSlot;

impl Task {
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
            let settings = Settings::read(&lock(&record).env());
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
        let fresh = Settings::read(&lock(&self.shared).env());
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
        self.settings = Settings::read(&lock(&self.shared).env());
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
