//! Which apps get the agent that `pmx` stands for. A function of the process environment.

use std::path::Path;

use serde_json::{Map, Value};

use super::launch::words;

/// Tells the agent that the daemon speaks to this very process: it takes the variable away, so that no child has it.
pub const VARIABLE: &str = "RPM2_AGENT";

/// Whether an app gets the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agent {
    /// It is no Node app, or does not want it.
    No,
    /// It does.
    Yes,
    /// It would, but its Node is started with this flag and might then not start at all with the agent.
    Impossible(&'static str),
}

/// Flags under which Node reads only the files that are named beforehand.
const FORBIDDING: [&str; 4] = [
    "--permission",
    "--experimental-permission",
    "--experimental-policy",
    "--policy-integrity",
];

impl Agent {
    /// What the process environment says.
    pub fn of(pm2_env: &Map<String, Value>) -> Self {
        if is_off(pm2_env.get("pmx")) || !is_node(pm2_env.get("exec_interpreter")) {
            return Self::No;
        }
        let flags = [pm2_env.get("node_args"), pm2_env.get("NODE_OPTIONS")];
        let given: Vec<String> = flags.into_iter().flat_map(words).collect();
        FORBIDDING
            .into_iter()
            .find(|flag| given.iter().any(|word| is_flag(word, flag)))
            .map_or(Self::Yes, Self::Impossible)
    }
}

/// `false`, also as text: other clients write it so.
fn is_off(pmx: Option<&Value>) -> bool {
    match pmx {
        Some(Value::Bool(on)) => !on,
        Some(Value::String(text)) => text == "false",
        _ => false,
    }
}

fn is_flag(word: &str, flag: &str) -> bool {
    word.strip_prefix(flag)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

/// `node` and `nodejs`, also with a version (`node-20`, `node18.2`); not `nodemon`, `ts-node` or `bun`.
fn is_node(interpreter: Option<&Value>) -> bool {
    let name = interpreter
        .and_then(Value::as_str)
        .map(Path::new)
        .and_then(|path| path.file_name()?.to_str())
        .unwrap_or_default();
    let rest = name
        .strip_prefix("nodejs")
        .or_else(|| name.strip_prefix("node"));
    let version = |rest: &str| {
        rest.trim_start_matches(['-', 'v'])
            .chars()
            .all(|c| c.is_ascii_digit() || c == '.')
    };
    rest.is_some_and(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(env: Value) -> Agent {
        Agent::of(env.as_object().unwrap())
    }

    #[test]
    fn every_node_app_gets_it_unless_pmx_is_off() {
        for (interpreter, expected) in [
            ("node", Agent::Yes),
            ("/usr/bin/node", Agent::Yes),
            ("/home/me/.nvm/versions/node/v18.2.0/bin/node", Agent::Yes),
            ("nodejs", Agent::Yes),
            ("node18", Agent::Yes),
            ("node-v20.1.0", Agent::Yes),
            ("bun", Agent::No),
            ("ts-node", Agent::No),
            ("nodemon", Agent::No),
            ("/opt/node/bin/tsx", Agent::No),
            ("none", Agent::No),
            ("", Agent::No),
        ] {
            assert_eq!(
                of(json!({ "exec_interpreter": interpreter })),
                expected,
                "{interpreter}"
            );
        }
        assert_eq!(of(json!({})), Agent::No);
        for (pmx, expected) in [
            (json!(false), Agent::No),
            (json!("false"), Agent::No),
            (json!(true), Agent::Yes),
            (json!("true"), Agent::Yes),
            (json!(null), Agent::Yes),
        ] {
            assert_eq!(
                of(json!({ "exec_interpreter": "node", "pmx": pmx })),
                expected,
                "{pmx}"
            );
        }
    }

    #[test]
    fn a_node_that_may_not_read_it_is_started_without() {
        for (flags, expected) in [
            (
                json!({ "node_args": ["--permission"] }),
                Agent::Impossible("--permission"),
            ),
            (
                json!({ "node_args": "--x --experimental-policy=p.json" }),
                Agent::Impossible("--experimental-policy"),
            ),
            (
                json!({ "NODE_OPTIONS": "--inspect --experimental-permission" }),
                Agent::Impossible("--experimental-permission"),
            ),
            (json!({ "node_args": ["--permissions"] }), Agent::Yes),
            (
                json!({ "NODE_OPTIONS": "--max-old-space-size=100" }),
                Agent::Yes,
            ),
        ] {
            let mut env = flags.as_object().unwrap().clone();
            env.insert("exec_interpreter".into(), "node".into());
            assert_eq!(Agent::of(&env), expected, "{flags}");
        }
    }
}
