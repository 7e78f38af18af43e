//! `ping`: is the daemon there?

use std::process::ExitCode;

use super::{Context, Done};

pub(super) async fn cmd_ping(context: &Context) -> Done {
    context.connect().await?;
    context.verb("ping", []).await?;
    context.out.lines("{ msg: 'pong' }");
    Ok(ExitCode::SUCCESS)
}
