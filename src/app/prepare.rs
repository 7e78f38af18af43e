//! Puts the full process environment together.

use std::path::Path;

use serde_json::{Map, Value};

use super::{
    AppError, Caller, Declaration, Warning,
    environment::{self, Surroundings},
    interpreter::{self, Interpreter},
    log_paths, owner,
    script::{self, Script},
    text::{base_name, resolve},
};

/// How a declaration is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The environment chosen with `--env`: its `env_<name>` is laid over `env`.
    pub env_name: Option<String>,
    /// Whether it comes from an object or a file, not from `start(string)`.
    pub from_object: bool,
}

/// The argument of `prepare`, and what the caller should be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The process environment: attributes flat, variables in `env`.
    pub env: Map<String, Value>,
    /// Such as an `--env` that is not declared.
    pub warnings: Vec<Warning>,
}

/// Attributes that only say how to make the process environment.
const USED_UP: [&str; 6] = [
    "script",
    "out_file",
    "error_file",
    "log_file",
    "pid_file",
    "execute_command",
];

/// Makes the process environment of a declaration: finds script, interpreter and user, decides the mode, names the
/// files, merges the variables. The daemon adds ids, counters and `unique_id`.
pub fn process_env(
    declaration: &Declaration,
    caller: &Caller,
    options: &Options,
) -> Result<Prepared, AppError> {
    let declared_script = declaration.text("script").ok_or(AppError::NoScript)?;
    let cwd = resolve(&caller.cwd, declaration.text("cwd").unwrap_or_default());
    let name = app_name(declaration, options);
    let script = script::find(declared_script, &cwd, caller)?;
    let interpreter = interpreter_of(&script, declaration, caller)?;
    let owner = owner::find(declaration, caller)?;

    let mut env = declaration.attributes().clone();
    for attribute in USED_UP {
        env.shift_remove(attribute);
    }
    let user = owner.as_ref().and_then(|owner| owner.user.as_ref());
    let (variables, warnings) = environment::build(
        declaration,
        &Surroundings {
            caller,
            name: &name,
            env_name: options.env_name.as_deref(),
            from_object: options.from_object,
            user_home: user.map(|user| user.home.as_str()),
            is_python: interpreter.is_python(),
        },
    );
    let mut set = |key: &str, value: Value| {
        env.insert(key.to_owned(), value);
    };
    set("name", name.as_str().into());
    set("env", variables.into());
    set("pm_cwd", cwd.to_string_lossy().into());
    set("username", caller.username.as_str().into());
    set("km_link", false.into());
    if let Some(owner) = &owner {
        set("gid", owner.gid.into());
    }
    if let Some(user) = user {
        set("uid", user.uid.into());
    }
    set_command(&mut env, &script, &interpreter);
    set_mode(&mut env, declaration, &interpreter);
    set_defaults(&mut env);
    log_paths::set(&mut env, &name, declaration, &cwd, caller);
    Ok(Prepared { env, warnings })
}

/// The name an app is going to have: the declared one or the script's, with the chosen environment's behind it if the
/// declaration asks for that.
pub fn app_name(declaration: &Declaration, options: &Options) -> String {
    let script = || base_name(declaration.text("script").unwrap_or_default());
    let name = declaration.text("name").unwrap_or_else(script);
    let appended = declaration.get("append_env_to_name") == Some(&Value::Bool(true));
    match &options.env_name {
        Some(env_name) if appended => format!("{name}-{env_name}"),
        _ => name.to_owned(),
    }
}

fn interpreter_of(
    script: &Script,
    declaration: &Declaration,
    caller: &Caller,
) -> Result<Interpreter, AppError> {
    let declared = declaration.text("exec_interpreter");
    match script {
        Script::File(path) => interpreter::choose(declared, path, caller),
        Script::Shell { shell, .. } => interpreter::choose(Some(interpreter::NONE), shell, caller),
    }
}

fn set_command(env: &mut Map<String, Value>, script: &Script, interpreter: &Interpreter) {
    let mut node_args: Vec<Value> = interpreter
        .args
        .iter()
        .map(|arg| arg.as_str().into())
        .collect();
    if let Some(Value::Array(declared)) = env.get("node_args") {
        node_args.extend(declared.clone());
    }
    let text = |path: &Path| Value::from(path.to_string_lossy());
    let path = match script {
        Script::File(path) => text(path),
        Script::Shell { shell, line } => {
            env.insert("args".to_owned(), vec!["-c", line.as_str()].into());
            text(shell)
        }
    };
    env.insert("pm_exec_path".to_owned(), path);
    env.insert(
        "exec_interpreter".to_owned(),
        interpreter.program.as_str().into(),
    );
    env.insert("node_args".to_owned(), node_args.into());
}

/// Decides between fork and cluster, and whether the processes share their logs.
fn set_mode(env: &mut Map<String, Value>, declaration: &Declaration, interpreter: &Interpreter) {
    let declared = declaration.text("exec_mode");
    let instances = declaration.get("instances");
    // Fewer than -1 means cluster to nobody but us: pm2 then starts as many forks.
    let many = instances
        .is_some_and(|count| count.as_f64() >= Some(1.0) || matches!(count.as_i64(), Some(0 | -1)));
    let mode = match declared {
        Some(mode) => mode,
        None if many && interpreter.is_node() => "cluster_mode",
        None => "fork_mode",
    };
    let merged = merges_logs(declaration);
    env.insert("exec_mode".to_owned(), mode.into());
    env.entry("instances").or_insert(1.into());
    if merged {
        env.insert("merge_logs".to_owned(), true.into());
    } else {
        env.shift_remove("merge_logs");
    }
}

/// Whether the processes share their logs: as declared, else when it is a single fork, or one per core.
pub(super) fn merges_logs(declaration: &Declaration) -> bool {
    let count = declaration
        .get("instances")
        .map(|count| count.as_i64() == Some(0));
    let single = declaration.text("exec_mode") != Some("cluster_mode") && count.unwrap_or(true);
    declaration
        .get("merge_logs")
        .map_or(single, |merge| merge == true)
}

pub(super) fn set_defaults(env: &mut Map<String, Value>) {
    for name in [
        "vizion",
        "autostart",
        "autorestart",
        "pmx",
        "automation",
        "treekill",
        "windowsHide",
    ] {
        env.entry(name).or_insert(true.into());
    }
    env.entry("namespace").or_insert("default".into());
    env.entry("instance_var")
        .or_insert("NODE_APP_INSTANCE".into());
    env.entry("kill_retry_time").or_insert(100.into());
    if env.get("automation") == Some(&Value::Bool(false)) {
        env.insert("pmx".to_owned(), false.into());
    }
    if env.get("time") == Some(&Value::Bool(true)) {
        env.entry("log_date_format")
            .or_insert("YYYY-MM-DDTHH:mm:ss".into());
    }
}

#[cfg(test)]
mod tests;
