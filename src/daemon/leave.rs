//! Leaving everything to the next daemon, so that it loses nothing and does nothing twice. The keeper gives us ten
//! seconds for it.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{After, context::Daemon};

/// How long calls under way may take. Later ones are lost to their callers; what they began, the next daemon ends.
const CALLS: Duration = Duration::from_secs(2);
/// How long apps have to read what waits for them here.
const UNSENT: Duration = Duration::from_secs(1);
/// How long an app has to read the rest of a line that it has in part: without it, it would have to be replaced.
const REST_OF_LINE: Duration = Duration::from_secs(4);
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// Turns of every other task, so that each has kept what it knows.
const TURNS: usize = 64;

/// Answers the calls that have come, gives the apps what is theirs, and stops listening to them; subscribers then get
/// what was heard until then.
pub(super) async fn prepare(daemon: &Daemon) -> After {
    daemon.connections().close();
    let _ = timeout(CALLS, daemon.connections().wait()).await;
    if daemon.is_ending() {
        // One of the calls was the end of all.
        return After::Nothing;
    }
    give_out(daemon).await;
    if daemon.is_ending() {
        return After::Nothing;
    }
    daemon.around().leaving.cancel();
    daemon.note_counts();
    daemon.journal().info(format!(
        "this daemon leaves {} apps to the next one",
        daemon.registry().len()
    ));
    daemon.end();
    After::Next
}

/// Lets every task keep what it has heard. To be followed by the end of the process without any wait.
pub(super) async fn freeze(daemon: &Daemon) {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
    daemon.around().primary.freeze();
}

async fn give_out(daemon: &Daemon) {
    let primary = &daemon.around().primary;
    primary.pause();
    let processes = daemon.registry().all();
    let until = async |is_done: &dyn Fn() -> bool| {
        while !is_done() {
            sleep(LOOK_AGAIN).await;
        }
    };
    let nothing_waits =
        || primary.unsettled() == 0 && processes.iter().all(|process| process.unsent().0 == 0);
    if timeout(UNSENT, until(&nothing_waits)).await.is_ok() {
        return;
    }
    let no_line_is_begun = || processes.iter().all(|process| !process.unsent().1);
    let _ = timeout(REST_OF_LINE, until(&no_line_is_begun)).await;
    for process in &processes {
        let (bytes, _) = process.unsent();
        if bytes > 0 {
            let name = process.record().name().to_owned();
            daemon.journal().error(format!(
                "{name} does not read its messages: {bytes} bytes that waited for it are lost"
            ));
        }
    }
}
