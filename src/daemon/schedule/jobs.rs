//! Which processes are restarted when: a pure state of what is declared, and the time.

use std::collections::BTreeMap;

use jiff::Zoned;
use serde::{Deserialize, Serialize};

use crate::app::cron::{CronPattern, fill_in};

/// The jobs of all processes, as they are kept for a later daemon. Old versions stay readable: new members have
/// defaults.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Jobs {
    #[serde(default)]
    jobs: BTreeMap<u32, Job>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Job {
    /// As it was declared.
    declared: String,
    /// The same with the time of its declaration in place of `?`.
    pattern: String,
    /// When it is due, in milliseconds since 1970; `None` while its restart is under way, or if it never is.
    due: Option<i64>,
    /// Whether its restart is under way in this daemon.
    #[serde(skip)]
    is_running: bool,
}

/// What a declaration has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    Begun,
    Ended,
    Replaced,
    /// The pattern makes no sense, for this reason. There is no job.
    Refused(String),
}

impl Jobs {
    /// A process has this pattern from now on, or none. One that it has already goes on, also over a take-over.
    pub(super) fn declare(&mut self, id: u32, declared: Option<&str>, now: &Zoned) -> Change {
        let Some(declared) = declared else {
            return self.end(id);
        };
        if let Some(job) = self.jobs.get_mut(&id)
            && job.declared == declared
        {
            if !job.is_running && job.due.is_none() {
                job.due = due(&job.pattern, now);
            }
            return Change::Nothing;
        }
        let had = self.jobs.remove(&id).is_some();
        let pattern = fill_in(declared, now);
        if let Err(reason) = CronPattern::parse(&pattern) {
            return Change::Refused(reason);
        }
        let job = Job {
            declared: declared.to_owned(),
            due: due(&pattern, now),
            pattern,
            is_running: false,
        };
        self.jobs.insert(id, job);
        if had { Change::Replaced } else { Change::Begun }
    }

    /// A process has no job any more.
    pub(super) fn end(&mut self, id: u32) -> Change {
        match self.jobs.remove(&id) {
            Some(_) => Change::Ended,
            None => Change::Nothing,
        }
    }

    /// The processes that are due. None of them is again before [`Self::done`].
    pub(super) fn take_due(&mut self, now: &Zoned) -> Vec<u32> {
        let now = now.timestamp().as_millisecond();
        let due = self.jobs.iter_mut().filter_map(|(id, job)| {
            job.due.take_if(|due| *due <= now)?;
            job.is_running = true;
            Some(*id)
        });
        due.collect()
    }

    /// Its restart is over. Whether its job goes on; one that was declared meanwhile does so by itself.
    pub(super) fn done(&mut self, id: u32, now: &Zoned) -> bool {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.is_running) else {
            return false;
        };
        job.is_running = false;
        job.due = due(&job.pattern, now);
        true
    }

    /// When the next one is due.
    pub(super) fn next_due(&self) -> Option<i64> {
        self.jobs.values().filter_map(|job| job.due).min()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }
}

fn due(pattern: &str, now: &Zoned) -> Option<i64> {
    let next = CronPattern::parse(pattern).ok()?.next(now)?;
    Some(next.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Zoned {
        format!("2026-03-05T{time}[UTC]").parse().unwrap()
    }

    #[test]
    fn a_job_is_due_once_for_each_time_and_again_when_its_restart_is_over() {
        let mut jobs = Jobs::default();
        assert_eq!(
            jobs.declare(3, Some("*/2 * * * * *"), &at("10:00:01")),
            Change::Begun
        );
        assert_eq!(jobs.take_due(&at("10:00:01.9")).len(), 0);
        assert_eq!(jobs.take_due(&at("10:00:02")), [3]);
        // A restart that takes longer than until the next time.
        assert_eq!(jobs.next_due(), None);
        assert_eq!(jobs.take_due(&at("10:00:04")).len(), 0);
        assert!(jobs.done(3, &at("10:00:05")));
        assert_eq!(jobs.take_due(&at("10:00:05.5")).len(), 0);
        assert_eq!(jobs.take_due(&at("10:00:06")), [3]);
    }

    #[test]
    fn declarations_begin_replace_and_end() {
        let mut jobs = Jobs::default();
        let now = at("10:00:00");
        let table = [
            (None, Change::Nothing),
            (Some("* * * * *"), Change::Begun),
            (Some("* * * * *"), Change::Nothing),
            (Some("0 * * * *"), Change::Replaced),
            (None, Change::Ended),
            (None, Change::Nothing),
        ];
        for (declared, expected) in table {
            assert_eq!(jobs.declare(1, declared, &now), expected, "{declared:?}");
        }
        assert!(matches!(
            jobs.declare(1, Some("x"), &now),
            Change::Refused(_)
        ));
        assert!(jobs.is_empty() && !jobs.done(1, &now));
        // Never.
        jobs.declare(1, Some("0 0 30 2 *"), &now);
        assert_eq!(jobs.next_due(), None);
    }

    #[test]
    fn a_pattern_that_changes_while_its_restart_is_under_way_counts() {
        let mut jobs = Jobs::default();
        jobs.declare(1, Some("* * * * *"), &at("10:00:30"));
        assert_eq!(jobs.take_due(&at("10:01:00")), [1]);
        assert_eq!(
            jobs.declare(1, Some("0 11 * * *"), &at("10:01:00")),
            Change::Replaced
        );
        let due = jobs.next_due();
        assert!(!jobs.done(1, &at("10:01:01")));
        assert_eq!(jobs.next_due(), due);
        assert_eq!(jobs.take_due(&at("11:00:00")), [1]);
    }

    #[test]
    fn the_next_daemon_makes_up_for_what_was_due_meanwhile_and_keeps_what_was_read() {
        let mut jobs = Jobs::default();
        jobs.declare(1, Some("? * * * *"), &at("10:05:30"));
        jobs.declare(2, Some("*/2 * * * *"), &at("10:05:30"));
        jobs.declare(3, Some("0 12 * * *"), &at("10:05:30"));
        assert_eq!(jobs.take_due(&at("10:06:00")), [2]);
        let text = serde_json::to_string(&jobs).unwrap();
        let mut jobs: Jobs = serde_json::from_str(&text).unwrap();
        for (id, declared) in [(1, "? * * * *"), (2, "*/2 * * * *"), (3, "0 12 * * *")] {
            assert_eq!(
                jobs.declare(id, Some(declared), &at("12:30:00")),
                Change::Nothing
            );
        }
        // At 11:05 and 12:00 there was no daemon; the restart of 10:06 was begun, and is the process's to finish.
        assert_eq!(jobs.take_due(&at("12:30:00")), [1, 3]);
        assert!(jobs.done(1, &at("12:30:01")));
        assert_eq!(jobs.take_due(&at("12:32:00")), [2]);
        assert_eq!(jobs.take_due(&at("13:05:00")), [1]);
        assert_eq!(serde_json::from_str::<Jobs>("{}").unwrap().next_due(), None);
    }
}
