//! Going on as another executable (`exec`): same process, same children, same descriptors.
//!
//! The new one is asked beforehand whether it can take over, because after `exec` there is no way back but its own.
//! If its daemon does not come up, it goes back to the executable before.

use std::{
    env,
    ffi::{CStr, CString, OsString},
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    process::ExitCode,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{
    down,
    ending::End,
    executable::Executable,
    parent::Parent,
    requests::failed,
    state::{STATE_LIMIT, Saved, SavedDaemon},
    wire::Report,
};
use crate::sys::{
    descriptor, memory_file, proc, signals,
    spawn::{Program, Session, spawn},
};

/// A daemon that dies so often before it serves proves the new executable unfit.
const TRIAL: u32 = 3;
/// An executable that takes longer to say that it can take over cannot.
const PROBE_TIME: Duration = Duration::from_secs(10);
/// What it says.
const WORD: &[u8] = b"rpm2 keeper can resume\n";

impl Parent {
    /// Goes on as the executable at `path`; returns only if that failed, with nothing changed.
    pub(super) fn update(&mut self, path: &CStr, request: u32) -> Report {
        let result = match &self.daemon {
            Some(daemon)
                if matches!(self.end, End::No) && !daemon.link.is_muted() && !daemon.replaced =>
            {
                self.exec(path, request)
            }
            _ => Err(io::ErrorKind::NotConnected.into()),
        };
        failed(&result.err().unwrap_or_else(|| io::Error::other("no exec")))
    }

    fn exec(&mut self, path: &CStr, request: u32) -> io::Result<()> {
        let daemon = self.daemon.as_ref().map(|daemon| SavedDaemon {
            pid: daemon.pid,
            socket: daemon.link.socket.as_raw_fd(),
            request,
        });
        let previous = Some((
            self.executable.path.clone(),
            self.executable.file.as_raw_fd(),
        ));
        let state = self.save(daemon, previous).encode();
        probe(path, &state, &self.null)?;
        if let Some(daemon) = &mut self.daemon {
            daemon.link.flush(&mut self.table, Instant::now());
        }
        self.replace(path, &state, Some(&self.executable))
    }

    fn save(
        &self,
        daemon: Option<SavedDaemon>,
        previous: Option<(std::path::PathBuf, i32)>,
    ) -> Saved {
        let table = &self.table;
        Saved {
            home: self.home.root().to_owned(),
            lock: self.lock.as_raw_fd(),
            generation: table.generation,
            next_serial: table.next_serial,
            program: self.program.clone(),
            kept: table
                .kept
                .iter()
                .map(|(name, fd)| (name.clone(), fd.as_raw_fd()))
                .collect(),
            apps: table.apps.values().cloned().collect(),
            exits: table.exits.iter().map(|(ended, _)| ended.clone()).collect(),
            daemon,
            previous,
        }
    }

    /// Executes `path` with everything left open that the state names. Returns only if that failed.
    fn replace(&self, path: &CStr, state: &[u8], previous: Option<&Executable>) -> io::Result<()> {
        let state = memory_file::create(state)?;
        let number = CString::new(state.as_raw_fd().to_string())?;
        let args = [c"rpm2", c"keeper", c"--resume", number.as_c_str()];
        let environment = environment();
        let mut open: Vec<BorrowedFd<'_>> = self.table.kept.values().map(AsFd::as_fd).collect();
        open.extend([self.lock.as_fd(), state.as_fd()]);
        open.extend(previous.map(|executable| executable.file.as_fd()));
        open.extend(
            self.daemon
                .as_ref()
                .map(|daemon| daemon.link.socket.as_fd()),
        );
        let result = open
            .iter()
            .try_for_each(|fd| descriptor::set_close_on_exec(*fd, false))
            .and_then(|()| signals::hold(&super::parent::SIGNALS))
            .and_then(|()| match nix::unistd::execve(path, &args, &environment) {
                Ok(never) => match never {},
                Err(error) => Err(error.into()),
            });
        for fd in open {
            // Fails for no open descriptor.
            let _ = descriptor::set_close_on_exec(fd, true);
        }
        result
    }

    /// Goes back to the executable before the update if the new one's daemon has failed too often.
    pub(super) fn look_whether_to_go_back(&mut self) {
        let Some((_, deaths)) = &mut self.previous else {
            return;
        };
        *deaths += 1;
        if *deaths < TRIAL {
            return;
        }
        let Some((previous, deaths)) = self.previous.take() else {
            return;
        };
        let path = previous.path.display();
        down::log(
            &self.home,
            &format!(
                "the daemon of {} ended {deaths} times before it served: going back to {path}",
                self.executable.path.display()
            ),
        );
        let state = self.save(None, None).encode();
        if let Err(error) = self.replace(&previous.place(), &state, None) {
            down::log(&self.home, &format!("cannot go back to {path}: {error}"));
        }
    }
}

fn environment() -> Vec<CString> {
    env::vars_os()
        .filter_map(|(name, value)| {
            let entry = [name, value].join(&OsString::from("="));
            CString::new(entry.into_vec()).ok()
        })
        .collect()
}

/// Asks an executable whether it can take over this state.
fn probe(path: &CStr, state: &[u8], null: &OwnedFd) -> io::Result<()> {
    let (answer, answer_end) = descriptor::pipe()?;
    let program = Program {
        path: path.into(),
        argv: [c"rpm2", c"keeper", c"--probe", c"3"]
            .map(CString::from)
            .into(),
        envp: environment(),
        cwd: c"/".into(),
        owner: None,
        session: Session::Own,
        descriptors: vec![
            null.try_clone()?,
            answer_end,
            null.try_clone()?,
            memory_file::create(state)?,
        ],
    };
    // Reaped with all others.
    let pid = spawn(program).map_err(|error| error.source)?;
    let said = listen(answer, Instant::now() + PROBE_TIME);
    if said.as_deref() == Some(WORD) {
        return Ok(());
    }
    let _ = proc::signal(pid, nix::sys::signal::Signal::SIGKILL);
    let path = path.to_string_lossy();
    Err(io::Error::other(format!(
        "{path} cannot take over: it is no rpm2, or one that does not know the state of this version; \
         nothing was changed"
    )))
}

/// Reads as much as the word has, until the deadline.
fn listen(answer: OwnedFd, deadline: Instant) -> Option<Vec<u8>> {
    let mut answer = File::from(answer);
    let mut said = Vec::new();
    let mut buffer = [0; WORD.len()];
    while said.len() < WORD.len() {
        let left = deadline.checked_duration_since(Instant::now())?;
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(answer.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(_) => continue,
        }
        match answer.read(&mut buffer).ok()? {
            0 => return None,
            count => said.extend_from_slice(&buffer[..count]),
        }
    }
    Some(said)
}

/// What an executable that is asked whether it can take over does.
pub(super) fn answer_probe(number: i32) -> ExitCode {
    let saved = descriptor::adopt(number)
        .and_then(|file| memory_file::read(file, STATE_LIMIT))
        .is_ok_and(|bytes| Saved::decode(&bytes).is_ok());
    if saved && io::stdout().write_all(WORD).is_ok() && io::stdout().flush().is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The executable that a saved state names.
pub(super) fn previous_executable(path: std::path::PathBuf, number: i32) -> Option<Executable> {
    let file = descriptor::adopt(number).ok()?;
    Some(Executable { path, file })
}
