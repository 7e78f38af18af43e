//! Becoming the keeper.

use std::{
    io::{self, Write},
    os::fd::AsFd,
    path::PathBuf,
    process::ExitCode,
};

use super::{
    backoff::Backoff,
    down,
    ending::End,
    executable::Executable,
    open::{self, KeeperError},
    packet::BUFFER,
    parent::{Parent, SIGNALS, open_null},
    resume::resume,
    table::Table,
    update::answer_probe,
};
use crate::{
    home::Home,
    protocol::OWNER,
    sys::{allocator, descriptor, signals::Signals, spawn},
};

/// What follows the hidden subcommand `keeper`.
enum Role {
    /// Take the home, with this program as daemon if not our own executable.
    Start(Option<PathBuf>),
    /// Take the home for the program at the other end of our standard input.
    StartOwned,
    /// Go on with the state in this descriptor.
    Resume(i32),
    /// Say whether we could.
    Probe(i32),
}

/// Runs the keeper of the home that the environment names, until it is told to end. Its daemon says on standard output
/// that it is ready, or why it cannot be. For the hidden subcommand `keeper`, before any thread is started.
pub fn main() -> ExitCode {
    let result = match role() {
        Role::Start(program) => start(program, false),
        Role::StartOwned => start(None, true),
        Role::Resume(number) => resume(number)
            .inspect_err(log_failed_resume)
            .map_err(KeeperError::from),
        Role::Probe(number) => return answer_probe(number),
    };
    match result {
        Ok(mut parent) => parent.serve(),
        Err(error) => {
            // The launcher may have gone meanwhile.
            let mut output = io::stdout();
            let _ = writeln!(output, "{error}").and_then(|()| output.flush());
            ExitCode::FAILURE
        }
    }
}

fn log_failed_resume(error: &io::Error) {
    if let Ok(home) = Home::from_env() {
        let line = format!(
            "the keeper could not go on after an update: {error}; apps run on without anybody who watches them"
        );
        down::log(&home, &line);
    }
}

fn role() -> Role {
    let mut args = std::env::args_os().skip(2);
    let (option, value) = (args.next(), args.next());
    let number = || value.as_ref()?.to_str()?.parse().ok();
    match option.as_ref().and_then(|option| option.to_str()) {
        Some("--resume") => Role::Resume(number().unwrap_or(-1)),
        Some("--probe") => Role::Probe(number().unwrap_or(-1)),
        Some("--owned") => Role::StartOwned,
        Some("--daemon") => Role::Start(value.map(PathBuf::from)),
        _ => Role::Start(None),
    }
}

fn start(program: Option<PathBuf>, is_owned: bool) -> Result<Parent, KeeperError> {
    let home = Home::from_env()?;
    home.create()?;
    // First of all: the lock belongs to the process that takes it.
    spawn::detach()?;
    descriptor::close_inherited();
    std::env::set_current_dir("/")?;
    allocator::return_early();
    let opened = open::open(&home)?;
    descriptor::raise_limit();
    let mut table = Table::default();
    table.keep(vec![
        ("rpc".into(), opened.rpc),
        ("pub".into(), opened.events),
    ]);
    if is_owned {
        let owner = io::stdin().as_fd().try_clone_to_owned()?;
        table.keep(vec![(OWNER.into(), owner)]);
    }
    let result = new_parent(home.clone(), opened.lock, table, program).and_then(|mut parent| {
        parent.start_first_daemon()?;
        // From here on the pipe is the daemon's alone.
        let null = &parent.null;
        nix::unistd::dup2_stdin(null)?;
        nix::unistd::dup2_stdout(null)?;
        nix::unistd::dup2_stderr(null)?;
        parent.fill_reserve();
        Ok(parent)
    });
    Ok(result.inspect_err(|_| open::leave(&home))?)
}

fn new_parent(
    home: Home,
    lock: std::os::fd::OwnedFd,
    table: Table,
    program: Option<PathBuf>,
) -> io::Result<Parent> {
    Ok(Parent {
        home,
        lock,
        table,
        daemon: None,
        program,
        executable: Executable::current()?,
        backoff: Backoff::default(),
        next_start: None,
        served: false,
        previous: None,
        end: End::No,
        signals: Signals::take(&SIGNALS)?,
        null: open_null()?,
        reserve: Vec::new(),
        buffer: vec![0; BUFFER],
        rest_at: None,
    })
}
