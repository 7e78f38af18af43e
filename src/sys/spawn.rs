//! Starting a process: fork and exec, from numbers and bytes alone. Whoever calls has resolved names before.

use std::{
    ffi::{CStr, CString},
    fs::File,
    io::{self, Read},
    os::fd::{AsRawFd, OwnedFd, RawFd},
    ptr,
};

use nix::libc;

use super::{descriptor, fork};

/// What to run and how.
#[derive(Debug)]
pub struct Program {
    /// Path of the executable file; not looked up.
    pub path: CString,
    /// Arguments, the program's name first.
    pub argv: Vec<CString>,
    /// Environment, each entry `NAME=value`.
    pub envp: Vec<CString>,
    /// Working directory.
    pub cwd: CString,
    /// User and groups to become; `None` stays who we are.
    pub owner: Option<Owner>,
    /// Whether it leads a session, or only a process group in ours.
    pub session: Session,
    /// Descriptors of the new process: entry n becomes its descriptor n. All others are closed by `exec`.
    pub descriptors: Vec<OwnedFd>,
}

/// The session of a program. Where the system shares processors out among sessions, those of one count together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// It leads one of its own.
    Own,
    /// It leads a process group in ours.
    Shared,
}

/// User and groups as numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// The step at which starting failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// `fork` or a pipe: no process, memory or descriptor left.
    Fork,
    /// Descriptors could not be put in place.
    Descriptors,
    /// Groups or user could not be changed.
    Owner,
    /// The working directory could not be entered.
    Directory,
    /// The file could not be executed.
    Exec,
}

impl Step {
    /// The step of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        [
            Self::Fork,
            Self::Descriptors,
            Self::Owner,
            Self::Directory,
            Self::Exec,
        ]
        .into_iter()
        .find(|step| *step as u8 == number)
    }
}

/// Why a process could not be started.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}", what = match step {
    Step::Fork => "cannot fork",
    Step::Descriptors => "cannot set up descriptors",
    Step::Owner => "cannot change user or group",
    Step::Directory => "cannot enter the working directory",
    Step::Exec => "cannot execute",
})]
pub struct SpawnError {
    /// Where it failed.
    pub step: Step,
    /// What the system said.
    pub source: io::Error,
}

impl SpawnError {
    fn new(step: Step, source: io::Error) -> Self {
        Self { step, source }
    }
}

/// Starts `program` as the leader of a process group and returns its process id once `exec` has succeeded. The caller reaps it.
pub fn spawn(program: Program) -> Result<i32, SpawnError> {
    let fork_failed = |error: io::Error| SpawnError::new(Step::Fork, error);
    let (report, report_end) = descriptor::pipe().map_err(fork_failed)?;
    let descriptors = above_targets(program.descriptors).map_err(fork_failed)?;
    let report_end = above(report_end, descriptors.len()).map_err(fork_failed)?;
    let argv = pointers(&program.argv);
    let envp = pointers(&program.envp);
    let raw: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let plan = Plan {
        path: &program.path,
        argv: &argv,
        envp: &envp,
        cwd: &program.cwd,
        owner: program.owner.as_ref(),
        session: program.session,
        raw: &raw,
        report: report_end.as_raw_fd(),
    };
    let pid = plan.start().map_err(fork_failed)?;
    drop((descriptors, report_end));
    await_exec(report).map(|()| pid)
}

/// Waits for the pipe to close at `exec`, or for the child's word of what failed.
fn await_exec(report: OwnedFd) -> Result<(), SpawnError> {
    let mut failure = [0; 5];
    if File::from(report).read_exact(&mut failure).is_err() {
        return Ok(());
    }
    let [step, errno @ ..] = failure;
    let step = Step::from_number(step).unwrap_or(Step::Fork);
    Err(SpawnError::new(
        step,
        io::Error::from_raw_os_error(i32::from_ne_bytes(errno)),
    ))
}

/// Moves descriptors out of the way of the numbers they are to get, so that `dup2` overwrites none of them.
fn above_targets(descriptors: Vec<OwnedFd>) -> io::Result<Vec<OwnedFd>> {
    let count = descriptors.len();
    descriptors.into_iter().map(|fd| above(fd, count)).collect()
}

fn above(fd: OwnedFd, count: usize) -> io::Result<OwnedFd> {
    use nix::fcntl::{FcntlArg, fcntl};
    use std::os::fd::FromRawFd;
    let lowest = RawFd::try_from(count).unwrap_or(RawFd::MAX);
    if fd.as_raw_fd() >= lowest {
        return Ok(fd);
    }
    let copy = fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(lowest))?;
    // SAFETY: F_DUPFD_CLOEXEC has just made this descriptor; this is its one owner.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings
        .iter()
        .map(|string| string.as_ptr())
        .chain([ptr::null()])
        .collect()
}

/// All that the child needs between fork and exec, laid out before the fork.
struct Plan<'a> {
    path: &'a CStr,
    argv: &'a [*const libc::c_char],
    envp: &'a [*const libc::c_char],
    cwd: &'a CStr,
    owner: Option<&'a Owner>,
    session: Session,
    raw: &'a [RawFd],
    report: RawFd,
}

impl Plan<'_> {
    /// Makes the child; returns its process id.
    fn start(&self) -> io::Result<i32> {
        // Who changes its user gets a copy of our memory: what is that user's must not share ours.
        if cfg!(target_os = "linux") && self.owner.is_none() {
            // SAFETY: `enter` runs only `run`, which calls async-signal-safe functions and allocates nothing; this
            // thread waits until the child has executed or ended, and the plan is alive until then.
            return unsafe { fork::sharing(enter, ptr::from_ref(self).cast_mut().cast()) };
        }
        // SAFETY: the child runs only `run`, see above.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => self.run(),
            pid => Ok(pid),
        }
    }

    /// The number after all descriptors that the child needs.
    fn end_of_descriptors(&self) -> RawFd {
        let highest = self.raw.iter().max().map_or(0, |fd| *fd);
        highest.max(self.report) + 1
    }

    /// In the child: becomes the program, or reports why not and ends.
    fn run(&self) -> ! {
        let step = self.steps();
        let errno = io::Error::last_os_error()
            .raw_os_error()
            .unwrap_or(0)
            .to_ne_bytes();
        let failure = [step as u8, errno[0], errno[1], errno[2], errno[3]];
        // SAFETY: writes five bytes of a live array to a descriptor that is open until exec; `_exit` runs no
        // destructor of the parent's state.
        unsafe {
            libc::write(self.report, failure.as_ptr().cast(), failure.len());
            libc::_exit(127)
        }
    }

    /// Returns only when a step failed, with `errno` set.
    fn steps(&self) -> Step {
        // SAFETY: only async-signal-safe system calls on memory that was laid out before the fork; the arrays of
        // pointers end with NULL and the strings they point at are alive.
        unsafe {
            if self.owner.is_none() && !fork::own_descriptors(self.end_of_descriptors()) {
                return Step::Descriptors;
            }
            match self.session {
                Session::Own => libc::setsid(),
                Session::Shared => libc::setpgid(0, 0),
            };
            for (target, fd) in (0..).zip(self.raw) {
                // Sources lie above every target, so `dup2` always makes a new descriptor, open across exec.
                if libc::dup2(*fd, target) == -1 {
                    return Step::Descriptors;
                }
            }
            if let Some(owner) = self.owner
                && (libc::setgroups(owner.groups.len() as _, owner.groups.as_ptr()) == -1
                    || libc::setgid(owner.gid) == -1
                    || libc::setuid(owner.uid) == -1)
            {
                return Step::Owner;
            }
            if libc::chdir(self.cwd.as_ptr()) == -1 {
                return Step::Directory;
            }
            reset_signals();
            libc::execve(self.path.as_ptr(), self.argv.as_ptr(), self.envp.as_ptr());
        }
        Step::Exec
    }
}

/// Where a child begins that shares our memory.
extern "C" fn enter(plan: *mut libc::c_void) -> libc::c_int {
    // SAFETY: it is the plan that `Plan::start` was called on, which waits.
    let plan: &Plan<'_> = unsafe { &*plan.cast() };
    plan.run()
}

/// Gives the program the signal mask and handlers of a fresh process, whatever we have set for ourselves.
///
/// # Safety
/// Only between fork and exec, where no other thread exists.
unsafe fn reset_signals() {
    // SAFETY: a zeroed `sigset_t` is filled by `sigemptyset` before it is read; `signal` and `sigprocmask` are
    // async-signal-safe. Signals that cannot be changed are refused by the system without harm.
    unsafe {
        for number in 1..32 {
            libc::signal(number, libc::SIG_DFL);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

/// Goes on in a child process with a session of its own, so that neither a terminal nor the caller's end touches it.
/// The calling process ends here; only as PID 1, with which all others would end, it goes on itself. Must be called
/// before any thread is started.
pub fn detach() -> io::Result<()> {
    if nix::unistd::getpid().as_raw() == 1 {
        // It may lead a session already.
        let _ = nix::unistd::setsid();
        return Ok(());
    }
    // SAFETY: no other thread exists yet, so that the child has everything the parent had, in a consistent state.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            nix::unistd::setsid()?;
            Ok(())
        }
        // SAFETY: `_exit` ends the process without running what belongs to the child now.
        _ => unsafe { libc::_exit(0) },
    }
}

#[cfg(test)]
mod tests;
