//! Signals as a descriptor that becomes readable, for a single thread that polls.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use nix::sys::signal::{SigSet, Signal};

/// From now on a file that may not grow any more (`ulimit -f`) is an error of its write, and does not end the process.
pub fn survive_file_size_limit() {
    // SAFETY: ignoring a signal runs no code of ours.
    let ignored =
        unsafe { nix::sys::signal::signal(Signal::SIGXFSZ, nix::sys::signal::SigHandler::SigIgn) };
    // Fails only for signals that cannot be ignored.
    let _ = ignored;
}

/// The signals taken from now on: they interrupt nothing and wait here to be read.
#[derive(Debug)]
pub struct Signals {
    #[cfg(target_os = "linux")]
    source: nix::sys::signalfd::SignalFd,
    #[cfg(not(target_os = "linux"))]
    source: std::os::fd::OwnedFd,
}

impl Signals {
    /// Takes `signals`. They stay blocked over `exec`, so that none is lost to a process that replaces this one.
    #[cfg(target_os = "linux")]
    pub fn take(signals: &[Signal]) -> io::Result<Self> {
        use nix::sys::signalfd::{SfdFlags, SignalFd};
        let set = set_of(signals);
        set.thread_block()?;
        for signal in signals {
            // Whoever started us may have ignored it; the exits of children would then never be told.
            // SAFETY: sets the default disposition, which runs no code of ours.
            unsafe { nix::sys::signal::signal(*signal, nix::sys::signal::SigHandler::SigDfl) }?;
        }
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Self {
            source: SignalFd::with_flags(&set, flags)?,
        })
    }

    /// The next signal that came, if any.
    #[cfg(target_os = "linux")]
    pub fn pop(&mut self) -> Option<Signal> {
        let found = self.source.read_signal().ok()??;
        i32::try_from(found.ssi_signo)
            .ok()
            .and_then(|number| Signal::try_from(number).ok())
    }

    /// Takes `signals`: their handler writes each number into a pipe.
    #[cfg(not(target_os = "linux"))]
    pub fn take(signals: &[Signal]) -> io::Result<Self> {
        use nix::sys::signal::{SaFlags, SigAction, SigHandler, sigaction};
        use std::os::fd::IntoRawFd;
        let (read_end, write_end) = super::descriptor::pipe()?;
        super::descriptor::set_nonblocking(read_end.as_fd())?;
        super::descriptor::set_nonblocking(write_end.as_fd())?;
        WRITE_END.store(
            write_end.into_raw_fd(),
            std::sync::atomic::Ordering::Relaxed,
        );
        let action = SigAction::new(
            SigHandler::Handler(note),
            SaFlags::SA_RESTART,
            SigSet::empty(),
        );
        for signal in signals {
            // SAFETY: the handler only writes to a pipe, which is async-signal-safe.
            unsafe { sigaction(*signal, &action) }?;
        }
        set_of(signals).thread_unblock()?;
        Ok(Self { source: read_end })
    }

    /// The next signal that came, if any.
    #[cfg(not(target_os = "linux"))]
    pub fn pop(&mut self) -> Option<Signal> {
        let mut number = [0];
        let count = nix::unistd::read(&self.source, &mut number).ok()?;
        (count == 1)
            .then(|| Signal::try_from(i32::from(number[0])).ok())
            .flatten()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }
}

/// Blocks `signals` for this thread: they wait until somebody takes them, also over `exec`.
pub fn hold(signals: &[Signal]) -> io::Result<()> {
    Ok(set_of(signals).thread_block()?)
}

fn set_of(signals: &[Signal]) -> SigSet {
    signals.iter().copied().collect()
}

#[cfg(not(target_os = "linux"))]
static WRITE_END: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(-1);

#[cfg(not(target_os = "linux"))]
extern "C" fn note(number: i32) {
    let byte = [u8::try_from(number).unwrap_or(0)];
    let fd = WRITE_END.load(std::sync::atomic::Ordering::Relaxed);
    // SAFETY: writes one byte of a live array; the write end stays open as long as the process lives.
    unsafe { nix::libc::write(fd, byte.as_ptr().cast(), 1) };
}
