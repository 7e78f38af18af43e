//! Starting daemons.

use std::{
    env,
    ffi::{CString, OsString},
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    time::{Duration, Instant},
};

use super::{
    down,
    link::Link,
    open::append_private,
    parent::{Daemon, Parent},
};
use crate::sys::{
    seqpacket,
    spawn::{Program, Session, spawn},
};

/// Names the daemon's descriptor of the socket to the keeper.
pub(super) const KEEPER_FD: &str = "RPM2_KEEPER_FD";
/// Its number in the daemon: the first behind the standard ones.
const NUMBER: &str = "3";
/// Descriptors held back for starting a daemon when there are no others: a socket pair, a log, a pipe, and copies.
const RESERVE: usize = 12;

impl Parent {
    /// Starts a daemon that says on our standard output how it went.
    pub(super) fn start_first_daemon(&mut self) -> io::Result<()> {
        let output = io::stdout().as_fd().try_clone_to_owned()?;
        let errors = io::stderr().as_fd().try_clone_to_owned()?;
        self.start_daemon(output, errors)
    }

    /// Starts a daemon after another one.
    pub(super) fn start_next_daemon(&mut self, now: Instant) {
        self.reserve.clear();
        self.table.generation = self.table.generation.saturating_add(1);
        let result = self
            .log_or_null()
            .and_then(|(output, errors)| self.start_daemon(output, errors));
        self.fill_reserve();
        if let Err(error) = result {
            down::log(
                &self.home,
                &format!("the daemon cannot be started: {error}"),
            );
            self.after_failure(&error.to_string(), Duration::ZERO, now);
        }
    }

    /// Where a daemon's last words go (a panic's message).
    fn log_or_null(&self) -> io::Result<(OwnedFd, OwnedFd)> {
        let output = match append_private(&self.home.daemon_log()) {
            Ok(file) => file.into(),
            Err(_) => self.null.try_clone()?,
        };
        Ok((output.try_clone()?, output))
    }

    fn start_daemon(&mut self, output: OwnedFd, errors: OwnedFd) -> io::Result<()> {
        let (ours, theirs) = seqpacket::pair()?;
        let path = match &self.program {
            Some(program) => c_string(program.as_os_str().as_bytes())?,
            None => self.executable.place(),
        };
        let program = Program {
            argv: vec![c"rpm2".into(), c"daemon".into()],
            envp: self.environment(),
            cwd: c"/".into(),
            owner: None,
            session: Session::Own,
            descriptors: vec![self.null.try_clone()?, output, errors, theirs],
            path,
        };
        let pid = spawn(program).map_err(|error| {
            // The step is in the text, the kind stays that of the system's error.
            io::Error::new(error.source.kind(), error.to_string())
        })?;
        self.daemon = Some(Daemon::new(pid, Link::new(ours)));
        Ok(())
    }

    fn environment(&self) -> Vec<CString> {
        let own = [
            ("RPM2_HOME", self.home.root().as_os_str().to_owned()),
            (KEEPER_FD, OsString::from(NUMBER)),
        ];
        let inherited = env::vars_os().filter(|(name, _)| own.iter().all(|(own, _)| own != name));
        inherited
            .filter_map(|(name, value)| variable(name, &value))
            .chain(
                own.iter()
                    .filter_map(|(name, value)| variable(OsString::from(name), value)),
            )
            .collect()
    }

    /// Takes as many descriptors into reserve as there are.
    pub(super) fn fill_reserve(&mut self) {
        while self.reserve.len() < RESERVE {
            match self.null.try_clone() {
                Ok(spare) => self.reserve.push(spare),
                Err(_) => return,
            }
        }
    }
}

fn variable(name: OsString, value: &std::ffi::OsStr) -> Option<CString> {
    let mut entry = name.into_vec();
    entry.push(b'=');
    entry.extend_from_slice(value.as_bytes());
    CString::new(entry).ok()
}

pub(super) fn c_string(bytes: &[u8]) -> io::Result<CString> {
    CString::new(bytes).map_err(|_| io::ErrorKind::InvalidInput.into())
}
