//! The `rpm2` command: parse, run, exit code. One file a verb in [`commands`]; only [`output`] prints.

#![forbid(unsafe_code)]

mod app_options;
mod commands;
mod context;
mod deploy;
mod early_exit;
mod error;
mod foreground;
mod listed;
mod logs;
mod monit;
mod output;
mod sd_notify;
mod shortcut;
mod table;
mod units;

use std::{ffi::OsStr, process::ExitCode};

use clap::{Parser, error::ErrorKind};

use self::{
    commands::Command,
    output::{Output, Settings},
};
use crate::{app::config::SUBCOMMAND, serve};

/// pm2, rebuilt in Rust: keeps programs running.
#[derive(Debug, Parser)]
#[command(
    name = "rpm2",
    disable_version_flag = true,
    disable_help_subcommand = true,
    override_usage = "rpm2 [options] <command>"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    global: GlobalArgs,
    /// Print the version
    #[arg(short = 'v', short_alias = 'V', long)]
    version: bool,
}

/// Options of every command.
#[derive(Debug, Default, clap::Args)]
struct GlobalArgs {
    /// Print no messages, only data and the exit code (also `PM2_SILENT=1`)
    #[arg(short, long, global = true)]
    silent: bool,
    /// Print lists without colour and boxes
    #[arg(short, long, global = true)]
    mini_list: bool,
    /// Print no colour (also `NO_COLOR=1`); without a terminal there is none anyway
    #[arg(long, global = true)]
    no_color: bool,
    /// Sort lists: `name`, `id`, `pid`, `status`, `cpu`, `memory`, `uptime` or `restarts`, with `:asc` or `:desc`
    #[arg(long, global = true, value_name = "FIELD:ORDER")]
    sort: Option<String>,
}

/// Runs the command line and returns its exit code.
pub fn main() -> ExitCode {
    // Before anything else is read: these are what a command becomes when it launches a daemon, and what `serve` runs.
    match std::env::args_os()
        .nth(1)
        .as_deref()
        .and_then(OsStr::to_str)
    {
        Some("keeper") => return crate::keeper::main(),
        Some("daemon") => return crate::daemon::main(),
        Some(SUBCOMMAND) => return serve::main(),
        _ => {}
    }
    let cli = match shortcut::read(std::env::args_os().skip(1)).map_or_else(Cli::try_parse, Ok) {
        Ok(cli) => cli,
        Err(error) => return complain(&error),
    };
    let out = Output::new(&Settings {
        silent: cli.global.silent,
        mini_list: cli.global.mini_list,
        no_color: cli.global.no_color,
        sort: cli.global.sort,
    });
    if cli.version {
        out.data(crate::protocol::rpm2_version());
        return out.exit_code(true);
    }
    let Some(command) = cli.command else {
        out.data(USAGE);
        return ExitCode::FAILURE;
    };
    match commands::run(command, &out) {
        Ok(code) if code == ExitCode::SUCCESS => out.exit_code(true),
        Ok(code) => code,
        Err(error) => {
            error::print(&error, &out);
            ExitCode::FAILURE
        }
    }
}

const USAGE: &str = "usage: rpm2 [options] <command>

rpm2 -h, --help             all available commands and options
rpm2 <command> -h           help on a specific command

Access rpm2 files in ~/.rpm2";

/// Help goes to standard output; anything else is a mistake in the command line, which pm2 answers with 1.
fn complain(error: &clap::Error) -> ExitCode {
    // A closed pipe is no reason to fail: whoever asked has seen enough.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
