//! `update`: the daemon goes on as the installed version. Without a daemon there is nothing to do, and none is launched.

use std::process::ExitCode;

use super::{Context, Done};
use crate::client::verbs;

pub(super) async fn cmd_update(context: &Context) -> Done {
    let text = match verbs::update(&context.session).await? {
        Some(updated) => format!(
            "[v] Daemon updated: {} -> {}; {} apps run on, none was restarted",
            updated.from, updated.to, updated.apps
        ),
        None => {
            "No daemon runs: nothing to update, the next command launches the installed version"
                .to_owned()
        }
    };
    context.out.info(&text);
    Ok(ExitCode::SUCCESS)
}
