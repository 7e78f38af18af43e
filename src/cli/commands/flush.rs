//! `flush`: empties log files.

use std::process::ExitCode;

use serde_json::Value;

use super::{Context, Done};

#[derive(Debug, clap::Args)]
pub(crate) struct FlushArgs {
    /// Name or id; all without
    target: Option<String>,
}

pub(super) async fn cmd_flush(context: &Context, args: FlushArgs) -> Done {
    context.connect().await?;
    let target = args.target.map_or(Value::Null, Value::from);
    context.verb("flush", [target]).await?;
    Ok(ExitCode::SUCCESS)
}
