//! `save`: the list of processes on disk, for `resurrect`.

use std::process::ExitCode;

use super::{CommandError, Context, Done};
use crate::client::{ClientError, verbs};

#[derive(Debug, clap::Args)]
pub(crate) struct SaveArgs {
    /// Save the list although it is empty
    #[arg(short, long)]
    force: bool,
}

pub(super) async fn cmd_save(context: &Context, args: SaveArgs) -> Done {
    context.connect().await?;
    context.out.info("Saving current process list...");
    match context.verb("dump", [args.force.into()]).await {
        Ok(_) => {}
        Err(CommandError::Client(ClientError::Refused(text))) if text == verbs::EMPTY_LIST => {
            context
                .out
                .advise("PM2 is not managing any process, skipping save...");
            context.out.advise("To force saving use: rpm2 save --force");
        }
        Err(error) => return Err(error),
    }
    Ok(ExitCode::SUCCESS)
}
