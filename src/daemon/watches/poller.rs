//! Looking for changes again and again, where the system does not tell of them. In a thread of its own: a file system
//! that hangs must not hang the daemon.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use notify::{
    EventKind,
    event::{CreateKind, ModifyKind, RemoveKind},
};

/// Ends its thread when it is dropped.
pub(super) struct Poller {
    places: Sender<(PathBuf, Sight)>,
}

/// What is seen of a file: when it was changed, how long it is, and which it is.
type Stamp = (i64, i64, u64, u64);

/// What is seen of a place by name; a file is there under no name.
type Sight = BTreeMap<PathBuf, Stamp>;

impl Poller {
    /// Looks at the places so often, and tells what has changed.
    pub(super) fn start(
        interval: Duration,
        tell: impl FnMut(PathBuf, EventKind) + Send + 'static,
    ) -> io::Result<Self> {
        let (places, new_places) = channel();
        let name = "rpm2-poller".to_owned();
        thread::Builder::new()
            .name(name)
            .spawn(move || look_often(interval, &new_places, tell))?;
        Ok(Self { places })
    }

    /// Looks at a folder's entries, or at a file, from now on.
    pub(super) fn watch(&self, place: &Path) {
        // Its thread ends with it alone.
        let _ = self.places.send((place.to_owned(), see(place)));
    }
}

fn look_often(
    interval: Duration,
    new_places: &Receiver<(PathBuf, Sight)>,
    mut tell: impl FnMut(PathBuf, EventKind),
) {
    let mut sights: HashMap<PathBuf, Sight> = HashMap::new();
    loop {
        match new_places.recv_timeout(interval) {
            Ok((place, sight)) => {
                sights.entry(place).or_insert(sight);
                continue;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        sights.retain(|place, before| {
            let now = see(place);
            for (name, kind) in changes(before, &now) {
                tell(place.join(name), kind);
            }
            *before = now;
            // One that comes back is a new place.
            place.exists()
        });
    }
}

fn see(place: &Path) -> Sight {
    let stamp = |metadata: Metadata| -> Stamp {
        let length = if metadata.is_dir() { 0 } else { metadata.len() };
        // A folder's own time changes with what is in it, which is seen by itself.
        let time = if metadata.is_dir() {
            (0, 0)
        } else {
            (metadata.mtime(), metadata.mtime_nsec())
        };
        (time.0, time.1, length, metadata.ino())
    };
    if let Ok(entries) = fs::read_dir(place) {
        let entries = entries.flatten().filter_map(|entry| {
            let metadata = fs::symlink_metadata(entry.path()).ok()?;
            Some((PathBuf::from(entry.file_name()), stamp(metadata)))
        });
        return entries.collect();
    }
    let itself = fs::metadata(place).map(|metadata| (PathBuf::new(), stamp(metadata)));
    itself.into_iter().collect()
}

fn changes(before: &Sight, now: &Sight) -> Vec<(PathBuf, EventKind)> {
    let come = now.iter().filter_map(|(name, stamp)| {
        let kind = match before.get(name) {
            None => EventKind::Create(CreateKind::Any),
            Some(old) if old != stamp => EventKind::Modify(ModifyKind::Any),
            Some(_) => return None,
        };
        Some((name.clone(), kind))
    });
    let gone = before
        .keys()
        .filter(|name| !now.contains_key(*name))
        .map(|name| (name.clone(), EventKind::Remove(RemoveKind::Any)));
    come.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn what_comes_changes_and_goes_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "1").unwrap();
        let (told, seen) = mpsc::channel();
        let poller = Poller::start(Duration::from_millis(5), move |path, kind| {
            let _ = told.send((path, kind));
        });
        let poller = poller.unwrap();
        poller.watch(folder.path());
        let next = || seen.recv_timeout(Duration::from_secs(20)).unwrap();
        fs::create_dir(folder.path().join("first")).unwrap();
        let (path, kind) = next();
        assert!(
            path == folder.path().join("first") && kind.is_create(),
            "{path:?} {kind:?}"
        );
        // As long as before, and within the same second.
        fs::write(&file, "2").unwrap();
        let (path, kind) = next();
        assert!(path == file && kind.is_modify(), "{path:?} {kind:?}");
        fs::write(folder.path().join("first/inside"), "").unwrap();
        fs::remove_file(&file).unwrap();
        let (path, kind) = next();
        assert!(path == file && kind.is_remove(), "{path:?} {kind:?}");
        drop(poller);
        let end = seen.recv_timeout(Duration::from_secs(20));
        assert_eq!(end, Err(RecvTimeoutError::Disconnected));
    }
}
