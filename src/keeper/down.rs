//! Words about daemons that die: in `pm2.log`, and in a file that clients show while there is none.

use std::{fs, io::Write, time::Duration};

use super::open::append_private;
use crate::{
    home::{Home, write_private},
    sys::proc::Exit,
};

/// A line in the daemon's log, in its form.
pub(super) fn log(home: &Home, line: &str) {
    let time = crate::sys::local_time::now()
        .strftime("%Y-%m-%dT%H:%M:%S")
        .to_string();
    if let Ok(mut file) = append_private(&home.daemon_log()) {
        // There is nowhere left to report to when the log itself cannot be written.
        let _ = file.write_all(format!("{time}: PM2 error: {line}\n").as_bytes());
    }
}

/// A daemon has died and the next one starts after `wait`.
pub(super) fn died(home: &Home, how: &str, deaths: u32, wait: Duration) {
    let line = sentence(home, how, deaths, wait);
    log(home, &line);
    if !wait.is_zero() {
        let _ = write_private(&home.down_file(), format!("{line}\n").as_bytes());
    }
}

/// A daemon serves again, or none is meant to.
pub(super) fn clear(home: &Home) {
    let _ = fs::remove_file(home.down_file());
}

/// How a process ended, as text.
pub(super) fn describe(exit: Exit) -> String {
    match (exit, exit.signal()) {
        (Exit::Code(code), _) => format!("exit code {code}"),
        (_, Some(name)) => format!("signal {name}"),
        (Exit::Signal(number), None) => format!("signal {number}"),
    }
}

fn sentence(home: &Home, how: &str, deaths: u32, wait: Duration) -> String {
    let next = if wait.is_zero() {
        "it is started again now".to_owned()
    } else {
        format!("next try in {} ms", wait.as_millis())
    };
    let often = if deaths < 2 {
        String::new()
    } else {
        format!(" {deaths} times in a row")
    };
    format!(
        "the daemon ended unexpectedly{often} (last: {how}), apps keep running; {next}; see {}",
        home.daemon_log().display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_how_often_how_when_and_where() {
        let home = Home::at("/h");
        let line = sentence(&home, "signal SIGKILL", 3, Duration::from_millis(200));
        assert_eq!(
            line,
            "the daemon ended unexpectedly 3 times in a row (last: signal SIGKILL), apps keep running; \
             next try in 200 ms; see /h/pm2.log"
        );
        assert_eq!(describe(Exit::Signal(9)), "signal SIGKILL");
        assert_eq!(describe(Exit::Code(3)), "exit code 3");
    }
}
