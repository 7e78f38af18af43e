//! `jlist`: every process as JSON, verbatim from the daemon.

use std::process::ExitCode;

use serde_json::value::RawValue;

use super::{Context, Done};

pub(super) async fn cmd_jlist(context: &Context) -> Done {
    context.connect().await?;
    let list = context.verb("list", []).await?;
    context
        .out
        .data(list.as_deref().map_or("[]", RawValue::get));
    Ok(ExitCode::SUCCESS)
}
