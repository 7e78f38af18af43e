//! The way of a chunk, step by step; each leaves the chunk whole for whoever goes on.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use super::{
    CHUNK, Ledger,
    note::{Note, Origin},
};
use crate::sys::{pipe, shared_memory::SharedMemory};

/// What the keeper holds copies of.
pub(super) struct Kept {
    pub(super) memory: SharedMemory,
    /// Our pipe, to be read.
    pub(super) out: OwnedFd,
    /// Our pipe, to be filled.
    pub(super) into: OwnedFd,
}

impl Kept {
    pub(super) fn note(&self) -> Note<'_> {
        Note::of(self.memory.numbers())
    }

    pub(super) fn carry(
        &mut self,
        from: impl AsFd,
        origin: Origin,
        flow: u64,
        deliver: impl FnOnce(&[u8], &Ledger<'_>),
    ) -> io::Result<usize> {
        let count = self.take(from, origin, flow)?;
        if count > 0 {
            if let Err(error) = self.fill(0, count) {
                // Nothing of it may be mixed up with the next one.
                self.discard();
                return Err(error);
            }
            self.deliver(count, deliver);
        }
        Ok(count)
    }

    /// Moves a chunk into our pipe.
    pub(super) fn take(&self, from: impl AsFd, origin: Origin, flow: u64) -> io::Result<usize> {
        let note = self.note();
        note.begin(origin, flow);
        let moved = pipe::transfer(from, &self.into, CHUNK.get());
        match moved {
            Ok(count) if count > 0 => note.set_length(count),
            _ => note.end(),
        }
        moved
    }

    /// Reads it from there into the memory: what is behind `at`.
    pub(super) fn fill(&mut self, mut at: usize, length: usize) -> io::Result<()> {
        let bytes = self.memory.bytes_mut();
        while at < length {
            match nix::unistd::read(&self.out, &mut bytes[at..length]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => at += count,
                Err(nix::errno::Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    pub(super) fn deliver(&self, length: usize, deliver: impl FnOnce(&[u8], &Ledger<'_>)) {
        let note = self.note();
        let ledger = Ledger { note: Some(note) };
        deliver(&self.memory.bytes()[..length], &ledger);
        note.end();
    }

    /// Length of the chunk that is under way, and how much of it is still in our pipe.
    pub(super) fn found(&self) -> io::Result<(usize, usize)> {
        let waiting = pipe::waiting(&self.out)?;
        let note = self.note();
        if note.length() == 0 {
            // Moved, and the end came before the note.
            note.set_length(waiting);
        }
        let length = note.length();
        if length > CHUNK.get() || waiting > length {
            let text = format!("{waiting} bytes wait of a chunk of {length}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok((length, waiting))
    }

    pub(super) fn settle(
        &mut self,
        pm_id: u32,
        deliver: impl FnOnce(Origin, u64, &[u8], &Ledger<'_>),
    ) -> io::Result<()> {
        let Some((origin, flow)) = self.note().under_way() else {
            return Ok(());
        };
        if origin.pm_id != pm_id {
            return Ok(());
        }
        let (length, waiting) = self.found()?;
        self.fill(length - waiting, length)?;
        self.deliver(length, |bytes, ledger| {
            if !bytes.is_empty() {
                deliver(origin, flow, bytes, ledger);
            }
        });
        Ok(())
    }

    pub(super) fn discard(&mut self) -> Option<(u32, usize)> {
        let lost = self
            .note()
            .under_way()
            .map(|(origin, _)| (origin.pm_id, self.found().map_or(0, |(length, _)| length)));
        let bytes = self.memory.bytes_mut();
        while nix::unistd::read(&self.out, &mut *bytes).is_ok_and(|count| count > 0) {}
        self.note().end();
        lost.filter(|(_, length)| *length > 0)
    }
}
