//! `attach`: the terminal's lines to an app, and the app's output to the terminal.

use std::process::ExitCode;

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    signal::unix::{SignalKind, signal},
};

use super::{CommandError, Context, Done};
use crate::{
    cli::logs::{
        follow::{Ended, follow},
        lines::{Lines, Shape},
        sources::{Sources, Streams},
    },
    client::ClientError,
};

#[derive(Debug, clap::Args)]
pub(crate) struct AttachArgs {
    /// Number of the process
    #[arg(value_name = "PM_ID")]
    id: u32,
    /// What ends each line in place of a newline
    separator: Option<String>,
}

/// Ends with Ctrl-C; the end of the input leaves the output on.
pub(super) async fn cmd_attach(context: &Context, args: AttachArgs) -> Done {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let id = args.id.to_string();
    let sources = Sources::new(&id, Streams::Both)?;
    context.connect().await?;
    let processes = context.processes().await?;
    if !processes.iter().any(|process| process.id() == id) {
        return Err(ClientError::Refused(format!("Process with ID <{id}> unknown.")).into());
    }
    let mut subscription = context.session.subscribe();
    subscription.ready().await;
    let lines = Lines::new(Shape::Raw, None, &context.out);
    let output = follow(subscription, &sources, lines, &context.out);
    let input = async {
        pass_on(context, &args).await?;
        std::future::pending::<Result<(), CommandError>>().await
    };
    tokio::select! {
        Ended = output => {}
        ended = input => ended?,
        _ = interrupt.recv() => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Sends what is typed, line by line.
async fn pass_on(context: &Context, args: &AttachArgs) -> Result<(), CommandError> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let end = args.separator.as_deref().unwrap_or("\n");
    while let Some(line) = lines.next_line().await? {
        let words = [args.id.into(), line.into(), end.into()];
        context.verb("sendLineToStdin", words).await?;
    }
    Ok(())
}
