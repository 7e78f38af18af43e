//! `sendSignal`: a signal to a process, or to every process of a name.

use std::process::ExitCode;

use super::{CommandError, Context, Done};
use crate::client::ClientError;

#[derive(Debug, clap::Args)]
pub(crate) struct SendSignalArgs {
    /// Name of the signal, such as SIGUSR2
    signal: String,
    /// Id or name
    target: String,
}

pub(super) async fn cmd_send_signal(context: &Context, args: SendSignalArgs) -> Done {
    context.connect().await?;
    let SendSignalArgs { signal, target } = args;
    let (verb, kind) = match target.parse::<u32>() {
        Ok(_) => ("sendSignalToProcessId", "id"),
        Err(_) => ("sendSignalToProcessName", "name"),
    };
    context
        .out
        .info(&format!("Sending signal to process {kind} {target}"));
    match context
        .verb(verb, [signal.as_str().into(), target.as_str().into()])
        .await
    {
        Ok(_) => {}
        Err(CommandError::Client(ClientError::Refused(text))) => {
            context.out.error_lines(&text);
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error),
    }
    context.out.lines(&format!(
        "successfully sent signal {signal} to process {kind} {target}"
    ));
    context.print_list().await?;
    Ok(ExitCode::SUCCESS)
}
