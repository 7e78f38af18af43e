//! Verbs that act on processes the caller names: by name, number, namespace, `/regex/`, `all`, or by a file that
//! declares them.

use serde_json::Value;

use super::{CommandError, Context};
use crate::{
    app::{self, Config, Options, Overrides},
    cli::error::about,
};

/// The processes meant.
#[derive(Debug, clap::Args)]
pub(crate) struct TargetArgs {
    /// Name, id, namespace, /regex/, `all`, a file that declares apps, or `-` for such a text on standard input
    #[arg(required = true, value_name = "TARGET")]
    pub(super) targets: Vec<String>,
    /// With a file: act only on these apps, names with `,` between them
    #[arg(long, value_name = "NAMES")]
    pub(super) only: Option<String>,
}

/// Runs `verb` on each target, stopping at the first that fails; then prints the list.
pub(super) async fn act(
    context: &Context,
    verb: &str,
    args: &TargetArgs,
) -> Result<(), CommandError> {
    context.connect().await?;
    for target in &args.targets {
        if target == "-" || app::is_config_file(target) {
            let names = declared_names(context, target, args.only.as_deref()).await?;
            let listed = context.processes().await?;
            // Declared apps that were never started are passed over, as in pm2.
            let is_listed = |name: &&String| listed.iter().any(|process| process.name == **name);
            for name in names.iter().filter(is_listed) {
                act_on(context, verb, name).await?;
            }
        } else {
            act_on(context, verb, target).await?;
        }
    }
    context.print_list().await
}

async fn act_on(context: &Context, verb: &str, target: &str) -> Result<(), CommandError> {
    context.set_target(target);
    let done = context.verb(verb, [target.into()]).await;
    done.map(drop).map_err(|error| about(target, error))
}

/// Names of the apps that a file declares.
async fn declared_names(
    context: &Context,
    target: &str,
    only: Option<&str>,
) -> Result<Vec<String>, CommandError> {
    let apps = declared_apps(context, target).await?;
    let batch = app::declare(&apps, &Overrides::default(), only, &Options::default())?;
    Ok(batch.apps.into_iter().map(|(name, _)| name).collect())
}

/// Attributes of one app as they are declared.
pub(super) type RawApp = serde_json::Map<String, Value>;

/// The apps that a file, or standard input, declares.
pub(super) async fn declared_apps(
    context: &Context,
    target: &str,
) -> Result<Vec<RawApp>, CommandError> {
    if target == "-" {
        return Ok(read_standard_input()?.all_apps(context.session.binary()));
    }
    let (path, caller) = (target.to_owned(), context.session.caller().clone());
    // It may run Node, which takes a while.
    let config = tokio::task::spawn_blocking(move || app::load_file(&path, &caller)).await;
    let config = config.map_err(|error| CommandError::System(error.into()))?;
    Ok(config?.all_apps(context.session.binary()))
}

/// More than anyone declares.
const INPUT_LIMIT: u64 = 16 * 1024 * 1024;

fn read_standard_input() -> Result<Config, CommandError> {
    use std::io::Read;
    let mut text = String::new();
    let read = std::io::stdin()
        .lock()
        .take(INPUT_LIMIT + 1)
        .read_to_string(&mut text);
    read.map_err(|error| CommandError::Input(format!("cannot be read: {error}")))?;
    if text.len() as u64 > INPUT_LIMIT {
        return Err(CommandError::Input(format!(
            "is more than {INPUT_LIMIT} bytes"
        )));
    }
    Ok(app::load_text(&text, "standard input")?)
}

/// pm2's word when there is no process at all.
pub(super) fn warn_if_none(context: &Context, count: usize) {
    if count == 0 {
        context.out.warn(&CommandError::NoProcess.to_string());
    }
}
