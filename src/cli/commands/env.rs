//! `env`: the environment of a process.

use std::process::ExitCode;

use super::{Context, Done};
use crate::{cli::listed::text_of, client::ClientError};

#[derive(Debug, clap::Args)]
pub(crate) struct EnvArgs {
    /// Number of the process
    id: String,
}

pub(super) async fn cmd_env(context: &Context, args: EnvArgs) -> Done {
    context.connect().await?;
    let processes = context.processes().await?;
    let Some(process) = processes.iter().find(|process| process.id() == args.id) else {
        let text = format!("Modules with id {} not found", args.id);
        return Err(ClientError::Refused(text).into());
    };
    let variables = process
        .pm2_env
        .get("env")
        .and_then(serde_json::Value::as_object);
    let lines = variables
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}: {}", text_of(Some(value))));
    context.out.data(&lines.collect::<Vec<_>>().join("\n"));
    Ok(ExitCode::SUCCESS)
}
