//! The task that reads an app's stdout and stderr for one run.

use std::{io, os::fd::OwnedFd, sync::Arc};

use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::{mpsc, oneshot},
};

use super::{
    LogFiles,
    file::LogFile,
    flow::Flow,
    kind::Kind,
    outlet::Outlet,
    transit::{CHUNK, Transit},
};
use crate::{
    process::{outlet::Surroundings, record::Pm2Env},
    slot::StateSlot,
    sys::{descriptor, watched},
};

/// What an app may write ahead of us. The system may refuse; its default is 64 KiB.
const PIPE: i32 = 1024 * 1024;

/// Reads that empty a full pipe, however the writer has filled it.
const DRAINED: usize = 2 * PIPE as usize / CHUNK.get();

/// Our ends of an app's output pipes, and where it all goes.
pub(crate) struct Streams {
    /// Standard output.
    pub out: OwnedFd,
    /// Standard error.
    pub err: OwnedFd,
    /// Their files.
    pub files: LogFiles,
    /// Where it is noted how far they are.
    pub slot: Arc<StateSlot>,
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
    /// Starts reading: a new run's output, or one's that a daemon before us has read so far.
    pub(crate) fn start(
        streams: Streams,
        env: &Pm2Env,
        is_new: bool,
        around: &Surroundings,
    ) -> io::Result<Self> {
        let (control, controls) = mpsc::channel(16);
        let (out_file, err_file, both) = streams.files;
        let shared = Outlet::new(
            env,
            both,
            streams.slot,
            around.bus.clone(),
            around.journal.clone(),
        );
        let stream = |kind, pipe, file| {
            let before = shared.flow(kind);
            let flow = if is_new {
                Flow::default()
            } else {
                before.clone()
            };
            if flow != before {
                shared.note_flow(kind, &flow);
            }
            Stream::new(kind, pipe, file, flow)
        };
        // In a box: a future keeps what it is made of twice.
        let worker = Box::new(Worker {
            out: stream(Kind::Out, streams.out, out_file)?,
            err: stream(Kind::Err, streams.err, err_file)?,
            shared,
            transit: around.transit.clone(),
        });
        let around = around.clone();
        let listener = Box::pin(worker.run(controls));
        tokio::spawn(async move { around.listen(listener).await });
        Ok(Self { control })
    }

    /// Opens the log files again.
    pub(crate) async fn reopen(&self) {
        // A pump that has ended has no files.
        let _ = self.control.send(Control::Reopen).await;
    }

    /// Returns once everything written so far is read and in the files. The run is over then: what children of the
    /// app go on to write is read for as long as this daemon lives.
    pub(crate) async fn drain(&self) {
        let (done, wait) = oneshot::channel();
        if self.control.send(Control::Drain(done)).await.is_ok() {
            let _ = wait.await;
        }
    }
}

struct Worker {
    out: Stream,
    err: Stream,
    shared: Outlet,
    transit: Transit,
}

/// One of the two pipes; `None` after its end.
struct Stream {
    kind: Kind,
    pipe: Option<AsyncFd<OwnedFd>>,
    file: LogFile,
    flow: Flow,
}

impl Worker {
    async fn run(mut self: Box<Self>, mut controls: mpsc::Receiver<Control>) {
        let mut controlled = true;
        while self.out.pipe.is_some() || self.err.pipe.is_some() {
            self.shared.room().await;
            tokio::select! {
                () = self.out.readable() => self.out.read(&mut self.shared, &self.transit),
                () = self.err.readable() => self.err.read(&mut self.shared, &self.transit),
                control = controls.recv(), if controlled => match control {
                    Some(Control::Reopen) => self.shared.reopen([&mut self.out.file, &mut self.err.file]),
                    Some(Control::Drain(done)) => {
                        self.drain().await;
                        // The next run's pump notes in the same place.
                        self.shared.forget_flow();
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
                stream.read(&mut self.shared, &self.transit);
                tokio::task::yield_now().await;
            }
        }
    }
}

impl Stream {
    fn new(kind: Kind, pipe: OwnedFd, file: LogFile, flow: Flow) -> io::Result<Self> {
        descriptor::set_nonblocking(std::os::fd::AsFd::as_fd(&pipe))?;
        descriptor::enlarge_pipe(&pipe, PIPE);
        let pipe = Some(watched::watch(pipe, Interest::READABLE)?);
        Ok(Self {
            kind,
            pipe,
            file,
            flow,
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
    fn read(&mut self, outlet: &mut Outlet, transit: &Transit) {
        let Some(pipe) = self.pipe.as_ref() else {
            return;
        };
        let (kind, file, flow) = (self.kind, &mut self.file, &mut self.flow);
        let (origin, number) = (outlet.origin(kind), flow.to_number());
        let carried = pipe.try_io(Interest::READABLE, |fd| {
            transit.carry(fd, origin, number, |bytes, ledger| {
                let listening = outlet.is_heard();
                if let Some(text) = outlet.pass(kind, bytes, file, flow, ledger, listening) {
                    outlet.publish(kind, &text);
                }
            })
        });
        let ended = match carried {
            Ok(count) => count == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        };
        if ended {
            self.pipe = None;
            outlet.finish(kind, &mut self.file, &mut self.flow);
        }
    }
}
