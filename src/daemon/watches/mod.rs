//! Restarting apps when their files change: one watcher for all of them, made when the first one wants it, and one
//! more for each interval at which some want to be looked for changes instead.

mod places;
mod poller;
mod quiet;

use std::{
    collections::{BTreeMap, HashSet, btree_map::Entry},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use self::{
    places::{is_behind_link, places_of},
    poller::Poller,
    quiet::Changes,
};
use super::context::Daemon;
use crate::process::{Process, Restart, WatchRule, shown};

/// Changes that may wait to be looked at; more are the same to us as these.
const QUEUE: usize = 4096;

/// What a watcher tells of.
type Change = (PathBuf, EventKind);

/// The watches of all processes.
#[derive(Default)]
pub(super) struct Watches {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the interval at which they look; `None`: the system tells.
    watchers: BTreeMap<Option<Duration>, Files>,
    rules: BTreeMap<u32, WatchRule>,
    /// Names whose restart is due after their `watch_delay`.
    waiting: HashSet<String>,
}

struct Files {
    source: Source,
    places: HashSet<PathBuf>,
}

/// Where word of changes comes from.
enum Source {
    System(RecommendedWatcher),
    Looking(Poller),
}

impl Source {
    fn watch(&mut self, place: &Path) -> notify::Result<()> {
        match self {
            Self::System(watcher) => watcher.watch(place, RecursiveMode::NonRecursive),
            Self::Looking(poller) => {
                poller.watch(place);
                Ok(())
            }
        }
    }
}

impl Watches {
    /// Whether the process's files are watched.
    pub(super) fn is_watched(&self, process: &Process) -> bool {
        let id = process.record().pm_id;
        self.lock().rules.contains_key(&id)
    }

    /// Stops watching the files of the process of this number; whether they were watched.
    pub(super) fn forget(&self, id: u32) -> bool {
        let mut state = self.lock();
        let was_watched = state.rules.remove(&id).is_some();
        state.drop_unused();
        was_watched
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Without a rule there is no watcher, no thread, no descriptor.
    fn drop_unused(&mut self) {
        let rules = &self.rules;
        self.watchers
            .retain(|polling, _| rules.values().any(|rule| rule.polling() == *polling));
    }

    /// Watches these too; what could not be watched.
    fn add(
        &mut self,
        polling: Option<Duration>,
        places: Vec<PathBuf>,
    ) -> Vec<(PathBuf, notify::Error)> {
        let Some(files) = self.watchers.get_mut(&polling) else {
            return Vec::new();
        };
        let mut failed = Vec::new();
        for place in places {
            if files.places.contains(&place) {
                continue;
            }
            match files.source.watch(&place) {
                Ok(()) => drop(files.places.insert(place)),
                Err(error) => failed.push((place, error)),
            }
        }
        failed
    }
}

impl Daemon {
    /// Watches the process's files if its attributes say so, and no longer if not.
    pub(super) fn watch_as_declared(&self, process: &Process) {
        let (id, name, rule) = {
            let record = process.record();
            let rule = WatchRule::of(&record.env());
            (record.pm_id, record.name().to_owned(), rule)
        };
        let Some(rule) = rule else {
            return self.stop_watching(process);
        };
        let polling = rule.polling();
        let mut state = self.watches().lock();
        if let Entry::Vacant(vacant) = state.watchers.entry(polling) {
            match self.start_watcher(polling) {
                Ok(source) => {
                    let places = HashSet::new();
                    vacant.insert(Files { source, places });
                }
                Err(error) => {
                    self.journal().error(format!("cannot watch files: {error}"));
                    return;
                }
            }
        }
        let places = rule.roots().flat_map(|root| places_of(root, &rule));
        let failed = {
            let places = places.collect();
            state.add(polling, places)
        };
        let is_new = state.rules.insert(id, rule).is_none();
        state.drop_unused();
        drop(state);
        if is_new {
            self.journal()
                .info(format!("[Watch] Start watching {name}"));
        }
        self.say_failed(&failed);
    }

    /// Stops watching the process's files.
    pub(super) fn stop_watching(&self, process: &Process) {
        let (id, name) = {
            let record = process.record();
            (record.pm_id, record.name().to_owned())
        };
        if self.watches().forget(id) {
            self.journal().info(format!("[Watch] Stop watching {name}"));
        }
    }

    fn say_failed(&self, failed: &[(PathBuf, notify::Error)]) {
        let Some((place, error)) = failed.first() else {
            return;
        };
        let more = match failed.len() {
            1 => String::new(),
            count => format!(" (and {} more folders)", count - 1),
        };
        let hint = match error.kind {
            notify::ErrorKind::MaxFilesWatch => {
                ": raise fs.inotify.max_user_watches, name more in `ignore_watch`, or set `usePolling` in `watch_options`"
            }
            _ => "",
        };
        let place = place.display();
        self.journal()
            .error(format!("cannot watch {place}{more}: {error}{hint}"));
    }

    fn start_watcher(&self, polling: Option<Duration>) -> notify::Result<Source> {
        let (changes, queue) = mpsc::channel(QUEUE);
        // A full queue holds changes enough to restart everything that is concerned.
        let tell = move |path, kind| drop(changes.try_send((path, kind)));
        let source = match polling {
            None => {
                let tell = move |event: notify::Result<notify::Event>| {
                    if let Ok(event) = event
                        && !event.kind.is_access()
                    {
                        for path in event.paths {
                            tell(path, event.kind);
                        }
                    }
                };
                Source::System(notify::recommended_watcher(tell)?)
            }
            Some(interval) => Source::Looking(Poller::start(interval, tell)?),
        };
        tokio::spawn(follow(self.clone(), polling, queue));
        Ok(source)
    }

    /// The processes that a change concerns, with how long it must be quiet then; and new places to watch.
    fn concerned(&self, polling: Option<Duration>, change: &Change) -> Vec<(u32, Duration)> {
        let (path, kind) = change;
        let mut state = self.watches().lock();
        let ours = state
            .rules
            .iter()
            .filter(|(_, rule)| rule.polling() == polling);
        let concerned = ours
            .clone()
            .filter(|(_, rule)| rule.concerns(path) && !is_behind_link(path, rule))
            .map(|(id, rule)| (*id, rule.quiet()))
            .collect();
        let removed = matches!(kind, EventKind::Remove(_));
        let new: Vec<PathBuf> = ours
            .filter(|_| !removed && path.is_dir())
            .flat_map(|(_, rule)| new_places(path, rule))
            .collect();
        if removed && let Some(files) = state.watchers.get_mut(&polling) {
            files.places.remove(path);
        }
        let failed = state.add(polling, new);
        drop(state);
        self.say_failed(&failed);
        concerned
    }

    /// Restarts every process of the name of a changed one, as pm2 does. What changes until then is the same to it.
    fn restart_changed(&self, id: u32, path: &Path) {
        let Some(process) = self.registry().get(id) else {
            return;
        };
        let (name, delay, path) = {
            let record = process.record();
            let delay = record.get("watch_delay").and_then(|delay| delay.as_u64());
            let path = shown(path, &record.env()).display().to_string();
            (record.name().to_owned(), delay.unwrap_or(0), path)
        };
        if !self.watches().lock().waiting.insert(name.clone()) {
            return;
        }
        self.journal().info(format!(
            "Change detected on path {path} for app {name} - restarting"
        ));
        let daemon = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            daemon.watches().lock().waiting.remove(&name);
            // Stopped or deleted meanwhile: nobody wants it back.
            if !daemon.watches().is_watched(&process) {
                return;
            }
            for process in daemon.registry().named(&name) {
                let (daemon, name) = (daemon.clone(), name.clone());
                tokio::spawn(async move {
                    if let Err(error) = process.restart(Restart::default()).await {
                        daemon
                            .journal()
                            .error(format!("cannot restart {name} after a change: {error}"));
                    }
                });
            }
        });
    }
}

/// What is to be watched now that there is this folder: itself, or what it leads to.
fn new_places(folder: &Path, rule: &WatchRule) -> Vec<PathBuf> {
    if rule.enters(folder) {
        return places_of(folder, rule);
    }
    rule.roots()
        .filter(|root| root.starts_with(folder))
        .flat_map(|root| places_of(root, rule))
        .collect()
}

/// Gathers changes until it is quiet, then acts on them. Ends with the watcher.
async fn follow(daemon: Daemon, polling: Option<Duration>, mut queue: mpsc::Receiver<Change>) {
    let mut changes = Changes::default();
    loop {
        let quiet = async {
            match changes.due() {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            change = queue.recv() => {
                let Some(change) = change else { return };
                for (id, quiet) in daemon.concerned(polling, &change) {
                    changes.add(id, &change.0, quiet);
                }
            }
            () = quiet => {
                for (id, path) in changes.take_due() {
                    daemon.restart_changed(id, &path);
                }
            }
        }
    }
}
