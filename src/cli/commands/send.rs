//! `send`: a line for an app's standard input.

use std::process::ExitCode;

use super::{CommandError, Context, Done};
use crate::client::ClientError;

#[derive(Debug, clap::Args)]
pub(crate) struct SendArgs {
    /// Number of the process
    #[arg(value_name = "PM_ID")]
    id: String,
    /// The line
    #[arg(allow_hyphen_values = true)]
    line: String,
}

pub(super) async fn cmd_send(context: &Context, args: SendArgs) -> Done {
    context.connect().await?;
    let done = context
        .verb("sendLineToStdin", [args.id.into(), args.line.into()])
        .await;
    done.map_err(|error| match error {
        CommandError::Client(ClientError::Refused(text)) => {
            ClientError::Refused(format!("Error: {text}")).into()
        }
        error => error,
    })?;
    context.print_list().await?;
    Ok(ExitCode::SUCCESS)
}
