//! `report`: everything that a report of a problem should have.

use std::{env, process::ExitCode};

use serde_json::Value;

use super::{CommandError, Context, Done};
use crate::{
    cli::{listed, logs::tail::last_lines, units},
    protocol::rpm2_version,
    sys::machine,
};

/// Lines of the daemon's log.
const LINES: usize = 20;

pub(super) async fn cmd_report(context: &Context) -> Done {
    context.connect().await?;
    let daemon = context.session.call("getReport", &["{}"]).await?;
    let daemon = daemon.as_deref().map_or("{}", |raw| raw.get());
    let daemon: Value = serde_json::from_str(daemon).map_err(CommandError::Answer)?;
    let processes = context.processes().await?;
    let out = &context.out;
    out.data("```");
    out.data(&section(
        "rpm2 report",
        &[("Date", units::date(listed::now()))],
    ));
    out.data(&section("Daemon", &daemon_lines(&daemon)));
    out.data(&section("CLI", &cli_lines()));
    out.data(&section("System info", &system_lines()));
    out.data(&section("rpm2 list", &[]));
    out.data(&listed::render(processes, out));
    out.data(&section("Daemon logs", &[]));
    let log = context.session.home().daemon_log();
    let lines = last_lines(&log, LINES).unwrap_or_default();
    out.data(&format!("{} last {LINES} lines:", log.display()));
    out.data(lines.trim_end());
    out.data("```");
    Ok(ExitCode::SUCCESS)
}

fn daemon_lines(daemon: &Value) -> Vec<(&'static str, String)> {
    let text = |key: &str| match daemon.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(words)) => {
            let words = words.iter().filter_map(Value::as_str);
            words.collect::<Vec<_>>().join(" ")
        }
        None | Some(Value::Null) => "N/A".to_owned(),
        Some(other) => other.to_string(),
    };
    let started = daemon.get("started_at").and_then(Value::as_i64);
    let uptime = started.map_or_else(
        || "N/A".to_owned(),
        |started| units::duration(listed::now() - started),
    );
    vec![
        ("pm2d version", text("pm2_version")),
        ("rpm2 version", text("rpm2_version")),
        ("rpm2 path", text("rpm2_path")),
        ("node version", text("node_version")),
        ("argv", text("argv")),
        ("user", text("user")),
        ("uid", text("uid")),
        ("gid", text("gid")),
        ("uptime", uptime),
        ("apps", text("managed_apps")),
    ]
}

fn cli_lines() -> Vec<(&'static str, String)> {
    let variable = |name| env::var(name).unwrap_or_else(|_| "N/A".to_owned());
    let path = env::current_exe()
        .map_or_else(|error| error.to_string(), |path| path.display().to_string());
    let args: Vec<String> = env::args_os()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    vec![
        ("local rpm2", rpm2_version().to_owned()),
        ("rpm2 path", path),
        ("argv", args.join(" ")),
        ("user", variable("USER")),
        ("uid", nix::unistd::geteuid().to_string()),
        ("gid", nix::unistd::getegid().to_string()),
        ("home", variable("HOME")),
    ]
}

fn system_lines() -> Vec<(&'static str, String)> {
    let (memory, available) = machine::look().memory;
    let processors = std::thread::available_parallelism();
    vec![
        ("arch", env::consts::ARCH.to_owned()),
        ("platform", env::consts::OS.to_owned()),
        (
            "cpus nb",
            processors.map_or_else(|_| "N/A".to_owned(), |count| count.to_string()),
        ),
        ("freemem", available.to_string()),
        ("totalmem", memory.to_string()),
    ]
}

fn section(title: &str, lines: &[(&str, String)]) -> String {
    let title = format!("--- {title} ");
    let mut all = vec![format!("{title:-<79}")];
    let lines = lines.iter();
    all.extend(lines.map(|(name, value)| format!("{name:<21}: {value}")));
    if all.len() > 1 {
        all.push("=".repeat(79));
    }
    all.join("\n")
}
