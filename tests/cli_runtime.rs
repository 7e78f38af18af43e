//! `runtime` and `start --no-daemon`: apps in the foreground.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Stdio},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use rpm2::sys::proc;

use crate::{
    cli::{fails, home, list, ok},
    support::homes::TestHome,
};

/// A command that stays, and what it prints.
struct Foreground {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Foreground {
    fn start(home: &TestHome, args: &[&str]) -> Self {
        let mut command = home.prepare_command(args);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// Reads until a line that has this in it, which it returns.
    fn until(&mut self, text: &str) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            let count = self.output.read_line(&mut line).unwrap();
            assert!(count > 0, "`{text}` never came: {seen}");
            if line.contains(text) {
                return line;
            }
            seen.push_str(&line);
        }
    }

    fn signal(&self, signal: Signal) {
        proc::signal(i32::try_from(self.child.id()).unwrap(), signal).unwrap();
    }

    /// The exit code, the rest of the output, and standard error.
    fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.output.read_to_string(&mut out).unwrap();
        let mut errors = self.child.stderr.take().unwrap();
        errors.read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }
}

fn gone(pid: i32) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while proc::exists(pid) {
        assert!(Instant::now() < deadline, "{pid} lives on");
        std::thread::yield_now();
    }
}

const TRAPPED: &str = "trap 'echo told; exit 0' INT\necho pid $$\nwhile :; do sleep 0.02; done\n";

fn pid_in(line: &str) -> i32 {
    let word = line.split_whitespace().next_back().unwrap();
    word.trim_end_matches(['"', '}', ',']).parse().unwrap()
}

#[test]
fn output_is_passed_on_and_the_end_of_all_apps_is_the_end() {
    let home = home();
    home.write("job.sh", "echo out $1\necho err >&2\nexit 3\n");
    let (code, out, err) =
        Foreground::start(&home, &["runtime", "job.sh", "--no-autorestart", "--", "x"]).end();
    assert_eq!(code, Some(2), "{out}{err}");
    assert!(out.contains("\nout x\n") && !out.contains("err\n"), "{out}");
    assert_eq!(err, "err\n");
    assert!(out.contains("exited with code [3]"), "{out}");
    assert_eq!(home.keeper_pid(), None);
    let logs = fs::read_dir(home.home().logs()).unwrap().count();
    assert_eq!(logs, 0, "nothing is written but to our own output");
}

#[test]
fn signals_end_everything() {
    let home = home();
    home.write("trapped.sh", TRAPPED);
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut foreground = Foreground::start(&home, &["runtime", "start", "trapped.sh"]);
        let pid = pid_in(&foreground.until("pid "));
        foreground.signal(signal);
        let (code, out, err) = foreground.end();
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        assert!(out.contains("told\n"), "{out}");
        gone(pid);
        assert_eq!(home.keeper_pid(), None);
    }
    let mut foreground = Foreground::start(&home, &["runtime", "trapped.sh"]);
    let pid = pid_in(&foreground.until("pid "));
    let keeper = home.keeper_pid().unwrap();
    foreground.signal(Signal::SIGKILL);
    foreground.end();
    gone(pid);
    gone(keeper);
}

#[test]
fn files_formats_and_a_daemon_that_is_there() {
    let home = home();
    home.write("trapped.sh", TRAPPED);
    let app = |name: &str| format!("{{\"script\": \"trapped.sh\", \"name\": \"{name}\"}}");
    home.write("apps.json", &format!("[{}, {}]", app("a"), app("b")));
    let args = ["runtime", "apps.json", "--only", "b", "--json"];
    let mut foreground = Foreground::start(&home, &args);
    let line = foreground.until("\"pid ");
    assert!(line.contains("\"app_name\":\"b\""), "{line}");
    // Other commands reach it.
    assert_eq!(list(&home)[0]["name"], "b");
    assert_eq!(list(&home)[0]["pm2_env"]["pm_out_log_path"], "/dev/null");
    let second = fails(&home, &["runtime", "trapped.sh"]);
    assert!(second.contains("a daemon runs in"), "{second}");
    ok(&home, &["kill"]);
    assert_eq!(foreground.end().0, Some(0));
}

#[test]
fn what_cannot_be_started_leaves_nothing() {
    let home = home();
    for (args, why) in [
        (vec!["runtime", "none.sh"], "Script not found"),
        (vec!["runtime", "none.json"], "File none.json not found"),
        (vec!["runtime", "stop", "up.sh"], "expected one file"),
    ] {
        let error = fails(&home, &args);
        assert!(error.contains(why), "{error}");
        assert_eq!(home.keeper_pid(), None);
    }
}

#[test]
fn without_an_app_it_goes_on_if_told_so() {
    let home = home();
    home.write("job.sh", "exit 0\n");
    let args = ["runtime", "job.sh", "--no-autorestart", "--no-auto-exit"];
    let mut foreground = Foreground::start(&home, &args);
    foreground.until("exited with code [0]");
    // It serves others all the while.
    ok(&home, &["start", "up.sh", "--name", "later"]);
    foreground.until("App [later:1] online");
    foreground.signal(Signal::SIGTERM);
    assert_eq!(foreground.end().0, Some(0));
}

#[test]
fn start_can_stay_too() {
    let home = home();
    home.write("trapped.sh", TRAPPED);
    let mut foreground = Foreground::start(&home, &["start", "trapped.sh", "--no-daemon"]);
    let pid = pid_in(&foreground.until("| pid "));
    assert_eq!(list(&home).len(), 1);
    // With a daemon there is nothing to stay for.
    ok(&home, &["start", "up.sh", "--no-daemon"]);
    foreground.signal(Signal::SIGINT);
    assert_eq!(foreground.end().0, Some(0));
    gone(pid);

    let mut attached = Foreground::start(&home, &["start", "trapped.sh", "--attach"]);
    attached.until("| pid ");
    attached.signal(Signal::SIGINT);
    assert_eq!(attached.end().0, Some(0));
    let status = &list(&home)[0]["pm2_env"]["status"];
    assert_eq!(status, "online", "only the logs have ended");
}
