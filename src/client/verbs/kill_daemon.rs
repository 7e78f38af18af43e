//! `killDaemon`: ends every app and the daemon.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::{Session, VerbResult, raw, select::all};
use crate::{
    client::{ClientError, Progress},
    sys::pidfd::Handle,
};

/// How long the daemon may take to end once its apps are gone.
const DEADLINE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// `{success: true}` once the daemon is gone; also if there was none.
pub(super) async fn kill_daemon(session: &Session) -> VerbResult {
    let done = Ok(Some(raw(&json!({ "success": true }))));
    match session.connect_running().await {
        Ok(true) => {}
        Ok(false) => return done,
        Err(ClientError::Down { .. }) => {
            tell_keeper(session)?;
            wait_for_end(session).await?;
            return done;
        }
        Err(error) => return Err(error),
    }
    // The daemon signals us when it is about to end, which must not end us.
    let _quit = signal(SignalKind::quit());
    session.tell("notifyKillPM2", "{}").await?;
    let mut deletes = tokio::task::JoinSet::new();
    let processes = all(session).await?;
    session.progress(&Progress::Applying {
        method: "deleteProcessId",
        name: "all".to_owned(),
        ids: processes.iter().map(|process| process.pm_id).collect(),
    });
    for process in processes {
        let session = session.clone();
        deletes.spawn(async move {
            let id = process.pm_id;
            if session
                .call("deleteProcessId", &[&id.to_string()])
                .await
                .is_ok()
            {
                let name = process.name;
                session.progress(&Progress::Done { name, id });
            }
        });
    }
    deletes.join_all().await;
    session
        .tell("killMe", &json!({ "pid": std::process::id() }).to_string())
        .await?;
    wait_for_end(session).await?;
    session.close();
    done
}

/// Without a daemon that could be asked, the keeper ends the apps itself.
fn tell_keeper(session: &Session) -> Result<(), ClientError> {
    let path = session.home().pid_file();
    let pid = std::fs::read_to_string(&path)
        .ok()
        .and_then(|text| text.trim().parse().ok());
    let keeper = pid.and_then(Handle::open).ok_or_else(|| {
        ClientError::Refused(format!("{} names no process that runs", path.display()))
    })?;
    keeper
        .signal(Signal::SIGTERM)
        .map_err(|source| ClientError::Connect { path, source })
}

async fn wait_for_end(session: &Session) -> Result<(), ClientError> {
    let gone = async {
        while session.is_connected() || session.home().pid_file().exists() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::time::timeout(DEADLINE, gone).await.map_err(|_| {
        let log = session.home().daemon_log();
        ClientError::Refused(format!("the daemon does not end; see {}", log.display()))
    })
}
