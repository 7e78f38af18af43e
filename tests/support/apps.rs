//! Small Node programs (`tests/fixtures`) run as apps, with a channel and a primary.

use std::{
    env,
    ffi::CString,
    fs::File,
    future::Future,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::waitpid,
    },
    unistd::Pid,
};
use rpm2::{
    channel::{self, ChannelEvent, ChannelReader, ChannelSender},
    cluster::{Policy, Primary, Seat, Worker, WorkerEvent},
    sys::{
        descriptor,
        spawn::{Program, Session, spawn},
    },
};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How long anything may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// Every Node to test with: the one in PATH, and those that `RPM2_TEST_NODES` names.
pub(crate) fn nodes() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap();
    let first = env::split_paths(&path)
        .map(|folder| folder.join("node"))
        .find(|file| file.is_file())
        .expect("node in PATH");
    let named = env::var_os("RPM2_TEST_NODES").unwrap_or_default();
    let more = env::split_paths(&named).filter(|path| path.is_file());
    [first].into_iter().chain(more).collect()
}

/// Waits for `future`, and fails if it takes too long.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: nothing within {DEADLINE:?}"))
}

/// Waits until `condition` holds.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    soon(what, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// A fixture's path.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// Runs a fixture as an ordinary program and returns what it printed.
pub(crate) async fn run(node: &Path, name: &str, argument: &str) -> String {
    let mut command = Command::new(node);
    command.arg(fixture(name)).arg(argument);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = soon(name, output).await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// What an app did, its cluster messages already acted on.
#[derive(Debug)]
pub(crate) enum Said {
    /// Anything but a cluster message.
    Event(ChannelEvent),
    /// What a cluster message meant.
    Worker(WorkerEvent),
}

/// How to start an app.
pub(crate) struct Start<'a> {
    /// The Node to run it.
    pub(crate) node: &'a Path,
    /// The fixture.
    pub(crate) fixture: &'a str,
    /// Further environment variables.
    pub(crate) variables: &'a [(&'a str, &'a str)],
    /// The policy, if it is a worker.
    pub(crate) policy: Policy,
    /// Whose worker it is then.
    pub(crate) seat: Seat,
}

impl<'a> Start<'a> {
    /// A fixture with nothing else.
    pub(crate) fn new(node: &'a Path, fixture: &'a str) -> Self {
        Self {
            node,
            fixture,
            variables: &[],
            policy: Policy::RoundRobin,
            seat: Seat::default(),
        }
    }

    /// As the process of this number of the app `name`.
    pub(crate) fn seated(mut self, name: &str, number: u32) -> Self {
        self.seat = Seat {
            app: name.to_owned(),
            number,
        };
        self
    }

    /// With these environment variables.
    pub(crate) fn with(mut self, variables: &'a [(&'a str, &'a str)]) -> Self {
        self.variables = variables;
        self
    }

    /// With this policy.
    pub(crate) fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Starts it as an ordinary app.
    pub(crate) fn app(&self) -> App {
        let (reader, sender, childs) = channel::open().unwrap();
        let (pid, output) = self.spawn(childs, None);
        App::new(pid, reader, sender, None, output)
    }

    /// Starts it as a worker.
    pub(crate) fn worker(&self, primary: &Primary) -> App {
        let (reader, sender, childs) = channel::open().unwrap();
        let worker = primary.add_worker(sender.clone(), self.policy, self.seat.clone());
        let (pid, output) = self.spawn(childs, Some(worker.id()));
        worker.runs_as(pid);
        App::new(pid, reader, sender, Some(Arc::new(worker)), output)
    }

    /// Starts it with this end of a channel; its process id and standard output.
    pub(crate) fn spawn(&self, channel: OwnedFd, id: Option<u32>) -> (i32, File) {
        let text = |text: &str| CString::new(text).unwrap();
        let file = |path: &Path| text(path.to_str().unwrap());
        let mut envp = vec![
            text("NODE_CHANNEL_FD=3"),
            text("NODE_CHANNEL_SERIALIZATION_MODE=json"),
        ];
        envp.extend(id.map(|id| text(&format!("NODE_UNIQUE_ID={id}"))));
        let variables = self.variables.iter();
        envp.extend(variables.map(|(name, value)| text(&format!("{name}={value}"))));
        let (output, output_end) = descriptor::pipe().unwrap();
        let program = Program {
            path: file(self.node),
            argv: vec![text("node"), file(&fixture(self.fixture))],
            envp,
            cwd: text("/"),
            owner: None,
            session: Session::Own,
            descriptors: vec![
                File::open("/dev/null").unwrap().into(),
                output_end,
                std::io::stderr().as_fd().try_clone_to_owned().unwrap(),
                channel,
            ],
        };
        (spawn(program).unwrap(), output.into())
    }
}

/// A running app, killed when dropped.
pub(crate) struct App {
    pid: i32,
    /// Its channel.
    pub(crate) channel: ChannelSender,
    worker: Option<Arc<Worker>>,
    said: UnboundedReceiver<Said>,
    /// Its standard output.
    pub(crate) output: File,
}

impl App {
    /// An app that runs already.
    pub(crate) fn new(
        pid: i32,
        reader: ChannelReader,
        channel: ChannelSender,
        worker: Option<Arc<Worker>>,
        output: File,
    ) -> Self {
        let (say, said) = unbounded_channel();
        tokio::spawn(listen(reader, worker.clone(), say));
        Self {
            pid,
            channel,
            worker,
            said,
            output,
        }
    }

    /// Its worker.
    pub(crate) fn worker(&self) -> &Worker {
        self.worker.as_ref().unwrap()
    }

    /// Its worker's number as text.
    pub(crate) fn id(&self) -> String {
        self.worker().id().to_string()
    }

    /// What it does next.
    pub(crate) async fn next(&mut self) -> Said {
        soon("an app's event", self.said.recv()).await.unwrap()
    }

    /// The next message it sends, verbatim; what it says as a worker is passed over.
    pub(crate) async fn text(&mut self) -> String {
        loop {
            match self.next().await {
                Said::Event(ChannelEvent::Message(body)) => {
                    return String::from_utf8(body.to_vec()).unwrap();
                }
                Said::Event(event) => panic!("{event:?}"),
                Said::Worker(_) => {}
            }
        }
    }

    /// The next message it sends.
    pub(crate) async fn json(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// What it says next as a worker.
    pub(crate) async fn event(&mut self) -> WorkerEvent {
        loop {
            if let Said::Worker(event) = self.next().await {
                return event;
            }
        }
    }

    /// Waits for the end of its channel.
    pub(crate) async fn closed(&mut self) {
        while !matches!(self.next().await, Said::Event(ChannelEvent::Closed)) {}
    }

    /// Sends it a message.
    pub(crate) fn send(&self, body: &str) {
        self.channel.send(&[body.as_bytes()]).unwrap();
    }

    /// Kills it.
    pub(crate) fn kill(&self) {
        kill(Pid::from_raw(self.pid), Signal::SIGKILL).unwrap();
    }

    /// Stops or continues it.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid), signal).unwrap();
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.kill();
        let _ = waitpid(Pid::from_raw(self.pid), None);
    }
}

/// What a supervisor does with a channel.
async fn listen(
    mut reader: ChannelReader,
    worker: Option<Arc<Worker>>,
    say: UnboundedSender<Said>,
) {
    loop {
        let said = match (reader.next().await, &worker) {
            (ChannelEvent::Cluster(message), Some(worker)) => match worker.message(message) {
                Some(event) => Said::Worker(event),
                None => continue,
            },
            (event, _) => Said::Event(event),
        };
        let ended = matches!(said, Said::Event(ChannelEvent::Closed));
        if let (true, Some(worker)) = (ended, &worker) {
            worker.gone();
        }
        if say.send(said).is_err() || ended {
            return;
        }
    }
}
