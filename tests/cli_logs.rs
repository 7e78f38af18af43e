//! `logs`: the ends of the files, and what comes after them.

use std::{
    io::{BufRead, BufReader, Read},
    os::fd::AsFd,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, poll};
use rpm2::sys::proc;

use crate::support::homes::TestHome;

/// Writes the text of the file `say` whenever there is one.
const TALKER: &str = "echo one; echo two; echo wrong >&2
while :; do
  if mv say said 2>/dev/null; then cat said; fi
  sleep 0.01
done
";

/// A home where that app runs and has said its first lines.
fn talking() -> TestHome {
    let home = TestHome::new();
    home.write("talker.sh", TALKER);
    let (code, out, err) = home.command(&["start", "talker.sh", "--name", "t"]);
    assert_eq!(code, 0, "{out}{err}");
    until("the first lines", || {
        home.app_log("t-out.log") == b"one\ntwo\n" && home.app_log("t-error.log") == b"wrong\n"
    });
    home
}

#[track_caller]
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A running `logs`, ended with the test.
struct Logs {
    child: Child,
    /// `None` once the reader has left.
    lines: Option<BufReader<ChildStdout>>,
}

impl Logs {
    fn start(home: &TestHome, args: &[&str]) -> Self {
        let mut command: Command = home.prepare_command(args);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = child.stdout.take().map(BufReader::new);
        Self { child, lines }
    }

    /// The next line that is not empty.
    fn next(&mut self) -> String {
        loop {
            let lines = self.lines.as_mut().unwrap();
            wait_for_output(lines);
            let mut line = String::new();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "logs ended");
            if line != "\n" {
                return line.trim_end_matches('\n').to_owned();
            }
        }
    }

    /// Skips lines up to this one.
    fn find(&mut self, wanted: &str) {
        while self.next() != wanted {}
    }

    /// Its exit code once it has been interrupted.
    fn interrupt(mut self) -> Option<i32> {
        let pid = i32::try_from(self.child.id()).unwrap();
        proc::signal(pid, nix::sys::signal::Signal::SIGINT).unwrap();
        let mut rest = String::new();
        let lines = self.lines.as_mut().unwrap();
        lines.read_to_string(&mut rest).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until there is something to read, and fails if nothing comes.
fn wait_for_output(lines: &BufReader<ChildStdout>) {
    if lines.buffer().is_empty() {
        let mut polled = [PollFd::new(lines.get_ref().as_fd(), PollFlags::POLLIN)];
        assert_ne!(poll(&mut polled, 20_000u16).unwrap(), 0, "no line in time");
    }
}

/// Lets the app write `text`.
fn say(home: &TestHome, text: &str) {
    home.write("say.new", text);
    std::fs::rename(home.folder().join("say.new"), home.folder().join("say")).unwrap();
}

#[test]
fn the_ends_of_the_files() {
    let home = talking();
    let (code, out, err) = home.command(&["logs", "t", "--nostream", "--lines", "1"]);
    let logs = home.home().logs().display().to_string();
    let expected = format!(
        "[TAILING] Tailing last 1 lines for [t] process (change the value with --lines option)\n\
         {logs}/t-out.log last 1 lines:\n0|t        | two\n\n{logs}/t-error.log last 1 lines:\n0|t        | wrong\n\n"
    );
    assert_eq!((code, out, err.as_str()), (0, expected, ""));
    let (_, out, err) = home.command(&["logs", "--nostream", "--raw"]);
    assert!(
        out.contains("[all] processes") && out.contains("t-out.log last 15 lines:\none\ntwo\n"),
        "{out}"
    );
    assert!(
        out.contains("/pm2.log last 15 lines:") && err == "wrong\n",
        "{out}{err}"
    );
    let (_, out, _) = home.command(&["logs", "0", "--nostream", "--err"]);
    assert!(out.contains("wrong") && !out.contains("two"), "{out}");
    let (code, _, err) = home.command(&["logs", "none", "--nostream"]);
    assert!(code == 0 && err.contains("none doesn't exist now"), "{err}");
    let (code, _, err) = home.command(&["logs", "/(/"]);
    assert!(
        code == 1 && err.contains("is not a regular expression"),
        "{err}"
    );
}

#[test]
fn new_lines_follow_until_ctrl_c() {
    let home = talking();
    let mut logs = Logs::start(&home, &["logs", "t", "--lines", "1"]);
    logs.find("0|t        | wrong");
    say(&home, "three\nfour\n");
    assert_eq!(logs.next(), "0|t | three");
    assert_eq!(logs.next(), "0|t | four");
    say(&home, "no newline");
    assert_eq!(logs.next(), "0|t | no newline");
    assert_eq!(logs.interrupt(), Some(0));
}

#[test]
fn lines_as_json_and_fields() {
    let home = talking();
    let mut json = Logs::start(&home, &["logs", "--json"]);
    let mut fields = Logs::start(&home, &["logs", "t", "--format"]);
    // Nothing is printed first, so it is said again until both listen.
    let mut line = None;
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| (json.next(), fields.next()));
        while !reading.is_finished() {
            say(&home, "hello\n");
            std::thread::sleep(Duration::from_millis(20));
        }
        line = Some(reading.join().unwrap());
    });
    let (json, fields) = line.unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["message"], &json["type"], &json["process_id"]),
        (&"hello".into(), &"out".into(), &0.into())
    );
    assert!(
        fields.starts_with("timestamp=20")
            && fields.ends_with(" app=t id=0 type=out message=hello"),
        "{fields}"
    );
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let home = talking();
    let mut logs = Logs::start(&home, &["logs", "t"]);
    logs.find("0|t        | wrong");
    // The next line finds nobody.
    logs.lines = None;
    let mut code = None;
    until("the end of logs", || {
        say(&home, "anybody?\n");
        code = logs.child.try_wait().unwrap();
        code.is_some()
    });
    assert_eq!(code.unwrap().code(), Some(0));
}

#[test]
fn a_new_daemon_is_found() {
    let home = talking();
    let mut logs = Logs::start(&home, &["logs", "t", "--lines", "1"]);
    logs.find("0|t        | wrong");
    let (code, ..) = home.command(&["kill"]);
    assert_eq!(code, 0);
    let (code, ..) = home.command(&["start", "talker.sh", "--name", "t"]);
    assert_eq!(code, 0);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| logs.find("0|t | back"));
        while !reading.is_finished() {
            say(&home, "back\n");
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    assert_eq!(logs.interrupt(), Some(0));
}
