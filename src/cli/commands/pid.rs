//! `pid`: process ids, one a line.

use std::process::ExitCode;

use super::{Context, Done};

#[derive(Debug, clap::Args)]
pub(crate) struct PidArgs {
    /// Name or id of an app; all without
    name: Option<String>,
}

pub(super) async fn cmd_pid(context: &Context, args: PidArgs) -> Done {
    context.connect().await?;
    let processes = context.processes().await?;
    let wanted = processes.iter().filter(|process| {
        let name = args.name.as_deref();
        name.is_none_or(|name| process.name == name || process.id() == name)
    });
    let pids: Vec<String> = wanted.map(|process| process.pid.to_string()).collect();
    context.out.data(&pids.join("\n"));
    Ok(ExitCode::SUCCESS)
}
