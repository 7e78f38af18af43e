//! The beginning of a run.

use tokio::time::Instant;

use super::{
    command::{ProcessError, Reply},
    launch,
    outlet::{Surroundings, now},
    record::{Record, Status},
    settings::Settings,
    task::{ONLINE_DEADLINE, Phase, Task, answer, lock},
};

/// Between two tries to restart an app when the system lacks the means.
const TRY_LATER: std::time::Duration = std::time::Duration::from_secs(1);

impl Task {
    /// Starts a run; `waiting` are answered once it is online, or cannot be.
    pub(super) async fn begin(&mut self, waiting: Vec<Reply>) {
        let (env, name, run, mode) = {
            let mut record = lock(&self.shared);
            record.set_status(Status::Launching);
            record.forget_run();
            record.set("axm_options", serde_json::Map::new());
            record.set("axm_dynamic", serde_json::Map::new());
            record.set("pm_uptime", now());
            record.started = now();
            record.pid = 0;
            let mode = if record.is_cluster() {
                "cluster"
            } else {
                "fork"
            };
            (
                record.env(),
                record.name().to_owned(),
                record.run_name(),
                mode,
            )
        };
        self.settings = Settings::read(&env);
        self.around.journal.info(format!(
            "App [{name}:{}] starting in -{mode} mode-",
            run.pm_id
        ));
        // What is under way must be known to a daemon that takes over in the middle of it.
        self.phase = Phase::Launching {
            deadline: Instant::now() + ONLINE_DEADLINE,
            waiting: Vec::new(),
        };
        self.save();
        match launch::launch(run, &env, &self.context()).await {
            Ok((run, live)) => {
                {
                    let mut record = lock(&self.shared);
                    record.pid = run.pid;
                    record.worker = run.worker.as_ref().map(|worker| worker.id());
                    record.live = Some(live);
                    record.measured = None;
                    record.changed = true;
                    write_pid_file(&record, &self.around);
                }
                let alone = run.worker.is_none() && !self.settings.wait_ready;
                let patience = if self.settings.wait_ready {
                    self.settings.listen_timeout
                } else {
                    ONLINE_DEADLINE
                };
                self.run = Some(run);
                self.phase = Phase::Launching {
                    deadline: Instant::now() + patience,
                    waiting,
                };
                if alone {
                    self.online();
                }
            }
            Err(error) => self.launch_failed(error, waiting),
        }
    }

    fn launch_failed(&mut self, error: ProcessError, waiting: Vec<Reply>) {
        if waiting.is_empty() && error.is_passing() {
            return self.try_later(&error);
        }
        let mut record = lock(&self.shared);
        record.set_status(Status::Errored);
        record.pid = 0;
        self.around
            .journal
            .error(format!("App [{}:{}] {error}", record.name(), record.pm_id));
        self.around.announce("exit", &record, false);
        drop(record);
        self.phase = Phase::Resting;
        answer(waiting, || Err(ProcessError::Attributes(error.to_string())));
    }

    /// The system has no process or descriptor left for a restart of ours: an app that ran is not given up for that.
    fn try_later(&mut self, error: &ProcessError) {
        let mut record = lock(&self.shared);
        let (name, pm_id) = (record.name().to_owned(), record.pm_id);
        self.around.journal.error(format!(
            "App [{name}:{pm_id}] {error}; trying again in {TRY_LATER:?}"
        ));
        // The try does not count as a restart.
        let count = record.number("restart_time") - 1;
        record.set("restart_time", count.max(0));
        record.set_status(Status::WaitingRestart);
        drop(record);
        self.phase = Phase::Pausing {
            until: Instant::now() + TRY_LATER,
        };
    }
}

pub(super) fn write_pid_file(record: &Record, around: &Surroundings) {
    let path = record.text("pm_pid_path");
    if path.is_empty() {
        return;
    }
    let write = || std::fs::write(&path, record.pid.to_string());
    let result = write().or_else(|_| {
        std::path::Path::new(&path)
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)?;
        write()
    });
    if let Err(error) = result {
        around
            .journal
            .error(format!("cannot write the pid file {path}: {error}"));
    }
}
