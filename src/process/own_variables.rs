//! Which of an app's variables are its own although they are called like attributes.

use serde_json::Value;

use super::record::Pm2Env;

/// Attributes that are the app's state, not its declaration: no variable of the same name displaces them.
const STATE: [&str; 9] = [
    "status",
    "pm_id",
    "unique_id",
    "pm_uptime",
    "created_at",
    "restart_time",
    "unstable_restarts",
    "version",
    "exit_code",
];

/// A declared variable that is called like an attribute (`name`, `args`) is what the app sees under that name.
pub(super) fn keep_own(variables: &mut [(String, String)], env: &Pm2Env) {
    let instance = env.get("instance_var").and_then(Value::as_str);
    let declared = env.get("env").and_then(Value::as_object);
    for (name, value) in variables {
        if let Some(own) = declared
            .and_then(|declared| declared.get(name))
            .and_then(Value::as_str)
            && !STATE.contains(&name.as_str())
            && instance != Some(name)
        {
            own.clone_into(value);
        }
    }
}
