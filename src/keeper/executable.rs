//! The executable that this is, even if another one takes its path meanwhile.

use std::{
    ffi::CString,
    fs::{self, File},
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::MetadataExt},
    },
    path::{Path, PathBuf},
};

use crate::sys::descriptor;

/// Above the descriptors that a daemon is given: it is executed after those are in place.
const LOWEST: i32 = 16;

/// An executable file, held open so that it can be executed even when an update has removed it.
#[derive(Debug)]
pub(super) struct Executable {
    pub(super) path: PathBuf,
    pub(super) file: OwnedFd,
}

impl Executable {
    /// The one that runs.
    pub(super) fn current() -> io::Result<Self> {
        let path = std::env::current_exe()?;
        let open = if cfg!(target_os = "linux") {
            Path::new("/proc/self/exe")
        } else {
            &path
        };
        let file = descriptor::copy_above(File::open(open)?, LOWEST)?;
        Ok(Self { path, file })
    }

    /// Where to execute it: its path while that still leads to it, else by descriptor.
    pub(super) fn place(&self) -> CString {
        let at_path = fs::metadata(&self.path).map(|meta| (meta.dev(), meta.ino()));
        let held = self
            .file
            .try_clone()
            .and_then(|file| File::from(file).metadata())
            .map(|meta| (meta.dev(), meta.ino()));
        let by_path = match (at_path, held) {
            (Ok(at_path), Ok(held)) => at_path == held,
            (at_path, _) => at_path.is_ok(),
        };
        if by_path && let Ok(path) = CString::new(self.path.as_os_str().as_bytes()) {
            return path;
        }
        let text = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        CString::new(text).unwrap_or_default()
    }
}
