//! `install`, `uninstall`: modules.

use std::process::ExitCode;

use super::{CommandError, Context, Done};
use crate::client::ClientError;

#[derive(Debug, clap::Args)]
pub(crate) struct InstallArgs {
    /// A module that npm knows, a tarball, a folder, or `.` to develop the one that is here
    module: String,
    /// Accepted and without effect: modules of pm2 7 are npm's
    #[arg(long, hide = true)]
    safe: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct UninstallArgs {
    /// Name of a module, or `all`
    module: String,
}

pub(super) async fn cmd_install(context: &Context, args: InstallArgs) -> Done {
    context.connect().await?;
    context.verb("install", [args.module.into()]).await?;
    context.print_list().await?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn cmd_uninstall(context: &Context, args: UninstallArgs) -> Done {
    context.connect().await?;
    match context.verb("uninstall", [args.module.into()]).await {
        Ok(_) => {}
        Err(CommandError::Client(ClientError::Refused(text))) if text == "Unknown module" => {
            context
                .out
                .error_lines("[PM2][Module][ERROR] Unknown module");
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error),
    }
    context.print_list().await?;
    Ok(ExitCode::SUCCESS)
}
