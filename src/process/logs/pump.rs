//! The task that reads an app's stdout and stderr for one run.

use std::{cell::RefCell, io, os::fd::OwnedFd};

use jiff::{Timestamp, Zoned};
use serde_json::json;
use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::{mpsc, oneshot},
};

use super::{
    chunk::Utf8Carry,
    file::{LogFile, Trouble},
    format::Format,
};
use crate::{
    bus::{Bus, Journal},
    process::{outlet::Surroundings, record::Pm2Env},
    sys::{descriptor, watched},
};

/// Bytes read at a time, by all pumps into one buffer.
const BUFFER: usize = 64 * 1024;
/// What an app may write ahead of us. The system may refuse; its default is 64 KiB.
const PIPE: i32 = 1024 * 1024;

/// Reads that empty a full pipe, however the writer has filled it.
const DRAINED: usize = 2 * PIPE as usize / BUFFER;

thread_local! {
    static SHARED: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER].into_boxed_slice());
}

/// Our ends of an app's output pipes, and where it all goes.
pub(crate) struct Streams {
    /// Standard output.
    pub out: OwnedFd,
    /// Standard error.
    pub err: OwnedFd,
    /// File of standard output.
    pub out_file: LogFile,
    /// File of standard error.
    pub err_file: LogFile,
    /// File of both, if wanted.
    pub both_file: Option<LogFile>,
}

enum Control {
    Reopen,
    Drain(oneshot::Sender<()>),
}

/// Handle of a pump. The pump ends by itself when the last writer has closed both pipes.
pub(crate) struct Pump {
    control: mpsc::Sender<Control>,
}

impl Pump {
    /// Starts reading.
    pub(crate) fn start(streams: Streams, env: &Pm2Env, around: &Surroundings) -> io::Result<Self> {
        let (control, controls) = mpsc::channel(16);
        let worker = Worker {
            out: Stream::new("out", streams.out, streams.out_file)?,
            err: Stream::new("err", streams.err, streams.err_file)?,
            shared: Outlet {
                both: streams.both_file,
                format: Format::of(env),
                identity: identity(env),
                bus: around.bus.clone(),
                journal: around.journal.clone(),
            },
        };
        let around = around.clone();
        tokio::spawn(async move { around.listen(worker.run(controls)).await });
        Ok(Self { control })
    }

    /// Opens the log files again.
    pub(crate) async fn reopen(&self) {
        // A pump that has ended has no files.
        let _ = self.control.send(Control::Reopen).await;
    }

    /// Returns once everything written so far is read and in the files.
    pub(crate) async fn drain(&self) {
        let (done, wait) = oneshot::channel();
        if self.control.send(Control::Drain(done)).await.is_ok() {
            let _ = wait.await;
        }
    }
}

/// The `process` member of log events.
fn identity(env: &Pm2Env) -> serde_json::Value {
    let of = |key: &str| env.get(key).cloned().unwrap_or_default();
    let revision = env
        .get("versioning")
        .and_then(|versioning| versioning.get("revision"))
        .cloned();
    json!({ "pm_id": of("pm_id"), "name": of("name"), "rev": revision, "namespace": of("namespace") })
}

struct Worker {
    out: Stream,
    err: Stream,
    shared: Outlet,
}

/// One of the two pipes; `None` after its end.
struct Stream {
    kind: &'static str,
    pipe: Option<AsyncFd<OwnedFd>>,
    file: LogFile,
    carry: Utf8Carry,
    begun: bool,
}

/// What both streams share.
struct Outlet {
    both: Option<LogFile>,
    format: Format,
    identity: serde_json::Value,
    bus: Bus,
    journal: Journal,
}

impl Worker {
    async fn run(mut self, mut controls: mpsc::Receiver<Control>) {
        let mut controlled = true;
        while self.out.pipe.is_some() || self.err.pipe.is_some() {
            self.shared.bus.room().await;
            tokio::select! {
                () = self.out.readable() => self.out.read(&mut self.shared),
                () = self.err.readable() => self.err.read(&mut self.shared),
                control = controls.recv(), if controlled => match control {
                    Some(Control::Reopen) => self.reopen(),
                    Some(Control::Drain(done)) => {
                        self.drain().await;
                        let _ = done.send(());
                    }
                    None => controlled = false,
                },
            }
        }
    }

    /// Reads what is in both pipes now; not for ever, if somebody goes on writing.
    async fn drain(&mut self) {
        for stream in [&mut self.out, &mut self.err] {
            for _ in 0..DRAINED {
                if !stream.is_filled() {
                    break;
                }
                stream.read(&mut self.shared);
                tokio::task::yield_now().await;
            }
        }
    }

    fn reopen(&mut self) {
        let files = [
            Some(&mut self.out.file),
            Some(&mut self.err.file),
            self.shared.both.as_mut(),
        ];
        for file in files.into_iter().flatten() {
            if let Err(error) = file.reopen() {
                self.shared
                    .journal
                    .error(format!("cannot reopen {}: {error}", file.path().display()));
            }
        }
    }
}

impl Stream {
    fn new(kind: &'static str, pipe: OwnedFd, file: LogFile) -> io::Result<Self> {
        descriptor::set_nonblocking(std::os::fd::AsFd::as_fd(&pipe))?;
        descriptor::enlarge_pipe(&pipe, PIPE);
        let pipe = Some(watched::watch(pipe, Interest::READABLE)?);
        Ok(Self {
            kind,
            pipe,
            file,
            carry: Utf8Carry::default(),
            begun: false,
        })
    }

    /// Waits until there is something to read; for ever after the end.
    async fn readable(&self) {
        match &self.pipe {
            // An error shows again when reading.
            Some(pipe) => drop(pipe.readable().await),
            None => std::future::pending().await,
        }
    }

    fn is_filled(&self) -> bool {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        self.pipe.as_ref().is_some_and(|pipe| {
            let fd = std::os::fd::AsFd::as_fd(pipe.get_ref());
            poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], PollTimeout::ZERO)
                .is_ok_and(|ready| ready > 0)
        })
    }

    /// Reads once and passes on what was read.
    fn read(&mut self, outlet: &mut Outlet) {
        let Some(pipe) = self.pipe.as_ref() else {
            return;
        };
        let ended = SHARED.with_borrow_mut(|buffer| {
            match pipe.try_io(Interest::READABLE, |fd| Ok(nix::unistd::read(fd, buffer)?)) {
                Ok(count) if count > 0 => {
                    outlet.pass(
                        self.kind,
                        &buffer[..count],
                        &mut self.file,
                        &mut self.carry,
                        &mut self.begun,
                    );
                    false
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
                Ok(_) | Err(_) => true,
            }
        });
        if ended {
            self.pipe = None;
            let rest = self.carry.finish();
            if !rest.is_empty() {
                outlet.publish(self.kind, &rest);
            }
        }
    }
}

impl Outlet {
    /// Into the files, byte for byte unless a format asks for text, and onto the bus if anybody listens.
    fn pass(
        &mut self,
        kind: &str,
        bytes: &[u8],
        file: &mut LogFile,
        carry: &mut Utf8Carry,
        begun: &mut bool,
    ) {
        let listening = self.bus.has_subscribers();
        if self.format == Format::Plain {
            self.write(bytes, file);
            if listening {
                let text = carry.text(bytes);
                self.publish(kind, &text);
            }
            return;
        }
        let text = carry.text(bytes);
        let formatted = self.format.apply(&text, kind, begun, &Zoned::now());
        self.write(formatted.as_bytes(), file);
        if listening {
            self.publish(kind, &formatted);
        }
    }

    fn write(&mut self, bytes: &[u8], file: &mut LogFile) {
        for file in [Some(file), self.both.as_mut()].into_iter().flatten() {
            let Some(trouble) = file.write(bytes) else {
                continue;
            };
            let path = file.path().display();
            self.journal.error(match trouble {
                Trouble::Began(error) => {
                    format!("cannot write {path}: {error}; output is lost until this is mended")
                }
                Trouble::Ended(lost) => {
                    format!("writing {path} works again; {lost} bytes were lost")
                }
            });
        }
    }

    fn publish(&self, kind: &str, text: &str) {
        let payload = json!({ "process": self.identity, "at": Timestamp::now().as_millisecond(), "data": text });
        self.bus
            .publish(&format!("log:{kind}"), &[payload.to_string().as_bytes()]);
    }
}
