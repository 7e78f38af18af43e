//! `resurrect`: the saved processes.

use std::process::ExitCode;

use super::{CommandError, Context, Done};
use crate::{
    cli::{error, sd_notify},
    client::ClientError,
};

/// Also run at boot, where a failure would end what has been restored: that there was nothing to restore, or not all
/// could be, is said, and is no failure.
pub(super) async fn cmd_resurrect(context: &Context) -> Done {
    context.connect().await?;
    context.out.info("Resurrecting");
    match context.verb("resurrect", []).await {
        Ok(_) => {}
        Err(CommandError::Client(error)) if !error.is_fatal() => print(context, error),
        Err(error) => return Err(error),
    }
    context.print_list().await?;
    let pid = std::fs::read_to_string(context.session.home().pid_file()).unwrap_or_default();
    sd_notify::ready(&pid).map_err(|error| {
        ClientError::Refused(format!("cannot tell systemd that all is up: {error}"))
    })?;
    Ok(ExitCode::SUCCESS)
}

fn print(context: &Context, error: ClientError) {
    error::print(&error.into(), &context.out);
}
