//! The end of a run, asked for or not.

use tokio::time::Instant;

use super::{
    command::ProcessError,
    launch,
    outlet::now,
    record::{Record, Status},
    restart::{Ended, Verdict, next_step},
    task::{Phase, Task, answer, lock},
};
use crate::sys::proc::Exit;

impl Task {
    /// The process has ended and is reaped.
    pub(super) async fn exited(&mut self, exit: Exit) {
        let Some(mut run) = self.run.take() else {
            return;
        };
        let uptime = run.started.elapsed();
        launch::collect_last_words(&mut run).await;
        if let Some(worker) = &run.worker {
            // A child of it may hold its channel open.
            worker.gone();
        }
        self.record_exit(exit);
        self.around.tell_exception(&mut lock(&self.shared));
        let asked = matches!(self.phase, Phase::Stopping(_));
        let age = self.age();
        let ended = Ended {
            exit,
            uptime,
            age,
            asked,
        };
        let (verdict, counters) = next_step(&self.settings.restart, self.counters, &ended);
        self.counters = counters;
        let verdict = if self.around.closing.is_cancelled() {
            Verdict::Stop
        } else {
            verdict
        };
        lock(&self.shared).set("unstable_restarts", counters.unstable_restarts);
        self.around.keeper.forget(&run.name.kept());
        match &mut self.phase {
            Phase::Reloading(_) => self.replaced_early(),
            Phase::Stopping(stopping) => {
                stopping.exited = true;
                self.around.announce("exit", &lock(&self.shared), false);
            }
            _ => self.ended_by_itself(exit, verdict).await,
        }
        self.save();
        // Only now may the keeper forget it: a daemon that takes over knows of it from us.
        self.around.keeper.acknowledge(run.pid);
    }

    fn record_exit(&self, exit: Exit) {
        let mut record = lock(&self.shared);
        // Closing our end of the channel and of stdin lets go of what is left of the app.
        record.live = None;
        record.forget_run();
        record.set("exit_code", exit.code());
        let pid_file = record.text("pm_pid_path");
        if !pid_file.is_empty() {
            let _ = std::fs::remove_file(pid_file);
        }
        let (name, pm_id, code) = (record.name(), record.pm_id, exit.code());
        let signal = exit
            .signal()
            .map_or_else(|| record.stop_signal_name(), str::to_owned);
        self.around.journal.info(format!(
            "App [{name}:{pm_id}] exited with code [{code}] via signal [{signal}]"
        ));
    }

    fn age(&self) -> std::time::Duration {
        let created = lock(&self.shared).number("created_at");
        std::time::Duration::from_millis(u64::try_from(now() - created).unwrap_or(0))
    }

    async fn ended_by_itself(&mut self, exit: Exit, verdict: Verdict) {
        let before = std::mem::replace(&mut self.phase, Phase::Resting);
        if let Phase::Launching { waiting, .. } = before {
            let record = lock(&self.shared);
            let (name, log) = (record.name().to_owned(), record.text("pm_err_log_path"));
            drop(record);
            let how = describe(exit);
            answer(waiting, || {
                Err(ProcessError::Died {
                    name: name.clone(),
                    how: how.clone(),
                    log: log.clone(),
                })
            });
        }
        match verdict {
            Verdict::Stop => self.come_to_rest(Status::Stopped),
            Verdict::GiveUp => self.give_in(),
            Verdict::Restart(pause) if pause.is_zero() => {
                self.come_to_rest(Status::Stopped);
                self.start_again().await;
            }
            Verdict::Restart(pause) => {
                let mut record = lock(&self.shared);
                record.set_status(Status::WaitingRestart);
                let backoff =
                    u64::try_from(self.counters.previous_backoff.as_millis()).unwrap_or(u64::MAX);
                if backoff > 0 {
                    record.set("prev_restart_delay", backoff);
                }
                self.around.announce("exit", &record, false);
                drop(record);
                self.phase = Phase::Pausing {
                    until: Instant::now() + pause,
                };
            }
        }
    }

    fn come_to_rest(&mut self, status: Status) {
        let mut record = lock(&self.shared);
        record.set_status(status);
        record.pid = 0;
        record.worker = None;
        self.around.announce("exit", &record, false);
    }

    fn give_in(&mut self) {
        {
            let mut record = lock(&self.shared);
            let (name, pm_id) = (record.name().to_owned(), record.pm_id);
            self.around.journal.info(format!(
                "Script {} had too many unstable restarts ({}). Stopped. \"errored\"",
                record.text("pm_exec_path"),
                self.settings.restart.max_restarts
            ));
            self.around.journal.error(format!(
                "App [{name}:{pm_id}] is errored: it ended too often right after its start"
            ));
            record.set("created_at", serde_json::Value::Null);
            record.set_status(Status::Errored);
            record.pid = 0;
            self.around.announce("restart overlimit", &record, false);
        }
        self.come_to_rest(Status::Errored);
    }
}

impl Record {
    /// The signal that a stop of this app would use, for the line in the log.
    fn stop_signal_name(&self) -> String {
        let named = self.text("PM2_KILL_SIGNAL");
        if named.is_empty() {
            "SIGINT".to_owned()
        } else {
            named
        }
    }
}

pub(super) fn describe(exit: Exit) -> String {
    match (exit, exit.signal()) {
        (Exit::Code(code), _) => format!("exit code {code}"),
        (Exit::Signal(_), Some(name)) => format!("killed by {name}"),
        (Exit::Signal(number), None) => format!("killed by signal {number}"),
    }
}
