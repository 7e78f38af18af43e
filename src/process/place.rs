//! Under which names a run is kept, and whose record its words go to: both can differ from run to run, for a reload
//! has two runs of one process at a time.

use std::sync::{Arc, Mutex, PoisonError};

use super::task::Shared;

/// The name under which the keeper keeps what belongs to a process.
pub fn key(pm_id: u32) -> String {
    format!("p{pm_id}")
}

/// One of the runs of a process. A restart goes on under the same name; a reload takes the next serial number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunName {
    /// The process's number.
    pub pm_id: u32,
    /// How many reloads there were before.
    pub serial: u32,
}

impl RunName {
    /// What the keeper knows its program as.
    pub fn key(self) -> String {
        match self.serial {
            0 => key(self.pm_id),
            _ => self.kept(),
        }
    }

    /// The keeper's name for what belongs to it.
    pub fn kept(self) -> String {
        let Self { pm_id, serial } = self;
        match serial {
            0 => format!("{}/run", key(pm_id)),
            _ => format!("{}/run{serial}", key(pm_id)),
        }
    }

    /// The keeper's name for the state of the retirement that the reload to this run leads to.
    pub fn retirement(self) -> String {
        format!("{}/old{}", key(self.pm_id), self.serial)
    }
}

/// The record of a run, which is another one after a reload; clones are the same place.
#[derive(Clone)]
pub(super) struct Place(Arc<Mutex<Shared>>);

impl Place {
    pub(super) fn new(record: Shared) -> Self {
        Self(Arc::new(Mutex::new(record)))
    }

    /// The record as it is now.
    pub(super) fn record(&self) -> Shared {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on the run belongs to this record.
    pub(super) fn move_to(&self, record: Shared) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = record;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_run_has_the_names_that_every_version_knows() {
        let first = RunName {
            pm_id: 3,
            serial: 0,
        };
        assert_eq!(
            (first.key(), first.kept()),
            ("p3".to_owned(), "p3/run".to_owned())
        );
        let third = RunName {
            pm_id: 3,
            serial: 2,
        };
        assert_eq!(
            (third.key(), third.kept(), third.retirement()),
            (
                "p3/run2".to_owned(),
                "p3/run2".to_owned(),
                "p3/old2".to_owned()
            )
        );
    }
}
