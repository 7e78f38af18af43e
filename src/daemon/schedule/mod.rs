//! `cron_restart`: restarting processes at the times they declare, whether they run or not. Nothing wakes up while no
//! process declares any.

mod jobs;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::sync::Notify;

use self::jobs::{Change, Jobs};
use super::context::Daemon;
use crate::{
    process::{Pm2Env, Process},
    slot::StateSlot,
    sys::local_time,
};

/// The clock is looked at again after this, for it may have been set, or the machine may have slept.
const LONGEST: Duration = Duration::from_secs(60);

/// The schedules of all processes.
pub(super) struct Schedules {
    state: Mutex<State>,
    changed: Arc<Notify>,
    /// Where they are kept for a later daemon.
    slot: StateSlot,
}

struct State {
    jobs: Jobs,
    /// Whether a task follows the clock.
    is_followed: bool,
}

impl Schedules {
    /// The schedules of the daemon before us, if there was one.
    pub(super) fn restore(slot: StateSlot) -> Self {
        let jobs = slot
            .read()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self {
            state: Mutex::new(State {
                jobs: jobs.unwrap_or_default(),
                is_followed: false,
            }),
            changed: Arc::default(),
            slot,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pattern that a process declares.
fn declared(env: &Pm2Env) -> Option<&str> {
    env.get("cron_restart")
        .and_then(Value::as_str)
        .filter(|pattern| !pattern.is_empty() && *pattern != "0")
}

impl Daemon {
    /// Restarts the process at the times that its attributes name, and at no others.
    pub(super) fn schedule_as_declared(&self, process: &Process) {
        let (id, change) = {
            let record = process.record();
            let id = record.pm_id;
            let mut state = self.schedules().lock();
            let change = state
                .jobs
                .declare(id, declared(&record.env()), &local_time::now());
            (id, change)
        };
        self.say_change(id, &change);
        // Those of an earlier daemon are kept, but not followed yet.
        let is_left = || {
            let state = self.schedules().lock();
            !state.is_followed && !state.jobs.is_empty()
        };
        if change != Change::Nothing || is_left() {
            self.follow_schedules();
        }
    }

    /// The process of this number is gone.
    pub(super) fn unschedule(&self, id: u32) {
        let change = self.schedules().lock().jobs.end(id);
        self.say_change(id, &change);
        if change != Change::Nothing {
            self.follow_schedules();
        }
    }

    fn say_change(&self, id: u32, change: &Change) {
        let journal = self.journal();
        if matches!(change, Change::Ended | Change::Replaced) {
            journal.info(format!("[PM2] Deregistering a cron job on: {id}"));
        }
        if matches!(change, Change::Begun | Change::Replaced) {
            journal.info(format!("[PM2][WORKER] Registering a cron job on: {id}"));
        }
        if let Change::Refused(reason) = change {
            journal.error(format!(
                "process {id} is not restarted at times, its `cron_restart` makes no sense: {reason}"
            ));
        }
    }

    /// Keeps the schedules for a later daemon, and has the clock followed as they say.
    fn follow_schedules(&self) {
        let schedules = self.schedules();
        let mut state = schedules.lock();
        self.keep(&state.jobs);
        schedules.changed.notify_one();
        if !state.is_followed && !state.jobs.is_empty() {
            state.is_followed = true;
            tokio::spawn(follow(self.clone()));
        }
    }

    fn keep(&self, jobs: &Jobs) {
        let text = serde_json::to_vec(jobs).unwrap_or_default();
        if let Err(error) = self.schedules().slot.write(&text) {
            self.journal()
                .error(format!("cannot keep the schedules: {error}"));
        }
    }

    fn restart_on_schedule(&self, id: u32) {
        let daemon = self.clone();
        let Some(process) = daemon.registry().get(id) else {
            return daemon.unschedule(id);
        };
        daemon
            .journal()
            .info(format!("[PM2] Deregistering a cron job on: {id}"));
        tokio::spawn(async move {
            if let Err(error) = process.renew().await {
                let name = process.record().name().to_owned();
                daemon
                    .journal()
                    .error(format!("cannot restart {name} as scheduled: {error}"));
            }
            if daemon.schedules().lock().jobs.done(id, &local_time::now()) {
                daemon
                    .journal()
                    .info(format!("[PM2][WORKER] Registering a cron job on: {id}"));
            }
            daemon.follow_schedules();
        });
    }
}

/// Follows the clock while there are jobs, unless everything is left to another daemon or to nobody.
async fn follow(daemon: Daemon) {
    let schedules = daemon.schedules();
    let changed = Arc::clone(&schedules.changed);
    let act = || {
        let mut state = schedules.lock();
        if state.jobs.is_empty() || daemon.is_leaving() || daemon.around().closing.is_cancelled() {
            state.is_followed = false;
            return None;
        }
        let due = state.jobs.take_due(&local_time::now());
        if !due.is_empty() {
            // From here on they are the processes' to finish, whoever does it.
            daemon.keep(&state.jobs);
        }
        let next = state.jobs.next_due();
        drop(state);
        for id in due {
            daemon.restart_on_schedule(id);
        }
        Some(next)
    };
    keep_time(
        &changed,
        || local_time::now().timestamp().as_millisecond(),
        act,
    )
    .await;
}

/// Calls `act` whenever the time comes that it last named, and whenever something has `changed`; ends when it says so.
async fn keep_time(
    changed: &Notify,
    now: impl Fn() -> i64,
    mut act: impl FnMut() -> Option<Option<i64>>,
) {
    while let Some(next) = act() {
        let wait = next.map(|next| {
            let ahead = u64::try_from(next - now()).unwrap_or(0);
            Duration::from_millis(ahead).min(LONGEST)
        });
        let due = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = changed.notified() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{SignedDuration, Timestamp};
    use tokio::time::Instant;

    /// Plays jobs against a clock that `step` may have set, until so many have been due.
    async fn play(pattern: &str, count: usize, clock: impl Fn(Duration) -> i64) -> Vec<Duration> {
        let start: Timestamp = "2026-03-05T10:00:00.5Z".parse().unwrap();
        let begun = Instant::now();
        let now = || {
            let shown = SignedDuration::from_millis(clock(begun.elapsed()));
            (start + shown).to_zoned(jiff::tz::TimeZone::UTC)
        };
        let mut jobs = Jobs::default();
        jobs.declare(0, Some(pattern), &now());
        let mut fired = Vec::new();
        let act = || {
            for id in jobs.take_due(&now()) {
                fired.push(begun.elapsed());
                jobs.done(id, &now());
            }
            (fired.len() < count).then(|| jobs.next_due())
        };
        keep_time(&Notify::new(), || now().timestamp().as_millisecond(), act).await;
        fired
    }

    fn milliseconds(elapsed: Duration) -> i64 {
        i64::try_from(elapsed.as_millis()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn jobs_are_done_when_they_are_due() {
        let fired = play("*/20 * * * * *", 4, milliseconds).await;
        let fired: Vec<u128> = fired.iter().map(Duration::as_millis).collect();
        assert_eq!(fired, [19_500, 39_500, 59_500, 79_500]);
        let fired = play("0 12 * * *", 2, milliseconds).await;
        let fired: Vec<u64> = fired.iter().map(Duration::as_secs).collect();
        assert_eq!(fired, [7199, 7199 + 86_400]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_is_noticed_within_a_minute() {
        // After ten minutes it goes one hour and a half ahead.
        let jump = |elapsed: Duration| {
            let ahead = if elapsed.as_secs() > 600 {
                5_400_000
            } else {
                0
            };
            milliseconds(elapsed) + ahead
        };
        let fired = play("0 12 * * *", 1, jump).await;
        assert!((1799..1860).contains(&fired[0].as_secs()), "{fired:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_jobs_nothing_wakes_up() {
        let changed = Notify::new();
        let mut looks = 0;
        let act = || {
            looks += 1;
            (looks < 3).then_some(None)
        };
        let kept = keep_time(&changed, || 0, act);
        let later = async {
            for _ in 0..2 {
                tokio::time::sleep(Duration::from_secs(86_400)).await;
                changed.notify_one();
            }
        };
        tokio::join!(kept, later);
        assert_eq!(looks, 3);
    }

    #[test]
    fn what_is_no_pattern_declares_none() {
        for value in [Value::Null, 0.into(), "0".into(), "".into(), false.into()] {
            let env = Pm2Env::from_iter([("cron_restart".to_owned(), value)]);
            assert_eq!(declared(&env), None);
        }
    }
}
