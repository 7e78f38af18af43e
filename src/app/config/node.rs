//! Configurations that are code: run by a short-lived Node.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::Deserialize;
use serde_json::Value;

use super::ConfigError;
use crate::app::{
    Caller,
    interpreter::{STRIP_TYPES, TypeScript, node_version, typescript_support},
};

/// The program that loads the file and prints what it exports.
const LOADER: &str = include_str!("load.cjs");

/// What the loader prints: the exports, or what was thrown.
#[derive(Debug, Deserialize)]
struct Outcome {
    #[serde(default)]
    value: Value,
    name: Option<String>,
    message: Option<String>,
    stack: Option<String>,
}

/// Runs the file at `full` (called `path` in errors) and returns what it exports, functions left out. What it prints
/// goes to our standard error.
pub(super) fn load(
    full: &Path,
    path: &str,
    is_typescript: bool,
    caller: &Caller,
) -> Result<Value, ConfigError> {
    let (runtime, flags) = runtime(path, is_typescript, caller)?;
    let marker = marker();
    let output = Command::new(&runtime)
        .args(flags)
        .args(["-e", LOADER])
        .current_dir(&caller.cwd)
        .env_clear()
        .envs(caller.env.iter().filter(|(name, _)| !name.starts_with("NODE_CHANNEL_")))
        .env("RPM2_CONFIG_FILE", full)
        .env("RPM2_CONFIG_MARKER", &marker)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => ConfigError::NoRuntime {
                path: path.to_owned(),
                needed: "Node.js: install it, put it in PATH, or declare the apps in JSON, YAML or TOML",
            },
            _ => ConfigError::Read { path: path.to_owned(), source },
        })?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let (before, outcome) = match printed.rsplit_once(&format!("\n{marker}")) {
        Some((before, outcome)) => (before, Some(outcome)),
        None => (&*printed, None),
    };
    // Nothing can be done about a closed standard error.
    let _ = io::stderr().write_all(before.as_bytes());
    let thrown = |message| ConfigError::Thrown {
        path: path.to_owned(),
        message,
    };
    let outcome = outcome
        .and_then(|text| serde_json::from_str::<Outcome>(text).ok())
        .ok_or_else(|| {
            thrown(format!(
                "it ended without exporting anything ({})",
                output.status
            ))
        })?;
    match outcome.message {
        Some(message) => Err(thrown(told(
            outcome.name.as_deref(),
            &message,
            outcome.stack.as_deref(),
        ))),
        None => Ok(outcome.value),
    }
}

/// The program that runs the file, and its flags.
fn runtime(
    path: &str,
    is_typescript: bool,
    caller: &Caller,
) -> Result<(PathBuf, &'static [&'static str]), ConfigError> {
    if !is_typescript {
        return Ok((caller.node.clone(), &[]));
    }
    match node_version(&caller.node).map_or(TypeScript::None, typescript_support) {
        TypeScript::Native => Ok((caller.node.clone(), &[])),
        TypeScript::Flag => {
            let flags = &[STRIP_TYPES, "--disable-warning=ExperimentalWarning"];
            Ok((caller.node.clone(), flags))
        }
        TypeScript::None => match caller.find_program("bun") {
            Some(bun) => Ok((bun, &[])),
            None => Err(ConfigError::NoRuntime {
                path: path.to_owned(),
                needed: "Node.js >= 22.6 or bun to run TypeScript: install one of them, or write it in JavaScript",
            }),
        },
    }
}

/// A line that no configuration prints by chance.
fn marker() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("rpm2-config-{}-{}:", process::id(), now.as_nanos())
}

/// Message and the first lines of the stack that say something about the file.
fn told(name: Option<&str>, message: &str, stack: Option<&str>) -> String {
    let mut text = match name {
        Some(name) if name != "Error" => format!("{name}: {message}"),
        _ => message.to_owned(),
    };
    let stack = stack.unwrap_or_default();
    // Before the message of a syntax error stands where it is.
    let place = stack.lines().next().filter(|line| line.starts_with('/'));
    let frames = stack
        .lines()
        .filter(|line| {
            line.trim_start().starts_with("at ")
                && !line.contains("node:internal")
                && !line.contains("[eval]")
        })
        .take(3);
    for line in place.into_iter().chain(frames) {
        text.push_str("\n    ");
        text.push_str(line.trim());
    }
    text
}
