//! `start`: a script, what is listed already, or every app that a file declares.

use std::{path::Path, process::ExitCode};

use serde_json::{Map, Value, value::RawValue};

use super::{CommandError, Context, Done, logs, target::declared_apps};
use crate::{
    app,
    cli::{
        app_options::AppOptions, early_exit, error::about, foreground::Foreground,
        logs::lines::Shape,
    },
    client::ClientError,
};

#[derive(Debug, clap::Args)]
pub(crate) struct StartArgs {
    /// Script, shell command, name, id, namespace, a file that declares apps, or `-` for such a text on standard input
    /// [default: ecosystem.config.js]
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Arguments of the script
    #[arg(last = true, value_name = "ARGS", allow_hyphen_values = true)]
    script_args: Vec<String>,
    /// With a file: act only on these apps, names with `,` between them
    #[arg(long, value_name = "NAMES")]
    only: Option<String>,
    /// With a file: add the variables of its `env_<NAME>`
    #[arg(long = "env", value_name = "NAME")]
    env_name: Option<String>,
    /// Take the environment of this shell anew if the app is listed already
    #[arg(short = 'a', long)]
    update_env: bool,
    /// Stay in the foreground, with a daemon that ends with this command, if none runs yet
    #[arg(long)]
    no_daemon: bool,
    /// Show the logs afterwards, until Ctrl-C
    #[arg(long)]
    attach: bool,
    #[command(flatten)]
    app: AppOptions,
}

/// What concerns files only.
pub(crate) struct FileArgs {
    /// Names of apps.
    pub(super) only: Option<String>,
    /// One of the file's environments.
    pub(super) env: Option<String>,
}

/// Files looked for when nothing is named.
const DEFAULT_FILES: [&str; 9] = [
    "ecosystem.config.js",
    "ecosystem.config.cjs",
    "ecosystem.config.mjs",
    "ecosystem.config.ts",
    "ecosystem.json",
    "ecosystem.yml",
    "ecosystem.yaml",
    "ecosystem.toml",
    "ecosystem.config.json",
];

pub(super) async fn cmd_start(context: &Context, args: StartArgs) -> Done {
    let mut options = args.app.given;
    let targets = if args.targets.is_empty() {
        vec![default_target(&mut options)]
    } else {
        args.targets
    };
    if !args.script_args.is_empty() {
        options.insert("scriptArgs".to_owned(), args.script_args.into());
    }
    options.insert("updateEnv".to_owned(), args.update_env.into());
    let file = FileArgs {
        only: args.only,
        env: args.env_name,
    };
    let foreground = if args.no_daemon && !context.session.connect_running().await? {
        Some(Foreground::begin(context).await?)
    } else {
        context.connect().await?;
        None
    };
    let mut started = Vec::new();
    for target in &targets {
        started.extend(if target == "-" || app::is_config_file(target) {
            start_declared(context, target.as_str().into(), &options, &file).await?
        } else {
            start_named(context, target, &options).await?
        });
    }
    let ended = early_exit::look(context, &started).await?;
    context.print_list().await?;
    if let Some(text) = ended {
        return Err(CommandError::EarlyExit(text));
    }
    if let Some(foreground) = foreground {
        return foreground.stay(context, Shape::Named, false).await;
    }
    if args.attach {
        return logs::show_all(context).await;
    }
    Ok(ExitCode::SUCCESS)
}

/// `--watch` takes a path if one follows: without any target, that was the script.
fn default_target(options: &mut Map<String, Value>) -> String {
    let exists = |name: &&str| Path::new(name).exists();
    if let Some(Value::Array(paths)) = options.get("watch")
        && let Some(Value::String(path)) = paths.first().cloned()
    {
        options.insert("watch".to_owned(), true.into());
        return path;
    }
    let found = DEFAULT_FILES.into_iter().find(exists);
    found.unwrap_or(DEFAULT_FILES[0]).to_owned()
}

pub(super) async fn start_named(
    context: &Context,
    target: &str,
    options: &Map<String, Value>,
) -> Result<Vec<Value>, CommandError> {
    context.set_target(target);
    let done = context
        .verb("start", [target.into(), Value::Object(options.clone())])
        .await;
    if let Err(CommandError::Client(ClientError::Attributes(errors))) = &done {
        // pm2 says it twice when it was an option.
        context.out.error(&errors.to_string());
    }
    let answer = results(done.map_err(|error| about(target, error))?.as_deref());
    if !answer.is_empty() && answer.iter().all(|process| !is_new(process)) {
        context.out.info("Process successfully started");
    }
    Ok(answer)
}

/// Starts or restarts what a file, standard input (`-`) or an array declares.
pub(super) async fn start_declared(
    context: &Context,
    declared: Value,
    options: &Map<String, Value>,
    file: &FileArgs,
) -> Result<Vec<Value>, CommandError> {
    act_on_declared(context, "start", declared, options, file).await
}

/// Starts what a file, standard input (`-`) or an array declares; what is listed already is restarted or reloaded, as `verb` says.
pub(super) async fn act_on_declared(
    context: &Context,
    verb: &str,
    declared: Value,
    options: &Map<String, Value>,
    file: &FileArgs,
) -> Result<Vec<Value>, CommandError> {
    context.set_target("");
    let mut options = options.clone();
    let mut insert = |key: &str, value: &Option<String>| {
        if let Some(value) = value {
            options.insert(key.to_owned(), value.as_str().into());
        }
    };
    insert("only", &file.only);
    insert("env", &file.env);
    let declared = match declared {
        Value::String(text) if text == "-" => {
            let apps = declared_apps(context, &text).await?;
            Value::Array(apps.into_iter().map(Value::Object).collect())
        }
        declared => declared,
    };
    let done = context
        .verb(verb, [declared, Value::Object(options)])
        .await?;
    Ok(results(done.as_deref()))
}

fn results(raw: Option<&RawValue>) -> Vec<Value> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default()
}

/// Whether an answer of `start` is a process that was made, and not one that was restarted.
fn is_new(process: &Value) -> bool {
    process.get("process").is_some()
}
