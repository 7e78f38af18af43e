//! Starting a process: from its attributes to a running program with pipes, log files and channel.

use std::{
    ffi::CString,
    io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{
    command::ProcessError,
    log_files::open_logs,
    logs::{LogFiles, Pump, Streams},
    messages::{self, Word},
    outlet::{Surroundings, now},
    own_variables::keep_own,
    owner,
    place::{Place, RunName},
    record::{Live, Pm2Env},
    task::Shared,
};
use crate::{
    app::{
        agent::{self, Agent},
        launch::{self as plan, Mode},
    },
    channel::{self, ChannelReader, ChannelSender, LongLine},
    cluster::{Policy, Seat, Worker},
    slot::StateSlot,
    sys::{
        descriptor,
        pidfd::Handle,
        proc::Exit,
        spawn::{Owner, Program, Session},
    },
};

/// Descriptor of the IPC channel in the app.
const CHANNEL: &str = "3";

/// One run of a process.
pub(super) struct Run {
    /// Its process id.
    pub pid: i32,
    /// When it was started.
    pub started: Instant,
    /// Its exit, once; `None` if nobody can tell it any more.
    pub exit: Option<oneshot::Receiver<Exit>>,
    /// What it says of itself.
    pub words: mpsc::Receiver<Word>,
    /// Reads its output.
    pub pump: Pump,
    /// Reads its channel.
    pub messages: JoinHandle<()>,
    /// Its place in Node's cluster.
    pub worker: Option<Arc<Worker>>,
    /// Which run it is.
    pub name: RunName,
    /// Whose record its words go to.
    pub place: Place,
}

/// Starts the process that `env` describes. Our ends of its pipes and its channel are kept from the first moment on.
pub(super) async fn launch(
    name: RunName,
    env: &Pm2Env,
    context: &Context,
) -> Result<(Run, Live), ProcessError> {
    let around = &context.around;
    let mode = Mode::of(env);
    let logs = open_logs(env)?;
    let (reader, sender, child_channel) = channel::open()?;
    let worker = (mode == Mode::Cluster).then(|| add_worker(name, env, sender.clone(), around));
    let (out, out_end) = descriptor::pipe()?;
    let (err, err_end) = descriptor::pipe()?;
    let (stdin, stdin_end) = input(mode)?;
    let descriptors = vec![stdin_end, out_end, err_end, child_channel];
    let program = program(env, mode, worker.as_deref(), descriptors, around)?;
    let path = program.path.to_string_lossy().into_owned();
    let kept = name.kept();
    let channel = sender.clone();
    let mut keep = vec![
        (format!("{kept}/out"), out.as_fd()),
        (format!("{kept}/err"), err.as_fd()),
        (format!("{kept}/channel"), channel.descriptor()),
    ];
    keep.extend(
        stdin
            .iter()
            .map(|stdin| (format!("{kept}/stdin"), stdin.as_fd())),
    );
    let spawned = around.keeper.spawn(&name.key(), program, keep).await;
    let spawned = spawned.map_err(|source| ProcessError::Spawn {
        program: path,
        source,
    })?;
    let parts = Parts {
        out,
        err,
        logs,
        reader,
        sender,
        stdin,
        worker,
    };
    let process = Resumed {
        pid: spawned.pid,
        handle: spawned.handle,
        exit: spawned.exit,
    };
    parts.assemble(name, process, env, true, context)
}

/// What a run is connected with.
pub(super) struct Context {
    /// The process's record.
    pub shared: Shared,
    /// Where its state is kept.
    pub slot: Arc<StateSlot>,
    /// What every process shares.
    pub around: Surroundings,
}

/// What the keeper kept of a run, for the daemon after the one that started it.
pub struct KeptRun {
    /// Our end of standard output.
    pub out: OwnedFd,
    /// Our end of standard error.
    pub err: OwnedFd,
    /// Our end of the channel.
    pub channel: OwnedFd,
    /// Our end of standard input, in fork mode.
    pub stdin: Option<OwnedFd>,
}

/// What was saved of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct SavedRun<'s> {
    /// Which one.
    pub name: RunName,
    /// Attributes, environment and state.
    pub env: &'s Pm2Env,
    /// Number as a cluster worker.
    pub worker: Option<u32>,
    /// When it began, in milliseconds since 1970.
    pub started: i64,
}

/// Goes on with a run that an earlier daemon began.
pub(super) fn resume(
    kept: KeptRun,
    process: Resumed,
    saved: SavedRun<'_>,
    context: &Context,
) -> Result<(Run, Live), ProcessError> {
    let around = &context.around;
    let logs = open_logs(saved.env)?;
    let (reader, sender) = channel::resume(kept.channel)?;
    let worker = saved
        .worker
        .and_then(|id| around.primary.resume_worker(id, sender.clone()));
    let worker = worker.map(Arc::new);
    let parts = Parts {
        out: kept.out,
        err: kept.err,
        logs,
        reader,
        sender,
        stdin: kept.stdin,
        worker,
    };
    let (mut run, live) = parts.assemble(saved.name, process, saved.env, false, context)?;
    let age = u64::try_from(now() - saved.started).unwrap_or(0);
    run.started = Instant::now()
        .checked_sub(Duration::from_millis(age))
        .unwrap_or(run.started);
    Ok((run, live))
}

/// The process of a run that is taken over.
pub struct Resumed {
    /// Its process id.
    pub pid: i32,
    /// Its handle; of one that has ended it does nothing.
    pub handle: Handle,
    /// Its exit; known already if it has ended.
    pub exit: oneshot::Receiver<Exit>,
}

/// Our ends of everything that connects us with an app.
struct Parts {
    out: OwnedFd,
    err: OwnedFd,
    logs: LogFiles,
    reader: ChannelReader,
    sender: ChannelSender,
    stdin: Option<OwnedFd>,
    worker: Option<Arc<Worker>>,
}

impl Parts {
    fn assemble(
        self,
        name: RunName,
        process: Resumed,
        env: &Pm2Env,
        is_new: bool,
        context: &Context,
    ) -> Result<(Run, Live), ProcessError> {
        let Context {
            shared,
            slot,
            around,
        } = context;
        let streams = Streams {
            out: self.out,
            err: self.err,
            files: self.logs,
            slot: Arc::clone(slot),
        };
        let pump = Pump::start(streams, env, is_new, around)?;
        let slot = Arc::clone(slot);
        // A line that our death cuts in two would kill the app: the next daemon must know.
        self.sender
            .on_long_line(LongLine::new(move |begins| drop(slot.note(begins))));
        let (words_out, words) = mpsc::channel(16);
        let place = Place::new(Arc::clone(shared));
        let messages = messages::start(
            self.reader,
            self.worker.clone(),
            place.clone(),
            around.clone(),
            words_out,
        );
        let Resumed { pid, handle, exit } = process;
        if let Some(worker) = &self.worker {
            worker.runs_as(pid);
        }
        let live = Live {
            handle,
            channel: self.sender,
            stdin: self.stdin,
        };
        let started = Instant::now();
        Ok((
            Run {
                pid,
                started,
                exit: Some(exit),
                words,
                pump,
                messages,
                worker: self.worker,
                name,
                place,
            },
            live,
        ))
    }
}

/// Standard input: a pipe that stays open in fork mode, nothing in cluster mode.
fn input(mode: Mode) -> io::Result<(Option<OwnedFd>, OwnedFd)> {
    if mode == Mode::Cluster {
        return Ok((None, std::fs::File::open("/dev/null")?.into()));
    }
    let (read_end, write_end) = descriptor::pipe()?;
    descriptor::set_nonblocking(std::os::fd::AsFd::as_fd(&write_end))?;
    Ok((Some(write_end), read_end))
}

/// Takes the process on as a worker of the cluster, in the place that all its runs have.
fn add_worker(
    name: RunName,
    env: &Pm2Env,
    channel: ChannelSender,
    around: &Surroundings,
) -> Arc<Worker> {
    let text = |key| env.get(key).and_then(Value::as_str);
    let policy = Policy::asked(text("load_balancing"), text("NODE_CLUSTER_SCHED_POLICY"));
    let seat = Seat {
        app: text("name").unwrap_or_default().to_owned(),
        number: name.pm_id,
    };
    Arc::new(around.primary.add_worker(channel, policy, seat))
}

fn program(
    env: &Pm2Env,
    mode: Mode,
    worker: Option<&Worker>,
    descriptors: Vec<OwnedFd>,
    around: &Surroundings,
) -> Result<Program, ProcessError> {
    let mut command = plan::command(env)
        .ok_or_else(|| ProcessError::Attributes("`pm_exec_path` is missing".to_owned()))?;
    let mut variables = plan::child_environment(env, mode);
    keep_own(&mut variables, env);
    variables.push(("NODE_CHANNEL_FD".to_owned(), CHANNEL.to_owned()));
    variables.push((
        "NODE_CHANNEL_SERIALIZATION_MODE".to_owned(),
        "json".to_owned(),
    ));
    if let Some(worker) = worker {
        variables.push(("NODE_UNIQUE_ID".to_owned(), worker.id().to_string()));
    }
    let cwd = env.get("pm_cwd").and_then(Value::as_str).unwrap_or("/");
    let (owner, home) = owner::resolve(env)?;
    if let Some(home) = home {
        variables.retain(|(name, _)| name != "HOME");
        variables.push(("HOME".to_owned(), home));
    }
    variables.retain(|(name, _)| name != agent::VARIABLE);
    if let Some(file) = agent_file(env, owner.as_ref(), around) {
        command.args.splice(0..0, ["-r".to_owned(), file]);
        variables.push((agent::VARIABLE.to_owned(), "1".to_owned()));
    }
    let search = variables
        .iter()
        .find(|(name, _)| name == "PATH")
        .map(|(_, value)| value.as_str());
    let path = plan::find_program(&command.program, search, Path::new(cwd)).ok_or_else(|| {
        ProcessError::Attributes(format!(
            "cannot find the program {}: it is neither a file nor in PATH; install it or set `interpreter`",
            command.program
        ))
    })?;
    let argv =
        std::iter::once(command.program.as_str()).chain(command.args.iter().map(String::as_str));
    Ok(Program {
        path: c_string(path.as_os_str().as_encoded_bytes())?,
        argv: argv
            .map(|arg| c_string(arg.as_bytes()))
            .collect::<Result<_, _>>()?,
        envp: variables
            .iter()
            .filter_map(|(name, value)| CString::new(format!("{name}={value}")).ok())
            .collect(),
        cwd: c_string(cwd.as_bytes())?,
        owner,
        // As pm2 has it.
        session: match mode {
            Mode::Cluster => Session::Shared,
            Mode::Fork => Session::Own,
        },
        descriptors,
    })
}

/// The agent's file, for an app that is to have one. No app fails to start for want of it.
fn agent_file(env: &Pm2Env, owner: Option<&Owner>, around: &Surroundings) -> Option<String> {
    let file = match Agent::of(env) {
        Agent::No => return None,
        Agent::Yes => around.agent.ready(owner).and_then(as_text),
        Agent::Impossible(flag) => Err(format!("{flag} would keep Node from reading it")),
    };
    file.map_err(|reason| {
        let name = env.get("name").and_then(Value::as_str).unwrap_or_default();
        around.journal.error(format!(
            "App [{name}] is started without the agent: {reason}"
        ));
    })
    .ok()
}

/// An argument is text, and Node looks for a file of exactly that name.
fn as_text(path: PathBuf) -> Result<String, String> {
    path.into_os_string()
        .into_string()
        .map_err(|path| format!("{} is no UTF-8", path.display()))
}

fn c_string(bytes: &[u8]) -> Result<CString, ProcessError> {
    CString::new(bytes).map_err(|_| {
        let text = String::from_utf8_lossy(bytes);
        ProcessError::Attributes(format!(
            "{text:?} contains a NUL character, which no program can be given"
        ))
    })
}

/// What stays of a run after its exit: reads what the app left behind in its pipes and its channel.
pub(super) async fn collect_last_words(run: &mut Run) {
    run.pump.drain().await;
    // The channel ends with the app, unless a child of it holds it open.
    let _ = tokio::time::timeout(super::messages::LAST_WORDS, &mut run.messages).await;
}
