//! `serve`: an app that serves the files of a folder.

use std::process::ExitCode;

use serde_json::Value;

use super::{Context, Done};
use crate::cli::{app_options::AppOptions, error::about};

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// The folder
    #[arg(default_value = ".")]
    path: String,
    /// The port [default: 8080]
    #[arg(value_name = "PORT")]
    number: Option<String>,
    /// Answer with index.html for what does not exist
    #[arg(long)]
    spa: bool,
    /// List folders without an index.html
    #[arg(long)]
    ftp: bool,
    /// User that everybody needs
    #[arg(long, value_name = "NAME")]
    basic_auth_username: Option<String>,
    /// Password that everybody needs
    #[arg(long, value_name = "TEXT")]
    basic_auth_password: Option<String>,
    /// Monitoring by pm2.io; not supported
    #[arg(long, value_name = "APP", hide = true)]
    monitor: Option<String>,
    #[command(flatten)]
    app: AppOptions,
}

pub(super) async fn cmd_serve(context: &Context, args: ServeArgs) -> Done {
    context.connect().await?;
    let mut options = args.app.given;
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            options.insert(key.to_owned(), value);
        }
    };
    set("spa", args.spa.then(|| true.into()));
    set("ftp", Some(args.ftp.into()));
    set(
        "basic_auth_username",
        args.basic_auth_username.map(Value::from),
    );
    set(
        "basic_auth_password",
        args.basic_auth_password.map(Value::from),
    );
    set("monitor", args.monitor.map(Value::from));
    let port = args.number.map_or(Value::Null, Value::from);
    let words = [args.path.as_str().into(), port, Value::Object(options)];
    let done = context.verb("serve", words).await;
    done.map_err(|error| about(&args.path, error))?;
    context.print_list().await?;
    Ok(ExitCode::SUCCESS)
}
