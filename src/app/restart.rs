//! What the client says when it restarts or reloads something: the `env` of `restartProcessId` and its like.

use serde_json::{Map, Value};

use super::{
    Caller, Declaration, Options, Prepared, environment,
    prepare::{app_name, merges_logs, set_defaults},
};

/// The `env` for restarting an existing app with the attributes that a file or an object declares for it. Script,
/// mode and number of processes stay as they are; nothing is looked up.
pub fn restart_env(declaration: &Declaration, caller: &Caller, options: &Options) -> Prepared {
    let (declared, warnings) = environment::declared(declaration, options.env_name.as_deref());
    let name = app_name(declaration, options);
    let mut conf = declaration.attributes().clone();
    conf.shift_remove("exec_mode");
    conf.shift_remove("execute_command");
    conf.insert("name".to_owned(), name.into());
    conf.insert("env".to_owned(), declared.clone().into());
    conf.insert("username".to_owned(), caller.username.as_str().into());
    set_defaults(&mut conf);
    if merges_logs(declaration) {
        conf.insert("merge_logs".to_owned(), true.into());
    }
    let mut env =
        environment::of_caller(caller, declaration.get("filter_env"), options.from_object);
    env.extend(declared);
    env.insert("current_conf".to_owned(), conf.into());
    env.insert("updateEnv".to_owned(), true.into());
    Prepared { env, warnings }
}

/// The `env` for restarting something by its name or id: the attributes that `changes` gives, and with `update` the
/// caller's variables. Unlike pm2, which sets some attributes back to their defaults on every restart, nothing else
/// changes.
pub fn update_env(changes: &Declaration, caller: &Caller, update: bool) -> Map<String, Value> {
    let mut env = if update {
        environment::of_caller(caller, changes.get("filter_env"), false)
    } else {
        Map::new()
    };
    let mut conf = changes.attributes().clone();
    conf.shift_remove("script");
    env.insert("current_conf".to_owned(), conf.into());
    env
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{Program, normalise},
        home::Home,
    };
    use serde_json::json;

    fn caller() -> Caller {
        Caller {
            cwd: "/p".into(),
            env: [("LANG".to_owned(), "C".to_owned())].into(),
            home: Home::at("/h"),
            node: "/node".into(),
            username: "me".to_owned(),
            is_root: false,
            program: Program::Module,
        }
    }

    fn declaration(raw: &Value) -> Declaration {
        normalise(raw.as_object().unwrap()).unwrap().declaration
    }

    /// What pm2 7.0.4 was seen to send, but for the settings variable.
    #[test]
    fn declared_attributes_travel_beside_the_callers_variables() {
        let declared = declaration(&json!({
            "script": "app.js", "name": "app", "max_restarts": 3, "env": {"A": 1, "O": {"x": 1}}, "env_prod": {"B": 2},
            "watch": true, "instances": 2, "exec_mode": "cluster", "out_file": "q.log", "args": "a b", "kill_timeout": 9
        }));
        let options = Options {
            env_name: Some("prod".to_owned()),
            from_object: true,
        };
        let prepared = restart_env(&declared, &caller(), &options);
        assert_eq!(
            Value::Object(prepared.env),
            json!({
                "LANG": "C", "PM2_HOME": "/h", "PM2_PROGRAMMATIC": "true", "PM2_JSON_PROCESSING": "true",
                "current_conf": {
                    "env": {"A": 1, "O": "{\"x\":1}", "B": 2}, "script": "app.js", "name": "app", "args": ["a", "b"],
                    "out_file": "q.log", "instances": 2, "kill_timeout": 9, "vizion": true, "autostart": true,
                    "autorestart": true, "watch": true, "max_restarts": 3, "instance_var": "NODE_APP_INSTANCE",
                    "pmx": true, "automation": true, "treekill": true, "username": "me", "windowsHide": true,
                    "kill_retry_time": 100, "env_prod": {"B": 2}, "namespace": "default"
                },
                "A": 1, "O": "{\"x\":1}", "B": 2, "updateEnv": true
            })
        );
    }

    #[test]
    fn a_single_fork_merges_its_logs_here_too() {
        let prepared = restart_env(
            &declaration(&json!({"script": "a.js"})),
            &caller(),
            &Options::default(),
        );
        assert_eq!(prepared.env["current_conf"]["merge_logs"], true);
        assert_eq!(prepared.env["current_conf"]["name"], "a");
    }

    #[test]
    fn a_restart_by_name_changes_only_what_is_given() {
        let changes = declaration(&json!({"maxRestarts": 5}));
        assert_eq!(
            Value::Object(update_env(&changes, &caller(), false)),
            json!({"current_conf": {"max_restarts": 5}})
        );
        assert_eq!(update_env(&changes, &caller(), true)["LANG"], "C");
    }
}
