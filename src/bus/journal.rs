//! The daemon's own log: lines in `pm2.log` and, as `log:PM2`, on the bus.

use std::{
    fmt::Display,
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use serde_json::json;

use super::Bus;
use crate::sys::local_time;

/// A cheap handle.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    file: Mutex<Option<File>>,
    bus: Bus,
}

impl Journal {
    /// Opens (makes, appends to) the log at `path`.
    pub fn open(path: PathBuf, bus: Bus) -> io::Result<Self> {
        let file = Mutex::new(Some(append(&path)?));
        Ok(Self {
            inner: Arc::new(Inner { path, file, bus }),
        })
    }

    /// Opens the file again, after it was moved away.
    pub fn reopen(&self) {
        if let Ok(file) = append(&self.inner.path) {
            *self
                .inner
                .file
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(file);
        }
    }

    /// Something that happened.
    pub fn info(&self, line: impl Display) {
        self.write("PM2 log", &line.to_string());
    }

    /// Something that went wrong.
    pub fn error(&self, line: impl Display) {
        self.write("PM2 error", &line.to_string());
    }

    fn write(&self, kind: &str, line: &str) {
        let time = local_time::now().strftime("%Y-%m-%dT%H:%M:%S").to_string();
        if let Some(file) = &mut *self
            .inner
            .file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
        {
            // There is nowhere left to report to when the log itself cannot be written.
            let _ = file.write_all(format!("{time}: {kind}: {line}\n").as_bytes());
        }
        if self.inner.bus.has_subscribers() {
            let payload = json!({
                "process": { "pm_id": "PM2", "name": "PM2", "rev": null },
                "at": Timestamp::now().as_millisecond(),
                "data": format!("{line}\n"),
            });
            self.inner
                .bus
                .publish("log:PM2", &[payload.to_string().as_bytes()]);
        }
    }
}

fn append(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}
