//! Memory that is a file without a name: whoever holds a copy of its descriptor keeps what is written there, whatever
//! becomes of the writer. Noting something costs no system call.

use std::{
    fs::File,
    io,
    num::NonZeroUsize,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    ptr::NonNull,
    sync::{Mutex, PoisonError, atomic::AtomicU64},
};

use nix::{
    libc::c_void,
    sys::mman::{MapFlags, ProtFlags, mmap, munmap},
};

use super::memory::anonymous_file;

/// Bytes before the plain ones, for numbers.
const HEAD: usize = 4096;

/// Which files (device and inode) are mapped by this process: each at most once, so that there is one owner.
static MAPPED: Mutex<Vec<(u64, u64)>> = Mutex::new(Vec::new());

/// A page of numbers and, behind it, plain bytes. By contract one process at a time uses it; the others only keep it.
#[derive(Debug)]
pub struct SharedMemory {
    start: NonNull<c_void>,
    /// Plain bytes.
    length: NonZeroUsize,
    file: File,
    identity: (u64, u64),
}

// SAFETY: the mapping belongs to this value alone (see `MAPPED`) and to no thread.
unsafe impl Send for SharedMemory {}

impl SharedMemory {
    /// New memory, all zero. `name` only shows in `/proc`.
    pub fn create(name: &str, length: NonZeroUsize) -> io::Result<Self> {
        let file = anonymous_file(name)?;
        file.set_len((HEAD + length.get()) as u64)?;
        Self::map(file, length)
    }

    /// Memory that another process made, which may have needed less of it. An error if it is in use in this process.
    pub fn open(fd: OwnedFd, length: NonZeroUsize) -> io::Result<Self> {
        let file = File::from(fd);
        let needed = (HEAD + length.get()) as u64;
        if file.metadata()?.len() < needed {
            file.set_len(needed)?;
        }
        Self::map(file, length)
    }

    fn map(file: File, length: NonZeroUsize) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let identity = (metadata.dev(), metadata.ino());
        let mut mapped = MAPPED.lock().unwrap_or_else(PoisonError::into_inner);
        if mapped.contains(&identity) {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        let whole = length.saturating_add(HEAD);
        // SAFETY: a new mapping at an address that the system chooses touches no other memory; the file is as long.
        let start = unsafe {
            mmap(
                None,
                whole,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED,
                &file,
                0,
            )
        }?;
        mapped.push(identity);
        Ok(Self {
            start,
            length,
            file,
            identity,
        })
    }

    /// The numbers.
    pub fn numbers(&self) -> &[AtomicU64] {
        // SAFETY: the first `HEAD` bytes are mapped as long as `self` lives, aligned to a page, and only ever used as
        // atomics, which any bytes are.
        unsafe {
            std::slice::from_raw_parts(self.start.cast().as_ptr(), HEAD / size_of::<AtomicU64>())
        }
    }

    /// The plain bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: mapped as long as `self` lives; nobody else in this process has the mapping (see `MAPPED`), and
        // other processes only keep the file.
        unsafe { std::slice::from_raw_parts(self.plain(), self.length.get()) }
    }

    /// The plain bytes, to be written.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.plain(), self.length.get()) }
    }

    fn plain(&self) -> *mut u8 {
        // SAFETY: the mapping is `HEAD` bytes and `length` more.
        unsafe { self.start.cast::<u8>().as_ptr().add(HEAD) }
    }
}

impl AsFd for SharedMemory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        let mut mapped = MAPPED.lock().unwrap_or_else(PoisonError::into_inner);
        mapped.retain(|identity| *identity != self.identity);
        // SAFETY: exactly what `map` made; every borrow of it has ended.
        let _ = unsafe { munmap(self.start, self.length.get() + HEAD) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    const LENGTH: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

    #[test]
    fn what_one_owner_writes_the_next_one_finds() {
        let mut memory = SharedMemory::create("test", LENGTH).unwrap();
        memory.numbers()[511].store(7, Ordering::Release);
        memory.bytes_mut()[9_999] = 9;
        let copy = memory.as_fd().try_clone_to_owned().unwrap();
        let again = SharedMemory::open(copy.try_clone().unwrap(), LENGTH).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::ResourceBusy);
        drop(memory);
        let memory = SharedMemory::open(copy, LENGTH).unwrap();
        assert_eq!(memory.numbers()[511].load(Ordering::Acquire), 7);
        assert_eq!(memory.bytes()[9_999], 9);
    }

    #[test]
    fn what_is_too_short_grows() {
        let less = NonZeroUsize::new(10).unwrap();
        let mut short = SharedMemory::create("test", less).unwrap();
        short.bytes_mut()[9] = 9;
        let copy = short.as_fd().try_clone_to_owned().unwrap();
        drop(short);
        let mut memory = SharedMemory::open(copy, LENGTH).unwrap();
        memory.bytes_mut()[9_999] = 7;
        assert_eq!((memory.bytes()[9], memory.bytes()[10]), (9, 0));
    }
}
