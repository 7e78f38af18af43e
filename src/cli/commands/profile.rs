//! `profile:cpu`, `profile:mem`: a profile of a pm2 daemon.

use std::process::ExitCode;

use serde_json::Value;

use super::{Context, Done};

#[derive(Debug, clap::Args)]
pub(crate) struct ProfileArgs {
    /// Milliseconds
    #[arg(default_value = "10000")]
    time: String,
}

pub(super) async fn cmd_profile(context: &Context, kind: &str, args: ProfileArgs) -> Done {
    context.connect().await?;
    let done = context
        .verb("profile", [kind.into(), args.time.into()])
        .await?;
    let answer: Value = done
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default();
    let file = answer["file"].as_str().unwrap_or_default();
    context.out.lines(&format!("Profile done in {file}"));
    Ok(ExitCode::SUCCESS)
}
