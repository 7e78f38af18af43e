//! `restart`: ends processes if they run and starts them; `reload`: replaces those of cluster apps so that no client
//! notices. With a file, both start those that are not there too.

use std::process::ExitCode;

use serde_json::{Map, Value};

use super::{
    Context, Done, logs,
    start::{FileArgs, act_on_declared},
    target::TargetArgs,
};
use crate::{
    app,
    cli::{app_options::AppOptions, error::about, output::Style},
};

#[derive(Debug, clap::Args)]
pub(crate) struct RestartArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Take the environment of this shell anew
    #[arg(short = 'a', long)]
    update_env: bool,
    /// With a file: add the variables of its `env_<NAME>`
    #[arg(long = "env", value_name = "NAME")]
    env_name: Option<String>,
    /// Show the logs afterwards, until Ctrl-C
    #[arg(long)]
    attach: bool,
    #[command(flatten)]
    app: AppOptions,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReloadArgs {
    #[command(flatten)]
    restart: RestartArgs,
    /// Reload so many processes of an app at a time
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    parallel: u32,
}

pub(super) async fn cmd_restart(context: &Context, args: RestartArgs) -> Done {
    run(context, "restart", args, Map::new()).await
}

pub(super) async fn cmd_reload(context: &Context, args: ReloadArgs) -> Done {
    let mut more = Map::new();
    more.insert("parallel".to_owned(), args.parallel.into());
    run(context, "reload", args.restart, more).await
}

async fn run(context: &Context, verb: &str, args: RestartArgs, more: Map<String, Value>) -> Done {
    context.connect().await?;
    let mut options = args.app.given;
    options.insert("updateEnv".to_owned(), args.update_env.into());
    options.extend(more);
    let file = FileArgs {
        only: args.target.only,
        env: args.env_name,
    };
    // What a file declares is restarted by `start`.
    let declared_verb = if verb == "restart" { "start" } else { verb };
    for target in &args.target.targets {
        if target == "-" || app::is_config_file(target) {
            act_on_declared(
                context,
                declared_verb,
                target.as_str().into(),
                &options,
                &file,
            )
            .await?;
            continue;
        }
        if !args.update_env {
            let advice = "Use --update-env to update environment variables";
            context
                .out
                .lines(&context.out.paint(Style::BoldBlue, advice));
        }
        context.set_target(target);
        let mut options = options.clone();
        if let Some(name) = &file.env {
            options.insert("env".to_owned(), name.as_str().into());
        }
        let done = context
            .verb(verb, [target.as_str().into(), Value::Object(options)])
            .await;
        done.map_err(|error| about(target, error))?;
    }
    context.print_list().await?;
    if args.attach {
        return logs::show_all(context).await;
    }
    Ok(ExitCode::SUCCESS)
}
