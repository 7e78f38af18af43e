//! After a start: did an app die at once? A short look, so that a typo in a script is not reported as a success.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{context::Context, error::CommandError, listed::Listed, logs::tail::last_lines};
use crate::sys::proc;

/// How long to look.
const LOOK: Duration = Duration::from_millis(250);
/// An app that has slept this long without waking up once has come up, and is not looked at any longer.
const QUIET: Duration = Duration::from_millis(20);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);
/// How long the daemon may take to notice an end that we saw.
const NOTICE: Duration = Duration::from_secs(1);
/// Lines of the error log that are shown.
const LINES: usize = 10;

/// A process that was just started.
struct New {
    pm_id: u64,
    pid: i32,
    /// How often it has gone to sleep, and since when that has been so.
    sleeps: Option<(u64, Instant)>,
}

/// What a look at a process shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Gone,
    /// It sleeps, and has gone to sleep so many times.
    Asleep(u64),
    Busy,
}

/// Watches the processes among `started` (answers of `start`) for a moment. The text says what became of those that
/// ended; `None` if all is well. A process that ended with code 0 and is not to be restarted has done its work.
pub(super) async fn look(
    context: &Context,
    started: &[Value],
) -> Result<Option<String>, CommandError> {
    let deadline = Instant::now() + LOOK;
    let mut watched: Vec<New> = started.iter().filter_map(new_process).collect();
    let mut ended = Vec::new();
    loop {
        watched.retain_mut(|process| match look_at(process.pid) {
            Look::Gone => {
                ended.push((process.pm_id, process.pid));
                false
            }
            Look::Asleep(count) => !process.is_quiet(count),
            Look::Busy => true,
        });
        if watched.is_empty() || Instant::now() >= deadline {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    if ended.is_empty() {
        return Ok(None);
    }
    let failed = noticed(context, &ended).await?;
    let texts: Vec<String> = failed.iter().map(explain).collect();
    Ok((!texts.is_empty()).then(|| texts.join("\n")))
}

impl New {
    fn is_quiet(&mut self, count: u64) -> bool {
        match self.sleeps {
            Some((before, since)) if before == count => since.elapsed() >= QUIET,
            _ => {
                self.sleeps = Some((count, Instant::now()));
                false
            }
        }
    }
}

fn new_process(answer: &Value) -> Option<New> {
    let pid = answer.get("process")?.get("pid")?.as_i64()?;
    Some(New {
        pm_id: answer.get("pm2_env")?.get("pm_id")?.as_u64()?,
        pid: i32::try_from(pid).ok().filter(|pid| *pid > 0)?,
        sleeps: None,
    })
}

fn look_at(pid: i32) -> Look {
    match status_of(pid) {
        Ok(status) => read_status(&status),
        Err(_) if proc::exists(pid) => Look::Busy,
        Err(_) => Look::Gone,
    }
}

/// The system writes it anew for each read, so it is read in one: there may be hundreds of apps.
fn status_of(pid: i32) -> io::Result<String> {
    let mut text = [0; 8192];
    let length = File::open(format!("/proc/{pid}/status"))?.read(&mut text)?;
    Ok(String::from_utf8_lossy(&text[..length]).into_owned())
}

fn read_status(status: &str) -> Look {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.strip_prefix(':').map(str::trim)
    };
    match field("State").and_then(|state| state.chars().next()) {
        Some('Z' | 'X') => Look::Gone,
        Some('S') => match field("voluntary_ctxt_switches").and_then(|count| count.parse().ok()) {
            Some(count) => Look::Asleep(count),
            None => Look::Busy,
        },
        _ => Look::Busy,
    }
}

/// What the daemon lists for the processes that ended, once it has noticed; only those that failed.
async fn noticed(context: &Context, ended: &[(u64, i32)]) -> Result<Vec<Listed>, CommandError> {
    let deadline = Instant::now() + NOTICE;
    loop {
        let processes = context.processes().await?;
        let find = |(pm_id, pid): &(u64, i32)| {
            let process = processes
                .iter()
                .find(|process| process.pm_id.as_u64() == Some(*pm_id))?;
            Some((process.clone(), i64::from(*pid)))
        };
        let found: Vec<(Listed, i64)> = ended.iter().filter_map(find).collect();
        let is_noticed = |(process, pid): &(Listed, i64)| process.pid != *pid;
        if found.iter().all(is_noticed) || Instant::now() >= deadline {
            let processes = found.into_iter().map(|(process, _)| process);
            return Ok(processes.filter(has_failed).collect());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn has_failed(process: &Listed) -> bool {
    process.status() != "stopped" || process.number("exit_code").unwrap_or_default() != 0
}

fn explain(process: &Listed) -> String {
    let code = process.text("exit_code");
    let code = if code.is_empty() {
        "an unknown exit code".to_owned()
    } else {
        format!("exit code {code}")
    };
    let restarts = process.number("restart_time").unwrap_or_default();
    let then = match process.status().as_str() {
        "errored" => "it is not restarted any more".to_owned(),
        "stopped" => "it is not restarted".to_owned(),
        _ if code == "exit code 0" => {
            format!(
                "it has been restarted (↺ {restarts}); use --no-autorestart for a script that is to end"
            )
        }
        _ => format!("it is being restarted (↺ {restarts})"),
    };
    let text = format!(
        "App [{}]({}) ended at once with {code}; {then}",
        process.name,
        process.id()
    );
    let log = process.text("pm_err_log_path");
    // A log that cannot be read is not worth a second error.
    let lines = last_lines(Path::new(&log), LINES).unwrap_or_default();
    if lines.is_empty() {
        return text;
    }
    format!("{text}\n{log} last lines:\n{}", lines.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_systems_words_for_a_process() {
        let status = |state: &str| {
            format!(
                "Name:\tnode\nState:\t{state}\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n"
            )
        };
        assert_eq!(read_status(&status("S (sleeping)")), Look::Asleep(12));
        assert_eq!(read_status(&status("R (running)")), Look::Busy);
        assert_eq!(read_status(&status("Z (zombie)")), Look::Gone);
        assert_eq!(look_at(i32::MAX), Look::Gone);
    }

    #[test]
    fn a_process_is_quiet_once_it_has_slept_for_a_while() {
        let mut process = New {
            pm_id: 0,
            pid: 1,
            sleeps: None,
        };
        assert!(!process.is_quiet(5));
        let long_ago = Instant::now().checked_sub(QUIET).unwrap();
        process.sleeps = Some((5, long_ago));
        assert!(!process.is_quiet(6), "it woke up");
        process.sleeps = Some((6, long_ago));
        assert!(process.is_quiet(6));
    }

    #[test]
    fn a_script_that_has_done_its_work_is_no_failure() {
        let listed = |status: &str, code: i64| -> Listed {
            serde_json::from_value(json!({"pm_id": 3, "name": "job", "pm2_env": {"status": status, "exit_code": code, "restart_time": 2}})).unwrap()
        };
        assert!(!has_failed(&listed("stopped", 0)));
        assert!(has_failed(&listed("stopped", 1)) && has_failed(&listed("online", 0)));
        assert_eq!(
            explain(&listed("errored", 7)),
            "App [job](3) ended at once with exit code 7; it is not restarted any more"
        );
        assert!(explain(&listed("online", 0)).contains("--no-autorestart"));
    }
}
