//! `id`: the numbers of the processes of a name.

use std::process::ExitCode;

use super::{Context, Done};

#[derive(Debug, clap::Args)]
pub(crate) struct IdArgs {
    /// Name of an app
    name: String,
}

pub(super) async fn cmd_id(context: &Context, args: IdArgs) -> Done {
    context.connect().await?;
    let processes = context.processes().await?;
    let ids = processes.iter().filter(|process| process.name == args.name);
    let ids: Vec<String> = ids.map(super::super::listed::Listed::id).collect();
    let text = if ids.is_empty() {
        "[]".to_owned()
    } else {
        format!("[ {} ]", ids.join(", "))
    };
    context.out.data(&text);
    Ok(ExitCode::SUCCESS)
}
