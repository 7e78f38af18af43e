//! `monit`, in a terminal of its own.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::AsFd,
    process::Child,
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    pty::{Winsize, openpty},
};

use crate::{
    cli::{fails, home, ok},
    support::homes::TestHome,
};

/// The command in a terminal.
struct Terminal {
    master: File,
    child: Child,
    seen: String,
}

impl Terminal {
    fn start(home: &TestHome, args: &[&str]) -> Self {
        let size = Winsize {
            ws_row: 40,
            ws_col: 140,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(Some(&size), None).unwrap();
        let child = home
            .prepare_command(args)
            .env("TERM", "xterm-256color")
            .stdin(pty.slave.try_clone().unwrap())
            .stdout(pty.slave.try_clone().unwrap())
            .stderr(pty.slave)
            .spawn()
            .unwrap();
        Self {
            master: pty.master.into(),
            child,
            seen: String::new(),
        }
    }

    /// Reads until this has been shown.
    fn until(&mut self, text: &str) {
        let mut bytes = [0; 4096];
        while !self.seen.contains(text) {
            let mut fds = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
            let ready = poll(&mut fds, PollTimeout::from(20_000_u16)).unwrap();
            assert!(ready > 0, "`{text}` is not shown: {}", self.seen);
            let count = self.master.read(&mut bytes);
            let count = count.unwrap_or_else(|error| panic!("`{text}`: {error}: {}", self.seen));
            self.seen
                .push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }

    fn press(&mut self, keys: &[u8]) {
        self.master.write_all(keys).unwrap();
    }

    /// The exit code, once the terminal is as it was.
    fn end(mut self) -> Option<i32> {
        self.until("\x1b[?1049l");
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_view_of_everything_until_a_key_ends_it() {
    let home = home();
    home.write("talks.sh", "while :; do echo talking; sleep 0.05; done\n");
    ok(
        &home,
        &[
            "start",
            "talks.sh",
            "--name",
            "talker",
            "--namespace",
            "blue",
        ],
    );
    for (command, key) in [("monit", b"q".as_slice()), ("dash", b"\x03")] {
        let mut terminal = Terminal::start(&home, &[command]);
        for text in [
            "Process", "talker", "Metrics", "Metadata", "blue", "talking",
        ] {
            terminal.until(text);
        }
        terminal.press(key);
        assert_eq!(terminal.end(), Some(0), "{command}");
    }
}

#[test]
fn without_a_terminal_it_is_an_error() {
    let home = home();
    let error = fails(&home, &["monit"]);
    assert!(error.contains("in a terminal, and this is none"), "{error}");
    assert!(!home.home().root().exists(), "and no daemon is launched");
}
