//! Restarting apps when their files change: one watcher for all of them, made when the first one wants it.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use serde_json::Value;
use tokio::sync::mpsc;

use super::context::Daemon;
use crate::process::{Process, Restart, WatchRule};

/// Changes that may wait to be looked at; more are the same to us as these.
const QUEUE: usize = 4096;
/// A change is acted on when nothing else has changed for so long.
const QUIET: Duration = Duration::from_millis(100);

/// The watches of all processes.
#[derive(Default)]
pub(super) struct Watches {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    watcher: Option<RecommendedWatcher>,
    rules: BTreeMap<u32, WatchRule>,
    folders: HashSet<PathBuf>,
}

impl Watches {
    /// Whether the process's files are watched.
    pub(super) fn is_watched(&self, process: &Process) -> bool {
        let id = process.record().pm_id;
        self.lock().rules.contains_key(&id)
    }

    /// Stops watching the process's files.
    pub(super) fn stop(&self, process: &Process) {
        let id = process.record().pm_id;
        self.forget(id);
    }

    /// Stops watching the files of the process of this number.
    pub(super) fn forget(&self, id: u32) {
        let mut state = self.lock();
        if state.rules.remove(&id).is_some() && state.rules.is_empty() {
            // The last one: no watcher, no thread, no descriptor.
            *state = State::default();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Daemon {
    /// Watches the process's files if its attributes say so, and no longer if not.
    pub(super) fn watch_as_declared(&self, process: &Process) {
        let (id, rule) = {
            let record = process.record();
            (record.pm_id, WatchRule::of(&record.env))
        };
        let Some(rule) = rule else {
            return self.watches().forget(id);
        };
        let mut state = self.watches().lock();
        if state.watcher.is_none() {
            match self.start_watcher() {
                Ok(watcher) => state.watcher = Some(watcher),
                Err(error) => {
                    self.journal().error(format!("cannot watch files: {error}"));
                    return;
                }
            }
        }
        let folders: Vec<PathBuf> = rule
            .roots()
            .iter()
            .flat_map(|root| folders_of(root, &rule))
            .collect();
        state.rules.insert(id, rule);
        for folder in folders {
            self.add_folder(&mut state, folder);
        }
    }

    fn add_folder(&self, state: &mut State, folder: PathBuf) {
        if state.folders.contains(&folder) {
            return;
        }
        if let Some(watcher) = &mut state.watcher {
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => drop(state.folders.insert(folder)),
                Err(error) => self
                    .journal()
                    .error(format!("cannot watch {}: {error}", folder.display())),
            }
        }
    }

    fn start_watcher(&self) -> notify::Result<RecommendedWatcher> {
        let (changes, queue) = mpsc::channel(QUEUE);
        tokio::spawn(follow(self.clone(), queue));
        notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if let Ok(event) = event
                && !matches!(event.kind, EventKind::Access(_))
            {
                for path in event.paths {
                    // A full queue holds changes enough to restart everything that is concerned.
                    let _ = changes.try_send((path, event.kind));
                }
            }
        })
    }

    /// The processes that a change concerns, and new folders to watch.
    fn concerned(&self, path: &Path, kind: EventKind) -> Vec<u32> {
        let mut state = self.watches().lock();
        let ids = state
            .rules
            .iter()
            .filter(|(_, rule)| rule.concerns(path))
            .map(|(id, _)| *id)
            .collect();
        if matches!(kind, EventKind::Remove(_)) {
            state.folders.remove(path);
        } else if path.is_dir() {
            let rules: Vec<WatchRule> = state
                .rules
                .values()
                .filter(|rule| rule.concerns(path))
                .cloned()
                .collect();
            for folder in rules
                .iter()
                .flat_map(|rule| folders_of(path, rule))
                .collect::<Vec<_>>()
            {
                self.add_folder(&mut state, folder);
            }
        }
        ids
    }

    /// Restarts every process of the names of `ids`, as pm2 does.
    fn restart_changed(&self, changed: &BTreeMap<u32, PathBuf>) {
        let mut names = HashSet::new();
        for (id, path) in changed {
            let Some(process) = self.registry().get(*id) else {
                continue;
            };
            let (name, delay) = {
                let record = process.record();
                (
                    record.name().to_owned(),
                    record
                        .env
                        .get("watch_delay")
                        .and_then(Value::as_u64)
                        .unwrap_or(0),
                )
            };
            if !names.insert(name.clone()) {
                continue;
            }
            self.journal().info(format!(
                "Change detected on path {} for app {name} - restarting",
                path.display()
            ));
            for process in self.registry().named(&name) {
                let (daemon, name) = (self.clone(), name.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(delay)).await;
                    if let Err(error) = process.restart(Restart::default()).await {
                        daemon
                            .journal()
                            .error(format!("cannot restart {name} after a change: {error}"));
                    }
                });
            }
        }
    }
}

/// Gathers changes until it is quiet, then acts on them. Ends with the watcher.
async fn follow(daemon: Daemon, mut queue: mpsc::Receiver<(PathBuf, EventKind)>) {
    let mut changed: BTreeMap<u32, PathBuf> = BTreeMap::new();
    loop {
        let next = if changed.is_empty() {
            queue.recv().await
        } else {
            match tokio::time::timeout(QUIET, queue.recv()).await {
                Ok(next) => next,
                Err(_quiet) => {
                    daemon.restart_changed(&std::mem::take(&mut changed));
                    continue;
                }
            }
        };
        let Some((path, kind)) = next else { return };
        for id in daemon.concerned(&path, kind) {
            changed.insert(id, path.clone());
        }
    }
}

/// The folders to watch for a root: itself and all below it that are not ignored; for a file, the folder it is in,
/// since editors replace files.
fn folders_of(root: &Path, rule: &WatchRule) -> Vec<PathBuf> {
    if !root.is_dir() {
        return root.parent().map(Path::to_owned).into_iter().collect();
    }
    let mut found = vec![root.to_owned()];
    let mut next = 0;
    while let Some(folder) = found.get(next) {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let below: Vec<PathBuf> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .filter(|path| rule.enters(path))
            .collect();
        found.extend(below);
        next += 1;
    }
    found
}
