//! `startOrRestart`: the apps that a file declares, restarted if they are listed and started if not.

use std::process::ExitCode;

use serde_json::Map;

use super::{
    Context, Done,
    start::{FileArgs, start_declared},
};
use crate::{app, client::ClientError};

#[derive(Debug, clap::Args)]
pub(crate) struct StartOrRestartArgs {
    /// A file that declares apps, or `-` for such a text on standard input
    file: String,
    /// Act only on these apps, names with `,` between them
    #[arg(long, value_name = "NAMES")]
    only: Option<String>,
    /// Add the variables of the file's `env_<NAME>`
    #[arg(long = "env", value_name = "NAME")]
    env_name: Option<String>,
    /// Take the environment of this shell anew; always done where the file declares none
    #[arg(short = 'a', long, hide = true)]
    update_env: bool,
}

pub(super) async fn cmd_start_or_restart(context: &Context, args: StartOrRestartArgs) -> Done {
    let StartOrRestartArgs { file, .. } = &args;
    if file != "-" && !app::is_config_file(file) {
        let text = format!(
            "{file} is no file that declares apps: expected *.json, *.yml, *.toml or *.config.js"
        );
        return Err(ClientError::Usage(text).into());
    }
    context.connect().await?;
    let chosen = FileArgs {
        only: args.only.clone(),
        env: args.env_name.clone(),
    };
    start_declared(context, file.as_str().into(), &Map::new(), &chosen).await?;
    context.print_list().await?;
    Ok(ExitCode::SUCCESS)
}
