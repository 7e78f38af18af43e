//! The daemon's half: what a process environment says about the process to start. Pure, apart from looking at files.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

pub use super::text::file_name;

use super::{interpreter::NONE, text::split_arguments, value::number_from};

/// How an app is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// An ordinary process.
    Fork,
    /// A worker of Node's cluster.
    Cluster,
}

impl Mode {
    /// The mode that a process environment asks for.
    pub fn of(pm2_env: &Map<String, Value>) -> Self {
        match pm2_env.get("exec_mode").and_then(Value::as_str) {
            Some("cluster_mode" | "cluster") => Self::Cluster,
            _ => Self::Fork,
        }
    }
}

/// What to execute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Name to look up, or path, of the program.
    pub program: String,
    /// Its arguments, without the program's own name.
    pub args: Vec<String>,
}

/// The command of a process environment: interpreter, its arguments, the script, the script's arguments; with the
/// interpreter `none` the script itself. `None` if there is no `pm_exec_path`.
pub fn command(pm2_env: &Map<String, Value>) -> Option<Command> {
    let script = pm2_env.get("pm_exec_path")?.as_str()?.to_owned();
    let args = words(pm2_env.get("args"));
    let interpreter = pm2_env
        .get("exec_interpreter")
        .and_then(Value::as_str)
        .filter(|interpreter| !interpreter.is_empty() && *interpreter != NONE);
    Some(match interpreter {
        None => Command {
            program: script,
            args,
        },
        Some(interpreter) => {
            let mut all = words(pm2_env.get("node_args"));
            all.push(script);
            all.extend(args);
            Command {
                program: interpreter.to_owned(),
                args: all,
            }
        }
    })
}

/// A list of arguments, or one text of them.
pub(super) fn words(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(list)) => list.iter().map(javascript_text).collect(),
        Some(Value::String(text)) => split_arguments(text),
        _ => Vec::new(),
    }
}

/// The variables that the app sees: every attribute that is a scalar, and for a worker of a cluster the text that
/// JavaScript makes of the others. What cannot be a variable (an empty name, `=` in it, a NUL) is left out.
pub fn child_environment(pm2_env: &Map<String, Value>, mode: Mode) -> Vec<(String, String)> {
    pm2_env
        .iter()
        .filter(|(_, value)| match value {
            Value::Null => false,
            Value::Array(_) | Value::Object(_) => mode == Mode::Cluster,
            _ => true,
        })
        .map(|(name, value)| (name.clone(), javascript_text(value)))
        .filter(|(name, value)| {
            !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0')
        })
        .collect()
}

/// `String(value)` of JavaScript.
fn javascript_text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => match number.as_f64().and_then(number_from) {
            Some(whole) if number.is_f64() => whole.to_string(),
            _ => number.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::Object(_) => "[object Object]".to_owned(),
        Value::Array(list) => {
            let items: Vec<String> = list
                .iter()
                .map(|item| {
                    if item.is_null() {
                        String::new()
                    } else {
                        javascript_text(item)
                    }
                })
                .collect();
            items.join(",")
        }
    }
}

/// The file of one process: `-<id>` before a final `.log` or `.pid`, in place of a `-<digits>` that is there. A path
/// without that ending, and with `merged` any path, is the file itself. Pid files are never merged.
pub fn instance_path(path: &str, pm_id: u64, merged: bool) -> String {
    let ending = [".log", ".pid"]
        .into_iter()
        .find(|ending| path.ends_with(ending));
    let Some(ending) = ending.filter(|_| !merged) else {
        return path.to_owned();
    };
    let stem = &path[..path.len() - ending.len()];
    let stem = match stem.rsplit_once('-') {
        Some((stem, id)) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) => stem,
        _ => stem,
    };
    format!("{stem}-{pm_id}{ending}")
}

/// Whether there is an executable file at `path`.
pub fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The executable file that `name` means: with a `/` a path seen from `cwd`, else the first in the folders of `path`
/// (the value of PATH).
pub fn find_program(name: &str, path: Option<&str>, cwd: &Path) -> Option<PathBuf> {
    if name.is_empty() {
        return None;
    }
    if name.contains('/') {
        return Some(cwd.join(name)).filter(|file| is_program(file));
    }
    path?
        .split(':')
        .map(|folder| cwd.join(folder).join(name))
        .find(|file| is_program(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn commands_are_interpreter_script_and_arguments() {
        let of = |value: Value| {
            command(&map(&value)).map(|command| (command.program, command.args.join("|")))
        };
        let text = |program: &str, args: &str| Some((program.to_owned(), args.to_owned()));
        assert_eq!(
            of(
                json!({"pm_exec_path": "/a.js", "exec_interpreter": "node", "node_args": ["--x"], "args": ["a", 1]})
            ),
            text("node", "--x|/a.js|a|1")
        );
        assert_eq!(
            of(
                json!({"pm_exec_path": "/bin/bash", "exec_interpreter": "none", "node_args": ["--x"], "args": ["-c", "echo hi"]})
            ),
            text("/bin/bash", "-c|echo hi")
        );
        assert_eq!(
            of(json!({"pm_exec_path": "/a.js", "exec_interpreter": "node", "args": "a 'b c'"})),
            text("node", "/a.js|a|b c")
        );
        assert_eq!(of(json!({"exec_interpreter": "node"})), None);
    }

    #[test]
    fn variables_are_the_scalars_and_in_cluster_the_text_of_the_rest() {
        let env = map(&json!({
            "name": "a", "pm_id": 0, "vizion": true, "f": 1.5, "whole": 2.0, "nul": null, "args": ["a", ["b", null]],
            "env": {"A": 1}, "bad=name": "x", "bytes": "a\u{0}b", "": "x"
        }));
        let of = |mode| {
            let pairs = child_environment(&env, mode);
            pairs
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of(Mode::Fork),
            ["name=a", "pm_id=0", "vizion=true", "f=1.5", "whole=2"]
        );
        assert_eq!(
            of(Mode::Cluster),
            [
                "name=a",
                "pm_id=0",
                "vizion=true",
                "f=1.5",
                "whole=2",
                "args=a,b,",
                "env=[object Object]"
            ]
        );
    }

    #[test]
    fn ids_go_before_the_ending_in_place_of_an_old_one() {
        for (path, merged, expected) in [
            ("/l/app-out.log", false, "/l/app-out-7.log"),
            ("/l/app-out-3.log", false, "/l/app-out-7.log"),
            ("/l/app.pid", false, "/l/app-7.pid"),
            ("/l/app-out.log", true, "/l/app-out.log"),
            ("/l/out.txt", false, "/l/out.txt"),
            ("/dev/null", false, "/dev/null"),
            ("/l/a-.log", false, "/l/a--7.log"),
        ] {
            assert_eq!(instance_path(path, 7, merged), expected);
        }
    }

    #[test]
    fn programs_are_executable_files() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tool");
        std::fs::write(&file, "").unwrap();
        let path = format!("/nonexistent:{}", dir.path().display());
        let find = |name: &str| find_program(name, Some(&path), dir.path());
        assert_eq!(find("tool"), None);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find("tool"), Some(file));
        assert!(find("./tool").is_some());
        assert_eq!(find(""), None);
        assert_eq!(find_program("tool", None, dir.path()), None);
    }
}
