//! The connection between a test and its old daemon (`tests/programs/old_daemon.rs`).

use std::{
    io::{self, IoSlice},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::Mutex,
};

use rpm2::sys::socket;
use serde_json::Value;

/// Names the socket of the connection.
pub(crate) const PATH: &str = "RPM2_TEST_OLD_DAEMON";

/// One end of the connection between the test and the old daemon: a JSON value a line, some with a descriptor.
pub(crate) struct Link {
    stream: UnixStream,
    read: Mutex<(Vec<u8>, Vec<OwnedFd>)>,
}

impl Link {
    pub(crate) fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            read: Mutex::default(),
        }
    }

    pub(crate) fn say(&self, value: &Value, fd: Option<BorrowedFd<'_>>) {
        let line = format!("{value}\n");
        let fds: Vec<BorrowedFd<'_>> = fd.into_iter().collect();
        loop {
            match socket::send(self.stream.as_fd(), &[IoSlice::new(line.as_bytes())], &fds) {
                Ok(sent) => return assert_eq!(sent, line.len()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                // The test is over.
                Err(_) => return,
            }
        }
    }

    /// What the other says next, with the descriptors that have come; `None` at the end. Blocks.
    pub(crate) fn hear(&self) -> Option<(Value, Vec<OwnedFd>)> {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        let (bytes, fds) = &mut *self.read.lock().unwrap();
        loop {
            if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = bytes.drain(..=end).collect();
                return Some((serde_json::from_slice(&line).unwrap(), std::mem::take(fds)));
            }
            let mut polled = [PollFd::new(self.stream.as_fd(), PollFlags::POLLIN)];
            poll(&mut polled, PollTimeout::NONE).unwrap();
            // One line at a time, or a descriptor could come with the line before its own.
            let mut buffer = [0; 1];
            let (count, more) = socket::receive(self.stream.as_fd(), &mut buffer).ok()?;
            if count == 0 {
                return None;
            }
            bytes.extend_from_slice(&buffer[..count]);
            fds.extend(more);
        }
    }
}
