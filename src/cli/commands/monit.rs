//! `monit`: a view of everything.

use std::process::ExitCode;

use super::{Context, Done};
use crate::cli::monit;

pub(super) async fn cmd_monit(context: &Context) -> Done {
    monit::run(context).await?;
    Ok(ExitCode::SUCCESS)
}
