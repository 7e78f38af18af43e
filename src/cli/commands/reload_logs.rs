//! `reloadLogs`: every log file closed and opened anew.

use std::process::ExitCode;

use super::{Context, Done};

pub(super) async fn cmd_reload_logs(context: &Context) -> Done {
    context.connect().await?;
    context.out.lines("Reloading all logs...");
    context.session.call("reloadLogs", &["{}"]).await?;
    context.out.lines("All logs reloaded");
    Ok(ExitCode::SUCCESS)
}
