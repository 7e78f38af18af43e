//! A log file, opened for appending so that it may be truncated or shared.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Where a stream's output goes; possibly nowhere.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    file: Option<File>,
    /// Device and inode of the file.
    identity: (u64, u64),
    /// Bytes lost since a write failed; zero when all is well.
    lost: u64,
}

/// Where something that is appended to a file begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) device: u64,
    pub(super) inode: u64,
    /// The file's length before.
    pub(super) end: u64,
}

/// A change in whether output can be written, worth a line in the daemon's log.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// From now on bytes are lost.
    Began(io::Error),
    /// Writing works again after so many bytes were lost.
    Ended(u64),
}

impl LogFile {
    /// Opens the file, making its folders. `NULL` and `/dev/null` mean no file; so does an empty path.
    pub(crate) fn open(path: &str) -> io::Result<Self> {
        let path = PathBuf::from(path);
        let file = if is_disabled(&path) {
            None
        } else {
            Some(append(&path)?)
        };
        let identity = identity(file.as_ref());
        Ok(Self {
            path,
            file,
            identity,
            lost: 0,
        })
    }

    /// Opens the file again, after it was moved away. The old one stays in use if that fails.
    pub(crate) fn reopen(&mut self) -> io::Result<()> {
        if self.file.is_some() {
            self.file = Some(append(&self.path)?);
            self.identity = identity(self.file.as_ref());
        }
        Ok(())
    }

    /// Where the next write begins if nobody else writes; `None` if this file has no places (a terminal), or is none.
    pub(super) fn place(&self) -> Option<Place> {
        let end = self.file.as_ref()?.seek(SeekFrom::End(0)).ok()?;
        let (device, inode) = self.identity;
        Some(Place { device, inode, end })
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Option<Trouble> {
        let file = self.file.as_mut()?;
        match file.write_all(bytes) {
            Ok(()) if self.lost == 0 => None,
            Ok(()) => Some(Trouble::Ended(std::mem::take(&mut self.lost))),
            Err(error) => {
                let first = self.lost == 0;
                self.lost += bytes.len() as u64;
                first.then_some(Trouble::Began(error))
            }
        }
    }
}

fn identity(file: Option<&File>) -> (u64, u64) {
    file.and_then(|file| file.metadata().ok())
        .map_or((0, 0), |found| (found.dev(), found.ino()))
}

fn is_disabled(path: &Path) -> bool {
    path.as_os_str().is_empty() || path == Path::new("NULL") || path == Path::new("/dev/null")
}

fn append(path: &Path) -> io::Result<File> {
    let open = || {
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o640)
            .open(path)
    };
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            open()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_appends_makes_folders_and_follows_a_rotation() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/out.log");
        let text = path.to_str().unwrap();
        let mut log = LogFile::open(text).unwrap();
        assert!(log.write(b"one\n").is_none());
        fs::rename(&path, dir.path().join("old")).unwrap();
        assert!(log.write(b"two\n").is_none());
        log.reopen().unwrap();
        assert!(log.write(b"three\n").is_none());
        assert_eq!(fs::read(dir.path().join("old")).unwrap(), b"one\ntwo\n");
        assert_eq!(fs::read(&path).unwrap(), b"three\n");
    }

    #[test]
    fn a_disabled_log_takes_everything() {
        for path in ["", "NULL", "/dev/null"] {
            let mut log = LogFile::open(path).unwrap();
            assert!(log.write(b"x").is_none() && log.reopen().is_ok());
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_reported_once() {
        let mut log = LogFile::open("/dev/full").unwrap();
        assert!(matches!(log.write(b"x"), Some(Trouble::Began(_))));
        assert!(log.write(b"y").is_none());
        log.file = Some(File::create("/dev/null").unwrap());
        assert!(matches!(log.write(b"z"), Some(Trouble::Ended(2))));
    }
}
