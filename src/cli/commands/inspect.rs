//! `inspect`: opens the inspector of an app.

use std::process::ExitCode;

use serde_json::Value;

use super::{Context, Done, trigger::refuse};

#[derive(Debug, clap::Args)]
pub(crate) struct InspectArgs {
    /// Name or id
    name: String,
}

pub(super) async fn cmd_inspect(context: &Context, args: InspectArgs) -> Done {
    context.connect().await?;
    let replies = match context.verb("inspect", [args.name.as_str().into()]).await {
        Ok(replies) => replies,
        Err(error) => {
            let text = format!("Unable to activate inspect mode on {} !!!", args.name);
            context.out.lines(&text);
            return refuse(context, error);
        }
    };
    let replies: Vec<Value> = replies
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default();
    let opened = replies
        .iter()
        .filter_map(|reply| reply["data"]["return"].as_str());
    let mut is_open = false;
    for url in opened {
        is_open = true;
        context
            .out
            .lines(&format!("Inspect mode enabled on {}: {url}", args.name));
    }
    if is_open {
        return Ok(ExitCode::SUCCESS);
    }
    let text = format!("Unable to activate inspect mode on {} !!!", args.name);
    context.out.lines(&text);
    Ok(ExitCode::FAILURE)
}
