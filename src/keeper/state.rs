//! What a keeper that goes on as another executable writes down for it: bytes only.
//!
//! Records of a tag, a length and a content, after a magic word and a version. A reader skips tags it does not know,
//! so that an older keeper reads what a newer one wrote; a version that was ever released must be readable for ever.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::{
    table::{App, Ended},
    wire::{Reader, WireError, Writer, read_exit, write_exit},
};

const MAGIC: &[u8] = b"rpm2 keeper";
/// Grows only when an older keeper could not go on with what is written.
const VERSION: u32 = 1;
/// No state is longer, in bytes.
pub(super) const STATE_LIMIT: usize = 64 * 1024 * 1024;

/// Descriptors are numbers here: they stay open over `exec`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Saved {
    pub(super) home: PathBuf,
    pub(super) lock: i32,
    pub(super) generation: u32,
    pub(super) next_serial: u64,
    /// Program to run as daemon, if not the keeper's own executable.
    pub(super) program: Option<PathBuf>,
    pub(super) kept: Vec<(Box<str>, i32)>,
    pub(super) apps: Vec<App>,
    pub(super) exits: Vec<Ended>,
    pub(super) daemon: Option<SavedDaemon>,
    /// The executable to go back to if the new one's daemon does not come up.
    pub(super) previous: Option<(PathBuf, i32)>,
}

/// The daemon that asked for the update.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SavedDaemon {
    pub(super) pid: i32,
    pub(super) socket: i32,
    /// Its request, which is to be answered.
    pub(super) request: u32,
}

const BASE: u8 = 1;
const PROGRAM: u8 = 2;
const KEPT: u8 = 3;
const APP: u8 = 4;
const EXIT: u8 = 5;
const DAEMON: u8 = 6;
const PREVIOUS: u8 = 7;

impl Saved {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut all = Writer::default();
        all.bytes(MAGIC).u32(VERSION);
        let mut record = |tag: u8, fill: &dyn Fn(&mut Writer)| {
            let mut content = Writer::default();
            fill(&mut content);
            all.u8(tag).bytes(&content.finish());
        };
        record(BASE, &|to| {
            path(to, &self.home);
            to.i32(self.lock).u32(self.generation).u64(self.next_serial);
        });
        if let Some(program) = &self.program {
            record(PROGRAM, &|to| path(to, program));
        }
        for (name, fd) in &self.kept {
            record(KEPT, &|to| {
                to.bytes(name.as_bytes()).i32(*fd);
            });
        }
        for app in &self.apps {
            record(APP, &|to| {
                to.bytes(app.key.as_bytes()).i32(app.pid).u64(app.serial);
            });
        }
        for ended in &self.exits {
            record(EXIT, &|to| write_exit(to, ended));
        }
        if let Some(daemon) = &self.daemon {
            record(DAEMON, &|to| {
                to.i32(daemon.pid).i32(daemon.socket).u32(daemon.request);
            });
        }
        if let Some((executable, fd)) = &self.previous {
            record(PREVIOUS, &|to| {
                path(to, executable);
                to.i32(*fd);
            });
        }
        all.finish()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut all = Reader::new(bytes);
        if all.bytes()? != MAGIC || all.u32()? != VERSION {
            return Err(WireError::Unknown);
        }
        let mut saved = Self::default();
        while !all.is_empty() {
            let tag = all.u8()?;
            saved.read(tag, &mut Reader::new(all.bytes()?))?;
        }
        if saved.home.as_os_str().is_empty() {
            return Err(WireError::Short);
        }
        Ok(saved)
    }

    fn read(&mut self, tag: u8, from: &mut Reader<'_>) -> Result<(), WireError> {
        match tag {
            BASE => {
                self.home = read_path(from)?;
                self.lock = from.i32()?;
                self.generation = from.u32()?;
                self.next_serial = from.u64()?;
            }
            PROGRAM => self.program = Some(read_path(from)?),
            KEPT => self.kept.push((from.name()?, from.i32()?)),
            APP => self.apps.push(App {
                key: from.name()?,
                pid: from.i32()?,
                serial: from.u64()?,
            }),
            EXIT => self.exits.push(read_exit(from)?),
            DAEMON => {
                self.daemon = Some(SavedDaemon {
                    pid: from.i32()?,
                    socket: from.i32()?,
                    request: from.u32()?,
                });
            }
            PREVIOUS => self.previous = Some((read_path(from)?, from.i32()?)),
            _ => {}
        }
        Ok(())
    }
}

fn path(to: &mut Writer, path: &Path) {
    to.bytes(path.as_os_str().as_bytes());
}

fn read_path(from: &mut Reader<'_>) -> Result<PathBuf, WireError> {
    Ok(OsStr::from_bytes(from.bytes()?).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::proc::Exit;

    fn sample() -> Saved {
        let app = |pid, serial| App {
            key: "p0".into(),
            pid,
            serial,
        };
        let ended = |serial, exit| Ended {
            key: "p1".into(),
            pid: 300,
            serial,
            exit,
            at_ms: 1_700_000_000_123,
        };
        Saved {
            home: "/home/me/.rpm2".into(),
            lock: 3,
            generation: 4,
            next_serial: 9,
            program: Some("/opt/rpm2".into()),
            kept: vec![("rpc".into(), 4), ("p0/channel".into(), 7)],
            apps: vec![app(100, 5), app(101, 6)],
            exits: vec![ended(7, Exit::Code(2)), ended(8, Exit::Signal(9))],
            daemon: Some(SavedDaemon {
                pid: 99,
                socket: 8,
                request: 17,
            }),
            previous: Some(("/opt/old".into(), 16)),
        }
    }

    /// Written by the first released version. Never to be changed: running keepers write it.
    const V1: &[u8] = include_bytes!("../../tests/fixtures/keeper-v1.bin");

    #[test]
    fn the_first_version_is_readable_for_ever() {
        assert_eq!(Saved::decode(V1), Ok(sample()));
    }

    #[test]
    fn what_is_written_now_comes_back() {
        assert_eq!(Saved::decode(&sample().encode()), Ok(sample()));
    }

    #[test]
    fn records_of_a_newer_keeper_are_skipped() {
        let mut bytes = sample().encode();
        bytes.extend([200, 3, 0, 0, 0, 1, 2, 3]);
        assert_eq!(Saved::decode(&bytes), Ok(sample()));
    }

    #[test]
    fn broken_states_are_refused_without_a_panic() {
        let bytes = sample().encode();
        assert!(Saved::decode(b"").is_err());
        for index in 0..bytes.len() {
            let _ = Saved::decode(&bytes[..index]);
            let mut broken = bytes.clone();
            broken[index] ^= 0xff;
            let _ = Saved::decode(&broken);
        }
        let mut newer = bytes;
        newer[4 + MAGIC.len()] = 2;
        assert_eq!(Saved::decode(&newer), Err(WireError::Unknown));
    }
}
