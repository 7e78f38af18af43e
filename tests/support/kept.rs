//! A keeper of its own for each test, whose daemon does what the test says (`tests/programs/fake_daemon.rs`).

use std::{
    collections::VecDeque,
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use rpm2::{home::Home, sys::proc};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{homes::binary, program};

/// Names the socket over which the daemon is told what to do.
pub(crate) const CONTROL: &str = "RPM2_TEST_CONTROL";
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until a condition holds.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until an app has the standard descriptors only: while it loads its libraries it opens others for a moment.
pub(crate) fn wait_for_three_descriptors(pid: i32) {
    wait_until("no descriptor but the standard ones", || {
        fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() == 3
    });
}

/// A home served by a keeper.
pub(crate) struct Kept {
    folder: TempDir,
    home: Home,
    control: UnixListener,
}

impl Kept {
    /// A home without a keeper.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("k")
            .tempdir_in("/tmp")
            .unwrap();
        let home = Home::at(folder.path().join("h"));
        let control = UnixListener::bind(folder.path().join("control")).unwrap();
        control.set_nonblocking(true).unwrap();
        let kept = Self {
            folder,
            home,
            control,
        };
        kept.daemon_script(&format!(
            "if [ -e {}/broken ]; then echo broken by the test; exit 3; fi\n\
             exec {}",
            kept.folder().display(),
            program("fake-daemon").display(),
        ));
        kept
    }

    /// A home with a keeper and its first daemon.
    pub(crate) fn started() -> (Self, Daemon) {
        let kept = Self::new();
        let said = kept.launch();
        assert!(said.contains("ready"), "{said}");
        let daemon = kept.daemon();
        (kept, daemon)
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn program(&self) -> PathBuf {
        self.folder().join("daemon.sh")
    }

    /// What runs as daemon.
    pub(crate) fn daemon_script(&self, script: &str) {
        fs::write(self.program(), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(self.program(), fs::Permissions::from_mode(0o700)).unwrap();
    }

    /// From now on daemons end with code 3 before they serve.
    pub(crate) fn break_daemons(&self, broken: bool) {
        let path = self.folder().join("broken");
        if broken {
            fs::write(path, "").unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }

    /// Launches a keeper as a client does; returns what it says.
    pub(crate) fn launch(&self) -> String {
        self.launch_with(&binary())
    }

    pub(crate) fn launch_with(&self, binary: &Path) -> String {
        let mut child = Command::new(binary)
            .args(["keeper", "--daemon"])
            .arg(self.program())
            .env("RPM2_HOME", self.home.root())
            .env(CONTROL, self.folder().join("control"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        child.wait().unwrap();
        said
    }

    pub(crate) fn keeper_pid(&self) -> i32 {
        fs::read_to_string(self.home.pid_file())
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Sends a signal to the keeper.
    pub(crate) fn signal(&self, signal: Signal) {
        proc::signal(self.keeper_pid(), signal).unwrap();
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home.daemon_log()).unwrap_or_default()
    }

    /// The next daemon, once it has been handed everything.
    pub(crate) fn daemon(&self) -> Daemon {
        let mut accepted = None;
        wait_until("a daemon", || {
            accepted = self.control.accept().ok();
            accepted.is_some()
        });
        let (stream, _) = accepted.unwrap();
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut daemon = Daemon {
            lines: BufReader::new(stream.try_clone().unwrap()),
            stream,
            events: VecDeque::new(),
            hello: Value::Null,
        };
        daemon.hello = daemon.event("hello");
        daemon
    }

    /// Nothing is left that says that somebody serves the home.
    pub(crate) fn wait_until_left(&self) {
        wait_until("the keeper's end", || {
            let left = [
                self.home.rpc_socket(),
                self.home.pub_socket(),
                self.home.pid_file(),
            ];
            left.iter().all(|path| !path.exists()) && self.is_unlocked()
        });
    }

    fn is_unlocked(&self) -> bool {
        let file = fs::File::open(self.home.lock_file()).unwrap();
        rpm2::sys::descriptor::lock(&file).unwrap()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let Ok(pid) = fs::read_to_string(self.home.pid_file()) else {
            return;
        };
        let Ok(pid) = pid.parse() else { return };
        // The first is the daemon's, which need not obey; the second is the keeper's.
        let deadline = Instant::now() + DEADLINE;
        while self.home.pid_file().exists() && proc::exists(pid) && Instant::now() < deadline {
            let _ = proc::signal(pid, Signal::SIGTERM);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A daemon that obeys.
pub(crate) struct Daemon {
    stream: UnixStream,
    lines: BufReader<UnixStream>,
    events: VecDeque<Value>,
    /// What it was handed.
    pub(crate) hello: Value,
}

impl Daemon {
    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.hello["pid"].as_i64().unwrap()).unwrap()
    }

    pub(crate) fn kill(&self) {
        proc::signal(self.pid(), Signal::SIGKILL).unwrap();
    }

    /// Has it do something that is not answered.
    pub(crate) fn tell(&mut self, what: &str, arg: Value) {
        let command = json!({ "do": what, "arg": arg });
        writeln!(self.stream, "{command}").unwrap();
    }

    /// Has it do something; returns its answer.
    pub(crate) fn ask(&mut self, what: &str, arg: Value) -> Value {
        self.tell(what, arg);
        loop {
            let line = self.line();
            if line["event"].is_null() {
                return line;
            }
            self.events.push_back(line);
        }
    }

    /// Starts an app; returns its process id.
    pub(crate) fn spawn(&mut self, key: &str, script: &str, keep: &[&str]) -> i32 {
        let answer = self.ask(
            "spawn",
            json!({ "key": key, "script": script, "keep": keep }),
        );
        i32::try_from(
            answer["pid"]
                .as_i64()
                .unwrap_or_else(|| panic!("{key}: {answer}")),
        )
        .unwrap()
    }

    /// The next event of this kind.
    pub(crate) fn event(&mut self, kind: &str) -> Value {
        if let Some(index) = self.events.iter().position(|event| event["event"] == kind) {
            return self.events.remove(index).unwrap();
        }
        loop {
            let line = self.line();
            if line["event"] == kind {
                return line;
            }
            self.events.push_back(line);
        }
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }
}
