//! What is noted of the chunk that is on its way, in memory that outlives us: one number after another, each whole.
//!
//! The layout must be readable by every later version: number 0 is [`MAGIC`], the others are named below.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::{file::Place, kind::Kind};

/// Ends with the layout's version.
const MAGIC: u64 = u64::from_le_bytes(*b"rpm2out1");

const VERSION: usize = 0;
/// 1 while a chunk is on its way.
const UNDER_WAY: usize = 1;
/// Number of the process, and below it one bit for the stream.
const ORIGIN: usize = 2;
/// Bytes of the chunk; 0 while only the pipe that it was moved into knows.
const LENGTH: usize = 3;
/// When it was formatted, in nanoseconds since 1970; 0 before.
const MOMENT: usize = 4;
/// The stream's flow before the chunk.
const FLOW: usize = 5;
/// Where what is noted of the files begins.
const FILES: usize = 8;
/// Numbers for each file.
const EACH: usize = 4;

/// How far a chunk has come into one of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing is written.
    Ahead,
    /// It is being written, and ends up behind this place (`None`: this file has no places).
    Begun(Option<Place>),
    /// All is written, or given up.
    Done,
}

/// Whose output a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Origin {
    pub(in super::super) pm_id: u32,
    pub(in super::super) kind: Kind,
}

/// The notes.
#[derive(Clone, Copy)]
pub(super) struct Note<'a>(&'a [AtomicU64]);

impl<'a> Note<'a> {
    /// The notes in these numbers.
    pub(super) fn of(numbers: &'a [AtomicU64]) -> Self {
        Self(numbers)
    }

    /// Whether these are notes as they are made here, or none yet: then they are made so.
    pub(super) fn is_known(self) -> bool {
        if self.get(VERSION) == 0 {
            self.set(VERSION, MAGIC);
        }
        self.get(VERSION) == MAGIC
    }

    /// A chunk is about to be taken.
    pub(super) fn begin(self, origin: Origin, flow: u64) {
        let stream = u64::from(origin.kind == Kind::Err);
        self.set(ORIGIN, u64::from(origin.pm_id) << 1 | stream);
        self.set(FLOW, flow);
        self.set(LENGTH, 0);
        self.set(MOMENT, 0);
        for index in 0..2 {
            self.set(FILES + index * EACH, 0);
        }
        self.set(UNDER_WAY, 1);
    }

    /// It is where it belongs.
    pub(super) fn end(self) {
        self.set(UNDER_WAY, 0);
    }

    /// Whose chunk is on its way, and its stream's flow before it.
    pub(super) fn under_way(self) -> Option<(Origin, u64)> {
        let origin = self.get(ORIGIN);
        let kind = if origin & 1 == 0 {
            Kind::Out
        } else {
            Kind::Err
        };
        let pm_id = u32::try_from(origin >> 1).ok()?;
        (self.get(UNDER_WAY) == 1).then(|| (Origin { pm_id, kind }, self.get(FLOW)))
    }

    pub(super) fn length(self) -> usize {
        usize::try_from(self.get(LENGTH)).unwrap_or(usize::MAX)
    }

    pub(super) fn set_length(self, length: usize) {
        self.set(LENGTH, length as u64);
    }

    /// When it was formatted; zero if it was not.
    pub(super) fn moment(self) -> i64 {
        self.get(MOMENT).cast_signed()
    }

    pub(super) fn set_moment(self, nanoseconds: i64) {
        self.set(MOMENT, nanoseconds.cast_unsigned());
    }

    /// How far it is in the file of this number (0 or 1).
    pub(super) fn progress(self, index: usize) -> Progress {
        let at = |number: usize| self.get(FILES + index * EACH + number);
        match at(0) {
            0 => Progress::Ahead,
            1 => Progress::Begun(Some(Place {
                device: at(1),
                inode: at(2),
                end: at(3),
            })),
            2 => Progress::Begun(None),
            _ => Progress::Done,
        }
    }

    pub(super) fn set_progress(self, index: usize, progress: Progress) {
        let base = FILES + index * EACH;
        let state = match progress {
            Progress::Ahead => 0,
            Progress::Begun(Some(place)) => {
                self.set(base + 1, place.device);
                self.set(base + 2, place.inode);
                self.set(base + 3, place.end);
                1
            }
            Progress::Begun(None) => 2,
            Progress::Done => 3,
        };
        self.set(base, state);
    }

    fn get(self, index: usize) -> u64 {
        self.0[index].load(Ordering::Acquire)
    }

    /// Seen by a later process in this order: the one before has ended by then.
    fn set(self, index: usize, value: u64) {
        self.0[index].store(value, Ordering::Release);
    }
}
