//! How much of a chunk a daemon before us got into a file.

use std::{
    fs::{self, File},
    os::unix::fs::{DirEntryExt, FileExt, MetadataExt},
    path::Path,
};

use super::super::file::Place;

/// What others may have written beside us between two system calls, and that is looked through.
const AMONG: usize = 1024 * 1024;
/// Entries of a folder that are looked at for a file that was moved away.
const ENTRIES: usize = 100_000;

/// Bytes at the beginning of `chunk` that are in the file already; `place` is its end before the write began. Nothing
/// is lost when it cannot be told: it is then as if nothing were written.
pub(super) fn written(path: &Path, place: Place, chunk: &[u8]) -> usize {
    look(path, place, chunk).unwrap_or(0)
}

fn look(path: &Path, place: Place, chunk: &[u8]) -> Option<usize> {
    let file = find(path, place)?;
    let size = file.metadata().ok()?.len();
    // A file that is shorter now was truncated meanwhile: what is in it came after that.
    let start = if size < place.end { 0 } else { place.end };
    let length = usize::try_from(size - start).unwrap_or(usize::MAX);
    let mut tail = vec![0; length.min(chunk.len() + AMONG)];
    file.read_exact_at(&mut tail, start).ok()?;
    Some(overlap(&tail, chunk))
}

/// The file of this identity: at its path, or in the same folder if it was renamed.
fn find(path: &Path, place: Place) -> Option<File> {
    let is_it = |path: &Path| {
        fs::metadata(path)
            .is_ok_and(|found| (found.dev(), found.ino()) == (place.device, place.inode))
    };
    if is_it(path) {
        return File::open(path).ok();
    }
    let entries = fs::read_dir(path.parent()?).ok()?.take(ENTRIES).flatten();
    let mut alike = entries.filter(|entry| entry.ino() == place.inode);
    let renamed = alike.find(|entry| is_it(&entry.path()))?;
    File::open(renamed.path()).ok()
}

/// How much of `chunk` is in `tail`, what was appended since: its beginning, if nobody else writes this file; else all
/// of it, anywhere.
fn overlap(tail: &[u8], chunk: &[u8]) -> usize {
    let common = tail.len().min(chunk.len());
    if tail[..common] == chunk[..common] {
        return common;
    }
    match memchr::memmem::find(tail, chunk) {
        Some(_) => chunk.len(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::logs::file::LogFile;

    #[test]
    fn the_table_of_overlaps() {
        let table: [(&[u8], &[u8], usize); 7] = [
            (b"", b"abc", 0),
            (b"ab", b"abc", 2),
            (b"abc", b"abc", 3),
            (b"abcxyz", b"abc", 3),
            (b"xyzabc", b"abc", 3),
            (b"xyzabcxyz", b"abc", 3),
            (b"abx", b"abc", 0),
        ];
        for (tail, chunk, expected) in table {
            assert_eq!(overlap(tail, chunk), expected, "{tail:?} {chunk:?}");
        }
    }

    #[test]
    fn truncated_moved_and_removed_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.log");
        let mut log = LogFile::open(path.to_str().unwrap()).unwrap();
        log.write(b"before\n");
        let place = log.place().unwrap();
        assert_eq!(written(&path, place, b"chunk\n"), 0);
        log.write(b"chu");
        assert_eq!(written(&path, place, b"chunk\n"), 3);
        fs::rename(&path, folder.path().join("out.log.1")).unwrap();
        fs::write(&path, "another\n").unwrap();
        assert_eq!(written(&path, place, b"chunk\n"), 3);
        fs::remove_file(folder.path().join("out.log.1")).unwrap();
        assert_eq!(written(&path, place, b"chunk\n"), 0);
        log.reopen().unwrap();
        let place = log.place().unwrap();
        File::create(&path).unwrap();
        assert_eq!(written(&path, place, b"chunk\n"), 0);
        log.write(b"chunk\n");
        assert_eq!(written(&path, place, b"chunk\n"), 6);
    }
}
