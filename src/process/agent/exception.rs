//! An exception that an app dies of is told after what the app prints about it, as pm2 does: the two come on
//! different ways.

use std::time::Duration;

use serde_json::value::RawValue;

use crate::process::{
    outlet::Surroundings,
    record::Record,
    task::{Shared, lock},
};

/// How long an app may go on after such an exception (its `exit` listeners) before it is told all the same.
const PATIENCE: Duration = Duration::from_secs(1);

impl Surroundings {
    /// Keeps the exception until the app has ended. An app that sends more than one keeps only the last waiting.
    pub(in crate::process) fn hold_exception(&self, shared: &Shared, data: Box<RawValue>) {
        let is_first = {
            let mut record = lock(shared);
            let is_first = record.exception.is_none();
            self.tell_exception(&mut record);
            record.exception = Some(data);
            is_first
        };
        if is_first {
            let (around, shared) = (self.clone(), shared.clone());
            tokio::spawn(async move {
                tokio::time::sleep(PATIENCE).await;
                around.tell_exception(&mut lock(&shared));
            });
        }
    }

    /// Tells the exception that is kept, if there is one.
    pub(in crate::process) fn tell_exception(&self, record: &mut Record) {
        if let Some(data) = record.exception.take()
            && self.bus.has_subscribers()
        {
            let data = data.get().as_bytes();
            self.forward("process:exception", "data", data, &record.identity());
        }
    }
}
