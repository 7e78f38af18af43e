//! `deploy`: apps on other machines.

use std::process::ExitCode;

use super::{CommandError, Context, Done, start::default_file};
use crate::{app, cli::deploy, client::ClientError};

#[derive(Debug, clap::Args)]
pub(crate) struct DeployArgs {
    /// A file that has `deploy` [default: ecosystem.config.js], the environment, and what to do: `setup`, `update`
    /// [default], `revert [n]`, `curr`, `prev`, `list`, `exec <command>`, or a commit
    #[arg(required = true, num_args = 1.., value_name = "[FILE] ENVIRONMENT COMMAND", allow_hyphen_values = true)]
    words: Vec<String>,
    /// Deploy although changes here are not pushed
    #[arg(long)]
    force: bool,
}

pub(super) async fn cmd_deploy(context: &Context, args: DeployArgs) -> Done {
    let mut words = args.words;
    // `allow_hyphen_values` is for the command; this option may stand anywhere.
    let before = words.len();
    words.retain(|word| word != "--force");
    let force = args.force || words.len() < before;
    let file = if words.first().is_some_and(|word| app::is_config_file(word)) {
        words.remove(0)
    } else {
        default_file()
    };
    if words.is_empty() {
        let text = "deploy expects an environment, such as `production`".to_owned();
        return Err(ClientError::Usage(text).into());
    }
    let environment = words.remove(0);
    let order = deploy::Order::parse(&words).map_err(ClientError::Usage)?;
    let (path, caller) = (file.clone(), context.session.caller().clone());
    let config = tokio::task::spawn_blocking(move || app::load_file(&path, &caller)).await;
    let config = config.map_err(|error| CommandError::System(error.into()))??;
    let declared = config.deploy.ok_or_else(|| {
        ClientError::Usage(format!(
            "{file} declares nothing to deploy: it has no `deploy`"
        ))
    })?;
    deploy::run(context, &declared, &environment, &order, force)?;
    Ok(ExitCode::SUCCESS)
}
