//! `prettylist`: every process as indented JSON.

use std::process::ExitCode;

use serde_json::{Value, value::RawValue};

use super::{CommandError, Context, Done};

pub(super) async fn cmd_prettylist(context: &Context) -> Done {
    context.connect().await?;
    let list = context.verb("list", []).await?;
    let text = list.as_deref().map_or("[]", RawValue::get);
    let list: Value = serde_json::from_str(text).map_err(CommandError::Answer)?;
    let text = serde_json::to_string_pretty(&list).map_err(CommandError::Answer)?;
    context.out.data(&text);
    Ok(ExitCode::SUCCESS)
}
