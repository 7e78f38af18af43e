//! `runtime`, also the command `rpm2-runtime`: one app, or a file's, in the foreground, for containers.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{
    CommandError, Context, Done,
    start::{FileArgs, start_declared, start_named},
    target::declared_apps,
};
use crate::{
    app,
    cli::{app_options::AppOptions, foreground::Foreground, logs::lines::Shape},
    client::ClientError,
};

/// Where the apps' output goes besides ours, unless something else is said: nowhere.
const NOWHERE: &str = "/dev/null";

#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the flags of the command line"
)]
pub(crate) struct RuntimeArgs {
    /// A script, or a file that declares apps; the word `start` before it may be left out
    #[arg(required = true, num_args = 1..=2, value_name = "FILE")]
    words: Vec<String>,
    /// Arguments of the script
    #[arg(last = true, value_name = "ARGS", allow_hyphen_values = true)]
    script_args: Vec<String>,
    /// Print the output alone [default]
    #[arg(long)]
    raw: bool,
    /// Print each line behind number and name of its app
    #[arg(long)]
    formatted: bool,
    /// Print each line as `timestamp=... app=... id=... type=... message=...`
    #[arg(long)]
    format: bool,
    /// Print each line as JSON
    #[arg(long)]
    json: bool,
    /// Wait so many seconds before the start
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    delay: f64,
    /// Go on when no app is left
    #[arg(long)]
    no_auto_exit: bool,
    /// With a file: act only on these apps, names with `,` between them
    #[arg(long, value_name = "NAMES")]
    only: Option<String>,
    /// With a file: add the variables of its `env_<NAME>`
    #[arg(long = "env", value_name = "NAME")]
    env_name: Option<String>,
    #[command(flatten)]
    app: AppOptions,
}

pub(super) async fn cmd_runtime(context: &Context, args: RuntimeArgs) -> Done {
    let target = match &args.words[..] {
        [file] => file.clone(),
        [start, file] if start == "start" => file.clone(),
        other => {
            let text = format!("expected one file, got `{}`", other.join(" "));
            return Err(ClientError::Usage(text).into());
        }
    };
    let shape = shape(&args);
    let exits_alone = !args.no_auto_exit;
    let foreground = Foreground::begin(context).await?;
    if let Ok(delay) = Duration::try_from_secs_f64(args.delay) {
        tokio::time::sleep(delay).await;
    }
    if let Err(error) = start(context, &target, args).await {
        context.verb("killDaemon", []).await?;
        return Err(error);
    }
    foreground.stay(context, shape, exits_alone).await
}

fn shape(args: &RuntimeArgs) -> Shape {
    match args {
        _ if args.json => Shape::Json,
        _ if args.format => Shape::KeyValue,
        _ if args.formatted => Shape::Named,
        _ => Shape::Raw,
    }
}

async fn start(context: &Context, target: &str, args: RuntimeArgs) -> Result<(), CommandError> {
    let mut options = args.app.given;
    if !args.script_args.is_empty() {
        options.insert("scriptArgs".to_owned(), args.script_args.into());
    }
    if target != "-" && !app::is_config_file(target) {
        quiet(&mut options, ["outFile", "errorFile"]);
        start_named(context, target, &options).await?;
        return Ok(());
    }
    let mut apps = declared_apps(context, target).await?;
    for app in &mut apps {
        for (names, option) in [
            (OUT_NAMES, options.get("outFile")),
            (ERR_NAMES, options.get("errorFile")),
        ] {
            if !names.iter().any(|name| app.contains_key(*name)) {
                let file = option.cloned().unwrap_or_else(|| NOWHERE.into());
                app.insert(names[0].to_owned(), file);
            }
        }
    }
    let file = FileArgs {
        only: args.only,
        env: args.env_name,
    };
    let apps = apps.into_iter().map(Value::Object).collect();
    start_declared(context, apps, &options, &file).await?;
    Ok(())
}

/// What an app may call its log of standard output.
const OUT_NAMES: &[&str] = &[
    "out_file", "outFile", "out", "output", "out_log", "log_file", "log",
];
/// And that of standard error.
const ERR_NAMES: &[&str] = &[
    "error_file",
    "errorFile",
    "error",
    "err",
    "err_file",
    "err_log",
    "log_file",
    "log",
];

fn quiet(options: &mut Map<String, Value>, names: [&str; 2]) {
    for name in names {
        options.entry(name).or_insert(NOWHERE.into());
    }
}
