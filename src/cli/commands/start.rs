//! `start`: a script, what is listed already, or every app that a file declares.

use std::{path::Path, process::ExitCode};

use serde_json::{Map, Value, value::RawValue};

use super::{CommandError, Context, Done, target::declared_apps};
use crate::{
    app,
    cli::{app_options::AppOptions, early_exit, error::about},
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
    context.connect().await?;
    let mut started = Vec::new();
    for target in &targets {
        started.extend(if target == "-" || app::is_config_file(target) {
            start_declared(context, target, &options, &file).await?
        } else {
            start_named(context, target, &options).await?
        });
    }
    let ended = early_exit::look(context, &started).await?;
    context.print_list().await?;
    ended.map_or(Ok(ExitCode::SUCCESS), |text| {
        Err(CommandError::EarlyExit(text))
    })
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

async fn start_named(
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

/// Starts or restarts what a file, or standard input, declares.
pub(super) async fn start_declared(
    context: &Context,
    target: &str,
    options: &Map<String, Value>,
    file: &FileArgs,
) -> Result<Vec<Value>, CommandError> {
    act_on_declared(context, "start", target, options, file).await
}

/// Starts what a file, or standard input, declares; what is listed already is restarted or reloaded, as `verb` says.
pub(super) async fn act_on_declared(
    context: &Context,
    verb: &str,
    target: &str,
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
    let declared = if target == "-" {
        let apps = declared_apps(context, target).await?;
        Value::Array(apps.into_iter().map(Value::Object).collect())
    } else {
        target.into()
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
