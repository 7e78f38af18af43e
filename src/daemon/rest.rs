//! Coming to rest: when the last client has left, and once after the start, what is not needed any more goes back to the
//! system. While nobody comes, nothing wakes.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::timeout};

use super::context::Daemon;
use crate::sys::{allocator, code};

/// So long nobody must come or leave.
const QUIET: Duration = Duration::from_millis(500);

/// Told when a client comes or leaves.
#[derive(Debug, Clone, Default)]
pub(super) struct Traffic(Arc<Notify>);

impl Traffic {
    /// A client has come or left.
    pub(super) fn tell(&self) {
        self.0.notify_one();
    }
}

/// Does that for ever.
pub(super) async fn come_to_rest(daemon: Daemon) {
    let Traffic(traffic) = daemon.traffic().clone();
    loop {
        while timeout(QUIET, traffic.notified()).await.is_ok() {}
        if daemon.connections().is_empty() {
            allocator::return_now();
            code::release();
        }
        traffic.notified().await;
    }
}
