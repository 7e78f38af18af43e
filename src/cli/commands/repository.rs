//! `pull`, `backward`, `forward`: an app's repository at another commit, and the app on it.

use std::process::ExitCode;

use super::{CommandError, Context, Done};
use crate::client::{ClientError, verbs};

#[derive(Debug, clap::Args)]
pub(crate) struct PullArgs {
    /// Name of an app
    name: String,
    /// A commit; without, the newest of the branch that is followed
    commit: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct StepArgs {
    /// Name of an app
    name: String,
}

pub(super) async fn cmd_pull(context: &Context, args: PullArgs) -> Done {
    match args.commit {
        Some(commit) => go(context, "pullCommitId", [args.name.into(), commit.into()]).await,
        None => go(context, "pullAndReload", [args.name.into()]).await,
    }
}

pub(super) async fn cmd_step(context: &Context, verb: &str, args: StepArgs) -> Done {
    go(context, verb, [args.name.into()]).await
}

async fn go<const N: usize>(context: &Context, verb: &str, words: [serde_json::Value; N]) -> Done {
    context.connect().await?;
    match context.verb(verb, words).await {
        Ok(_) => {}
        // pm2 succeeds where there is nothing to do.
        Err(CommandError::Client(ClientError::Refused(text))) if verbs::is_unchanged(&text) => {
            context.out.info(&text);
        }
        Err(CommandError::Client(ClientError::Refused(text)))
            if text.starts_with("No processes with this name") =>
        {
            context.out.error_lines(&text);
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error),
    }
    Ok(ExitCode::SUCCESS)
}
