//! `list`: every process in a box.

use std::process::ExitCode;

use super::{Context, Done};

/// Arguments of verbs that take none; pm2 passes over what it does not need.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct ListArgs {
    #[arg(hide = true)]
    rest: Vec<String>,
}

pub(super) async fn cmd_list(context: &Context) -> Done {
    context.connect().await?;
    context.print_list().await?;
    Ok(ExitCode::SUCCESS)
}
