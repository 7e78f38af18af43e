//! `cleardump`: an empty list on disk.

use std::process::ExitCode;

use super::{Context, Done};

pub(super) async fn cmd_cleardump(context: &Context) -> Done {
    context.verb("clearDump", []).await?;
    Ok(ExitCode::SUCCESS)
}
