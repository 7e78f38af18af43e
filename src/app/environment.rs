//! The environment variables of an app, as its declaration and the caller make them.

use std::fs;

use serde_json::{Map, Value};

use super::{Caller, Declaration, Program, Warning, schema::ATTRIBUTES, value::as_variable};

/// Attributes of a process that its daemon passes on as variables, besides those of [`ATTRIBUTES`].
const PROCESS_VARIABLES: [&str; 33] = [
    "NODE_APP_INSTANCE",
    "_pm2_version",
    "args",
    "axm_actions",
    "axm_dynamic",
    "axm_monitor",
    "axm_options",
    "command",
    "created_at",
    "current_conf",
    "env",
    "exit_code",
    "km_link",
    "node_version",
    "pm_cwd",
    "pm_err_log_path",
    "pm_exec_path",
    "pm_id",
    "pm_log_path",
    "pm_out_log_path",
    "pm_pid_path",
    "pm_uptime",
    "prev_restart_delay",
    "restart_time",
    "status",
    "unique_id",
    "unstable_restarts",
    "version",
    "versioning",
    "vizion_running",
    "PM2_JSON_PROCESSING",
    "PM2_PROGRAMMATIC",
    "PM2_USAGE",
];

/// What pm2 leaves out for a program that uses its module and is no app itself.
const MODULE_VARIABLES: [&str; 43] = [
    "name",
    "args",
    "exec_mode",
    "exec_interpreter",
    "node_args",
    "instances",
    "merge_logs",
    "env",
    "filter_env",
    "watch",
    "autorestart",
    "autostart",
    "stop_exit_codes",
    "kill_retry_time",
    "treekill",
    "instance_var",
    "vizion",
    "pmx",
    "automation",
    "io",
    "username",
    "windowsHide",
    "pm_id",
    "pm_exec_path",
    "pm_cwd",
    "pm_out_log_path",
    "pm_err_log_path",
    "pm_pid_path",
    "status",
    "pm_uptime",
    "created_at",
    "restart_time",
    "unstable_restarts",
    "versioning",
    "axm_actions",
    "axm_monitor",
    "axm_options",
    "axm_dynamic",
    "exit_code",
    "prev_restart_delay",
    "current_conf",
    "command",
    "vizion_running",
];

/// Node takes these for a channel that the app does not have, and dies.
const CHANNEL_VARIABLES: [&str; 3] = [
    "NODE_CHANNEL_FD",
    "NODE_CHANNEL_SERIALIZATION_MODE",
    "NODE_UNIQUE_ID",
];

/// What an app's environment is made of besides its declaration.
pub(super) struct Surroundings<'a> {
    /// Who declares.
    pub caller: &'a Caller,
    /// The app's name.
    pub name: &'a str,
    /// The environment chosen with `--env`.
    pub env_name: Option<&'a str>,
    /// Whether the declaration is an object or a file.
    pub from_object: bool,
    /// The home folder of the app's user, if it is not the caller's.
    pub user_home: Option<&'a str>,
    /// Whether the app is a Python script.
    pub is_python: bool,
}

/// Builds the environment: the caller's variables, `env`, the chosen `env_<name>`, then what pm2 sets.
pub(super) fn build(
    declaration: &Declaration,
    given: &Surroundings<'_>,
) -> (Map<String, Value>, Vec<Warning>) {
    let mut env = inherited(given.caller, declaration.get("filter_env"));
    mark(&mut env, given.caller, given.from_object);
    let mut set = |name: &str, value: Value| {
        env.insert(name.to_owned(), value);
    };
    if let Some(cwd) = declaration.text("cwd") {
        set("PWD", cwd.into());
    }
    if let Some(io) = declaration.get("io") {
        set("io", as_variable(io));
    }
    let (declared, warnings) = declared(declaration, given.env_name);
    env.extend(declared);
    decide(&mut env, declaration, given);
    add_settings(&mut env, given);
    (env, warnings)
}

/// The variables that a declaration names: `env`, then the chosen `env_<name>`.
pub(super) fn declared(
    declaration: &Declaration,
    env_name: Option<&str>,
) -> (Map<String, Value>, Vec<Warning>) {
    let mut variables = Map::new();
    let mut warnings = Vec::new();
    merge(&mut variables, declaration.get("env"));
    if let Some(chosen) = env_name {
        match declaration.get(&format!("env_{chosen}")) {
            Some(more) => merge(&mut variables, Some(more)),
            None => warnings.push(Warning::NoEnvironment(chosen.to_owned())),
        }
    }
    (variables, warnings)
}

/// The caller's variables with those that say what the caller is.
pub(super) fn of_caller(
    caller: &Caller,
    filter: Option<&Value>,
    from_object: bool,
) -> Map<String, Value> {
    let mut env = inherited(caller, filter);
    mark(&mut env, caller, from_object);
    env.insert(
        "PM2_HOME".to_owned(),
        caller.home.root().to_string_lossy().into(),
    );
    env
}

fn mark(env: &mut Map<String, Value>, caller: &Caller, from_object: bool) {
    let (name, value) = match caller.program {
        Program::Cli => ("PM2_USAGE", "CLI"),
        Program::Module => ("PM2_PROGRAMMATIC", "true"),
    };
    env.insert(name.to_owned(), value.into());
    if from_object {
        env.insert("PM2_JSON_PROCESSING".to_owned(), "true".into());
    }
}

/// Sets what neither caller nor declaration can.
fn decide(env: &mut Map<String, Value>, declaration: &Declaration, given: &Surroundings<'_>) {
    let mut set = |name: &str, value: Value| {
        env.insert(name.to_owned(), value);
    };
    if let Some(port) = declaration
        .get("port")
        .filter(|port| port.as_f64() != Some(0.0))
    {
        set("PORT", port.clone());
    }
    if let Some(home) = given.user_home {
        set("HOME", home.into());
    }
    if given.is_python {
        set("PYTHONUNBUFFERED", "1".into());
    }
    set(
        "PM2_HOME",
        given.caller.home.root().to_string_lossy().into(),
    );
}

/// Adds the app's settings from `module_conf.json`: each one, and all of them under the app's name. A variable that
/// happens to be called like the app (PATH!) keeps its value.
fn add_settings(env: &mut Map<String, Value>, given: &Surroundings<'_>) {
    let file = given.caller.home.module_conf();
    let settings = fs::read(file)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Map<String, Value>>(&bytes).ok())
        .and_then(|mut all| all.remove(given.name))
        .unwrap_or_else(|| Value::Object(Map::new()));
    let text = as_variable(&settings);
    merge(env, Some(&settings));
    env.entry(given.name).or_insert(text);
}

fn merge(env: &mut Map<String, Value>, variables: Option<&Value>) {
    if let Some(Value::Object(variables)) = variables {
        env.extend(
            variables
                .iter()
                .map(|(name, value)| (name.clone(), as_variable(value))),
        );
    }
}

/// The caller's variables that the app may see.
fn inherited(caller: &Caller, filter: Option<&Value>) -> Map<String, Value> {
    caller
        .env
        .iter()
        .filter(|(name, value)| !is_own(caller, name, value) && !is_filtered(filter, name))
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect()
}

/// Whether a variable says something about the caller as an app. The daemon lays variables over attributes: one that
/// came through would silently become an attribute of the new app.
fn is_own(caller: &Caller, name: &str, value: &str) -> bool {
    if CHANNEL_VARIABLES.contains(&name) {
        return true;
    }
    if caller.is_app() {
        return PROCESS_VARIABLES.contains(&name)
            || ATTRIBUTES.iter().any(|attribute| attribute.name == name)
            || value == "[object Object]";
    }
    caller.program == Program::Module && MODULE_VARIABLES.contains(&name)
}

/// Whether `filter_env` names the variable: a list by parts of names, a text by the whole name.
fn is_filtered(filter: Option<&Value>, name: &str) -> bool {
    match filter {
        Some(Value::String(whole)) => whole == name,
        Some(Value::Array(parts)) => parts
            .iter()
            .filter_map(Value::as_str)
            .any(|part| !part.is_empty() && name.contains(part)),
        _ => false,
    }
}
