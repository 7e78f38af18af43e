//! Changes that are waited with until no more come, but not for ever.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::Instant;

/// Who goes on writing is waited for so many times as long as it must be quiet.
const PATIENCE: u32 = 10;

/// The changes that concern each process.
#[derive(Debug, Default)]
pub(super) struct Changes {
    waiting: BTreeMap<u32, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    /// What changed first.
    path: PathBuf,
    first: Instant,
    due: Instant,
}

impl Changes {
    /// A change that concerns a process.
    pub(super) fn add(&mut self, id: u32, path: &Path, quiet: Duration) {
        let now = Instant::now();
        let waiting = self.waiting.entry(id).or_insert_with(|| Waiting {
            path: path.to_owned(),
            first: now,
            due: now,
        });
        waiting.due = (now + quiet).min(waiting.first + quiet * PATIENCE);
    }

    /// When the next one is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.values().map(|waiting| waiting.due).min()
    }

    /// Those that are due, with what changed first.
    pub(super) fn take_due(&mut self) -> Vec<(u32, PathBuf)> {
        let now = Instant::now();
        let mut taken = Vec::new();
        self.waiting.retain(|id, waiting| {
            let is_due = waiting.due <= now;
            if is_due {
                taken.push((*id, std::mem::take(&mut waiting.path)));
            }
            !is_due
        });
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const QUIET: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn changes_are_acted_on_when_it_is_quiet_or_at_last() {
        let mut changes = Changes::default();
        assert_eq!(changes.due(), None);
        for name in ["a", "b"] {
            changes.add(1, Path::new(name), QUIET);
            advance(QUIET / 2).await;
        }
        assert_eq!(changes.take_due(), []);
        changes.add(2, Path::new("c"), QUIET * 20);
        advance(QUIET / 2).await;
        assert_eq!(changes.take_due(), [(1, "a".into())]);
        // One that never ends.
        let mut acted = 0;
        for _ in 0..40 {
            changes.add(1, Path::new("log"), QUIET);
            advance(QUIET / 2).await;
            acted += changes.take_due().len();
        }
        assert_eq!(acted, 3, "twice for that, and once for the other one");
    }
}
