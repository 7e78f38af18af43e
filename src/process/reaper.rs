//! Collecting the exits of our children and telling those who wait for them.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

use crate::sys::{
    proc::{Exit, reap_one},
    spawn::{Program, SpawnError, spawn},
};

/// A cheap handle; the only one in this process that may start and reap children.
#[derive(Clone)]
pub struct Reaper {
    waiting: Arc<Mutex<HashMap<i32, oneshot::Sender<Exit>>>>,
}

impl Reaper {
    /// Listens for ended children. Call inside the runtime.
    pub fn new() -> io::Result<Self> {
        let mut ended = signal(SignalKind::child())?;
        let reaper = Self {
            waiting: Arc::default(),
        };
        let waiting = Arc::clone(&reaper.waiting);
        tokio::spawn(async move {
            while ended.recv().await.is_some() {
                while let Some((pid, exit)) = reap_one() {
                    let waiter = waiting
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .remove(&pid);
                    if let Some(waiter) = waiter {
                        // The process's task may be gone with the process.
                        let _ = waiter.send(exit);
                    }
                }
            }
        });
        Ok(reaper)
    }

    /// Starts a process: its id, and its exit once it has ended.
    pub(crate) fn spawn(
        &self,
        program: Program,
    ) -> Result<(i32, oneshot::Receiver<Exit>), SpawnError> {
        let (sender, receiver) = oneshot::channel();
        // Held over the spawn: a child that ends at once must find its waiter.
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let pid = spawn(program)?;
        waiting.insert(pid, sender);
        Ok((pid, receiver))
    }
}
