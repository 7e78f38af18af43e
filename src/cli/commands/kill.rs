//! `kill`: stops every process and the daemon. Without a daemon there is nothing to do, and none is launched.

use std::process::ExitCode;

use super::{CommandError, Context, Done, target::warn_if_none};

pub(super) async fn cmd_kill(context: &Context) -> Done {
    context.set_target("all");
    if context.session.connect_running().await? {
        let processes = context.processes().await?;
        warn_if_none(context, processes.len());
        context.verb("killDaemon", []).await?;
    } else {
        warn_if_none(context, 0);
    }
    context.out.info("[v] All Applications Stopped");
    context.out.info("[v] PM2 Daemon Stopped");
    Ok::<_, CommandError>(ExitCode::SUCCESS)
}
