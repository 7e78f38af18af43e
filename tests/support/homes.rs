//! A daemon of its own for each test, in a home of its own, gone with the test.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use rpm2::{
    app::{Caller, Program},
    client::{ClientError, Session, SessionOptions, Subscription, verbs},
    home::Home,
    sys::proc,
};
use serde_json::{Value, json, value::to_raw_value};
use tempfile::TempDir;

use super::apps::{eventually, soon};

/// The executable under test.
pub(crate) fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_rpm2"))
}

/// A home with at most one daemon.
pub(crate) struct TestHome {
    folder: TempDir,
    home: Home,
}

impl TestHome {
    /// An empty home; no daemon yet.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("r")
            .tempdir_in("/tmp")
            .unwrap();
        let home = Home::at(folder.path().join("h"));
        Self { folder, home }
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// A folder for the test's files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A client of the home; the daemon starts with its first call.
    pub(crate) fn session(&self) -> Client {
        self.session_of(&binary())
    }

    /// The same with another executable.
    pub(crate) fn session_of(&self, binary: &Path) -> Client {
        let mut caller = Caller::current(self.home.clone(), Program::Module, None).unwrap();
        self.folder.path().clone_into(&mut caller.cwd);
        Client {
            session: Session::new(SessionOptions {
                caller,
                binary: binary.to_owned(),
            }),
        }
    }

    /// The daemon's process id: it is the keeper's child that is no app.
    pub(crate) fn daemon_pid(&self) -> Option<i32> {
        let is_daemon = |pid: &i32| {
            std::fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| line.ends_with(b"\0daemon\0"))
        };
        children(self.keeper_pid()?).into_iter().find(is_daemon)
    }

    /// The keeper's process id, once it has written it.
    pub(crate) fn keeper_pid(&self) -> Option<i32> {
        std::fs::read_to_string(self.home.pid_file())
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    /// The daemon's log so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.home.daemon_log()).unwrap_or_default()
    }

    /// A file of the home's `logs` folder, as bytes.
    pub(crate) fn app_log(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.home.logs().join(name)).unwrap_or_default()
    }

    /// The command in the home, without anything on standard input.
    pub(crate) fn prepare_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(args)
            .env("RPM2_HOME", self.home.root())
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs the command in the home: exit code, standard output, standard error.
    pub(crate) fn command(&self, args: &[&str]) -> (i32, String, String) {
        said(self.prepare_command(args).output().unwrap())
    }

    /// The same with further environment variables.
    pub(crate) fn command_with_env(
        &self,
        args: &[&str],
        variables: &[(&str, &str)],
    ) -> (i32, String, String) {
        let mut command = self.prepare_command(args);
        said(command.envs(variables.iter().copied()).output().unwrap())
    }

    /// The same with `input` on standard input.
    pub(crate) fn command_with_input(&self, args: &[&str], input: &str) -> (i32, String, String) {
        let path = self.write("input", input);
        let input = std::fs::File::open(path).unwrap();
        said(self.prepare_command(args).stdin(input).output().unwrap())
    }
}

fn said(output: Output) -> (i32, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (
        output.status.code().unwrap_or(-1),
        text(output.stdout),
        text(output.stderr),
    )
}

impl Drop for TestHome {
    fn drop(&mut self) {
        // Whatever the test left: the daemon ends its apps when it is asked to.
        // A keeper that is PID 1 in its own view is not the process of that number here.
        if let Some(pid) = self.keeper_pid().filter(|pid| *pid > 1) {
            let _ = proc::signal(pid, nix::sys::signal::Signal::SIGTERM);
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
            while self.home.pid_file().exists()
                && proc::exists(pid)
                && std::time::Instant::now() < deadline
            {
                std::thread::yield_now();
            }
        }
    }
}

/// The children of a process.
pub(crate) fn children(pid: i32) -> Vec<i32> {
    let parent = |child: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        stat.rsplit_once(") ")
            .and_then(|(_, rest)| rest.split(' ').nth(1)?.parse::<i32>().ok())
    };
    rpm2::sys::usage::descendants(pid)
        .into_iter()
        .filter(|child| parent(child) == Some(pid))
        .collect()
}

/// A client with pm2's verbs.
pub(crate) struct Client {
    pub(crate) session: Session,
}

impl Client {
    /// Runs a verb.
    pub(crate) async fn verb(&self, verb: &str, args: Value) -> Result<Value, ClientError> {
        let args = args
            .as_array()
            .unwrap()
            .iter()
            .map(|arg| to_raw_value(arg).unwrap())
            .collect();
        let result = soon(verb, verbs::dispatch(&self.session, verb, args)).await?;
        Ok(result.map_or(Value::Null, |raw| serde_json::from_str(raw.get()).unwrap()))
    }

    /// Runs a verb that must succeed.
    pub(crate) async fn ok(&self, verb: &str, args: Value) -> Value {
        self.verb(verb, args)
            .await
            .unwrap_or_else(|error| panic!("{verb}: {error}"))
    }

    /// Runs a verb that must fail, and returns the error's text.
    pub(crate) async fn refused(&self, verb: &str, args: Value) -> String {
        match self.verb(verb, args).await {
            Ok(result) => panic!("{verb} succeeded: {result}"),
            Err(error) => error.to_string(),
        }
    }

    /// Starts a shell script (`sh -c`) as a fork app, with more attributes if wanted.
    pub(crate) async fn start_shell(&self, name: &str, script: &str, more: Value) -> Value {
        let mut app = json!({ "name": name, "script": "/bin/sh", "interpreter": "none", "args": ["-c", script] });
        app.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.ok("start", json!([app])).await
    }

    /// The process of this number as `list` shows it.
    pub(crate) async fn process(&self, pm_id: u32) -> Value {
        let list = self.ok("list", json!([])).await;
        let found = list
            .as_array()
            .unwrap()
            .iter()
            .find(|process| process["pm_id"] == pm_id);
        found.cloned().unwrap_or_default()
    }

    /// Waits until the process of this number satisfies `condition`, and returns it.
    pub(crate) async fn until(
        &self,
        what: &str,
        pm_id: u32,
        condition: impl Fn(&Value) -> bool,
    ) -> Value {
        soon(what, async {
            loop {
                let process = self.process(pm_id).await;
                if condition(&process) {
                    return process;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        })
        .await
    }

    /// A subscription that is connected.
    pub(crate) async fn bus(&self) -> Subscription {
        self.ok("connect", json!([])).await;
        let mut bus = self.session.subscribe();
        soon("the bus", bus.ready()).await;
        // A round trip: the daemon has accepted the subscriber before it answers a later client.
        self.ok("ping", json!([])).await;
        bus
    }
}

/// The next event of this name.
pub(crate) async fn event(bus: &mut Subscription, wanted: &str) -> Value {
    soon(wanted, async {
        loop {
            let (topic, payload) = bus.next().await;
            if topic == wanted {
                return serde_json::from_slice(&payload).unwrap();
            }
        }
    })
    .await
}

/// Waits until a process is gone.
pub(crate) async fn gone(pid: i64) {
    let pid = i32::try_from(pid).unwrap();
    eventually("the end of a process", || !proc::exists(pid)).await;
}
