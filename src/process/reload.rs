//! Putting another run in a process's place: the replacement comes up first, and only then is the old one retired. If
//! it does not come up, it is removed, and the old one was never touched.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    command::{ProcessError, Reload},
    exit::describe,
    launch::{self, Context, Run},
    messages::Word,
    outlet::now,
    place::RunName,
    record::{Record, Status},
    retire::Told,
    settings::Settings,
    stop::apply,
    task::{Phase, Shared, Task, lock},
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
        let deadline = Instant::now() + Settings::read(&lock(&record).env()).listen_timeout;
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
        let env = lock(&record).env();
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
        let mut record = Record::new(current.pm_id, &current.env());
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
    pub(super) fn save_now(&self) {
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
                + Settings::read(&lock(&reloading.record).env())
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
        if Settings::read(&lock(&reloading.record).env()).wait_ready {
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
        let settings = Settings::read(&lock(&reloading.record).env());
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
            log: new.text("pm_err_log_path"),
        });
    }
}

/// A slot that is kept for the retirement which a reload to `run` leads to.
pub(super) async fn new_slot(keeper: Keeper, run: RunName) -> std::io::Result<Arc<StateSlot>> {
    let slot = StateSlot::create("retirement")?;
    keeper.keep(&run.retirement(), slot.as_fd()).await?;
    Ok(Arc::new(slot))
}
