//! `reset`: counters of processes at zero.

use std::process::ExitCode;

use super::{Context, Done};

#[derive(Debug, clap::Args)]
pub(crate) struct ResetArgs {
    /// Name, id or `all`
    target: String,
}

pub(super) async fn cmd_reset(context: &Context, args: ResetArgs) -> Done {
    context.connect().await?;
    let processes = context.processes().await?;
    let wanted = processes.iter().filter(|process| {
        args.target == "all" || process.name == args.target || process.id() == args.target
    });
    let ids: Vec<String> = wanted.map(super::super::listed::Listed::id).collect();
    if ids.is_empty() {
        context.out.error_lines("Unknown process name");
        return Ok(ExitCode::FAILURE);
    }
    for id in ids {
        context
            .out
            .info(&format!("Resetting meta for process id {id}"));
        context.session.call("resetMetaProcessId", &[&id]).await?;
    }
    context.print_list().await?;
    Ok(ExitCode::SUCCESS)
}
