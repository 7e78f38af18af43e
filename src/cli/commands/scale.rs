//! `scale`: more or fewer processes of an app.

use std::process::ExitCode;

use super::{CommandError, Context, Done};
use crate::client::ClientError;

#[derive(Debug, clap::Args)]
pub(crate) struct ScaleArgs {
    /// Name of an app
    name: String,
    /// Number of processes, or `+n` or `-n`
    #[arg(allow_hyphen_values = true)]
    number: String,
}

pub(super) async fn cmd_scale(context: &Context, args: ScaleArgs) -> Done {
    context.connect().await?;
    let ScaleArgs { name, number } = args;
    let done = context
        .verb("scale", [name.as_str().into(), number.into()])
        .await;
    done.map_err(|error| about(&name, error))?;
    context.print_list().await?;
    Ok(ExitCode::SUCCESS)
}

fn about(name: &str, error: CommandError) -> CommandError {
    let CommandError::Client(ClientError::Refused(text)) = &error else {
        return error;
    };
    let text = match text.as_str() {
        "App not found" => format!("Application {name} not found"),
        "Same process number" => "Nothing to do".to_owned(),
        _ => return error,
    };
    ClientError::Refused(text).into()
}
