//! What a chunk's delivery notes, so that it can be gone on with.

use jiff::{Timestamp, Zoned};

use super::{
    note::{Note, Progress},
    trace,
};
use crate::{process::logs::file::LogFile, sys::local_time};

/// What is noted while a chunk is delivered.
pub(in super::super) struct Ledger<'a> {
    pub(super) note: Option<Note<'a>>,
}

impl Ledger<'_> {
    /// For what is no chunk.
    pub(in super::super) fn none() -> Self {
        Self { note: None }
    }

    /// The time at which the chunk is formatted: always the same, however often.
    pub(in super::super) fn moment(&self) -> Zoned {
        let Some(note) = self.note else {
            return local_time::now();
        };
        let noted = note.moment();
        if noted != 0
            && let Ok(moment) = Timestamp::from_nanosecond(noted.into())
        {
            return moment.to_zoned(local_time::zone());
        }
        let now = local_time::now();
        note.set_moment(i64::try_from(now.timestamp().as_nanosecond()).unwrap_or(0));
        now
    }

    /// The part of `bytes` that is still to be written to the chunk's file of this number (0 or 1), which is about to
    /// be done.
    pub(in super::super) fn rest<'b>(
        &self,
        index: usize,
        file: &LogFile,
        bytes: &'b [u8],
    ) -> &'b [u8] {
        let Some(note) = self.note else {
            return bytes;
        };
        match note.progress(index) {
            Progress::Ahead => {
                note.set_progress(index, Progress::Begun(file.place()));
                bytes
            }
            Progress::Begun(Some(place)) => &bytes[trace::written(file.path(), place, bytes)..],
            // Rather twice than never.
            Progress::Begun(None) => bytes,
            Progress::Done => &[],
        }
    }

    /// That was done.
    pub(in super::super) fn written(&self, index: usize) {
        if let Some(note) = self.note {
            note.set_progress(index, Progress::Done);
        }
    }
}
