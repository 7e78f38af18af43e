//! `startup`, `unstartup`: rpm2 started with the system.

use std::process::ExitCode;

use serde_json::{Map, Value};

use super::{CommandError, Context, Done};
use crate::client::ClientError;

#[derive(Debug, clap::Args)]
pub(crate) struct StartupArgs {
    /// systemd, openrc or launchd; without, the one that is there
    platform: Option<String>,
    /// Who daemon and apps run as
    #[arg(short, long, value_name = "NAME")]
    user: Option<String>,
    /// The home folder of that user; the daemon's home is `.rpm2` in it
    #[arg(long, value_name = "FOLDER")]
    hp: Option<String>,
    /// Name of the service [default: rpm2-<user>]
    #[arg(long, value_name = "NAME")]
    service_name: Option<String>,
    /// Start only when the network is up
    #[arg(long)]
    wait_ip: bool,
    /// Only write the files, below this folder, as for the image of a system
    #[arg(long, value_name = "FOLDER")]
    root: Option<String>,
}

pub(super) async fn cmd_startup(context: &Context, verb: &str, args: StartupArgs) -> Done {
    let mut options = Map::new();
    for (key, value) in [
        ("user", args.user),
        ("hp", args.hp),
        ("serviceName", args.service_name),
        ("root", args.root),
    ] {
        if let Some(value) = value {
            options.insert(key.to_owned(), value.into());
        }
    }
    options.insert("waitIp".to_owned(), args.wait_ip.into());
    let platform = args.platform.map_or(Value::Null, Value::from);
    match context.verb(verb, [platform, Value::Object(options)]).await {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(CommandError::Client(error @ ClientError::NotRoot { .. })) => {
            context.out.info(&error.to_string());
            Ok(ExitCode::FAILURE)
        }
        Err(error) => Err(error),
    }
}
