//! `trigger`: an action that apps have announced.

use std::process::ExitCode;

use serde_json::Value;

use super::{CommandError, Context, Done};
use crate::client::ClientError;

#[derive(Debug, clap::Args)]
pub(crate) struct TriggerArgs {
    /// Id, name, namespace or `all`
    target: String,
    /// Name of the action; `describe` lists them
    action: String,
    /// What the action is given
    #[arg(allow_hyphen_values = true)]
    parameters: Option<String>,
}

pub(super) async fn cmd_trigger(context: &Context, args: TriggerArgs) -> Done {
    context.connect().await?;
    let options = args.parameters.map_or(Value::Null, Value::from);
    let done = context
        .verb("trigger", [args.target.into(), args.action.into(), options])
        .await;
    match done {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(error) => refuse(context, error),
    }
}

/// pm2's words, without a prefix.
pub(super) fn refuse(context: &Context, error: CommandError) -> Done {
    let CommandError::Client(ClientError::Refused(text)) = &error else {
        return Err(error);
    };
    context.out.error_lines(match text.as_str() {
        "Unknown process" => "Not any process has received a command (offline or unexistent)",
        text => text,
    });
    Ok(ExitCode::FAILURE)
}
