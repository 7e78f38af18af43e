use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path};

use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::{
    app::{Program, normalise, options},
    home::Home,
};

/// A folder with a few scripts and programs, and a caller in it.
struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for file in [
            "app.js", "app.cjs", "app.mjs", "app.mts", "app.jsx", "app.py", "app.sh", "app.pl",
            "app.txt", "noext", "app.rb", "app.tsx", "sub/b.js",
        ] {
            write(&dir.path().join("p").join(file), b"1\n", 0o644);
        }
        for program in [
            "bin/bash",
            "bin/python3",
            "bin/perl",
            "bin/node",
            "bin/ts-node",
            "bin/tool",
            "p/binary",
            "nvm/versions/node/v18.2.0/bin/node",
        ] {
            write(&dir.path().join(program), b"\x7fELF\0\0\0", 0o755);
        }
        let settings = br#"{"configured":{"k":"v","n":1}}"#;
        write(&dir.path().join("h/module_conf.json"), settings, 0o600);
        Self { dir }
    }

    fn root(&self) -> String {
        self.dir.path().to_str().unwrap().to_owned()
    }

    fn caller(&self) -> Caller {
        let root = self.root();
        let env = [
            ("PATH", format!("{root}/bin")),
            ("HOME", format!("{root}/home")),
            ("USER", "tester".to_owned()),
            ("PM2_HOME", format!("{root}/h")),
            ("LANG", "C".to_owned()),
        ];
        Caller {
            cwd: self.dir.path().join("p"),
            env: env
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            home: Home::at(self.dir.path().join("h")),
            node: "/opt/node/bin/node".into(),
            username: "{username}".to_owned(),
            is_root: true,
            program: Program::Module,
        }
    }

    fn prepare(&self, declared: &Value) -> Result<Map<String, Value>, String> {
        self.prepare_as(&self.caller(), declared)
    }

    fn prepare_as(&self, caller: &Caller, declared: &Value) -> Result<Map<String, Value>, String> {
        let declared = fill(declared, &self.root());
        let normalised =
            normalise(declared.as_object().unwrap()).map_err(|error| error.to_string())?;
        process_env(&normalised.declaration, caller, &Options::default())
            .map(|prepared| prepared.env)
            .map_err(|error| error.to_string())
    }
}

fn write(path: &Path, content: &[u8], mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn fill(value: &Value, root: &str) -> Value {
    let text = value
        .to_string()
        .replace("{root}", root)
        .replace("{node}", "/opt/node/bin/node");
    serde_json::from_str(&text).unwrap()
}

/// What pm2 7.0.4 was seen to send for a declaration, or to say.
#[derive(Deserialize)]
struct Observation {
    declaration: Option<Value>,
    script: Option<String>,
    options: Option<Map<String, Value>>,
    env_name: Option<String>,
    #[serde(default)]
    caller_env: BTreeMap<String, String>,
    pm2_env: Option<Value>,
    error: Option<String>,
}

#[test]
fn declarations_become_what_pm2_was_seen_to_send() {
    let text = include_str!("../../../tests/fixtures/prepare.json");
    let observations: Vec<Observation> = serde_json::from_str(text).unwrap();
    assert!(observations.len() > 100);
    let world = World::new();
    let mut different = Vec::new();
    for observation in observations {
        let (what, ours) = ours(&world, &observation);
        let theirs = match (observation.pm2_env, observation.error) {
            (_, Some(error)) => Err(error.replace("{root}", &world.root())),
            (Some(pm2_env), None) => Ok(fill(&pm2_env, &world.root())),
            (None, None) => panic!("nothing was observed of {what}"),
        };
        if ours != theirs {
            different.push(format!("{what}\n   {}", difference(&ours, &theirs)));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

fn ours(world: &World, observation: &Observation) -> (String, Result<Value, String>) {
    let root = world.root();
    let raw = match (&observation.declaration, &observation.script) {
        (Some(declaration), _) => fill(declaration, &root).as_object().unwrap().clone(),
        (None, script) => {
            options(
                script.as_deref().unwrap(),
                observation.options.as_ref().unwrap(),
            )
            .0
        }
    };
    let mut caller = world.caller();
    caller.env.extend(
        observation
            .caller_env
            .iter()
            .map(|(name, value)| (name.clone(), value.replace("{root}", &root))),
    );
    let how = Options {
        env_name: observation.env_name.clone(),
        from_object: observation.declaration.is_some(),
    };
    let what = Value::Object(raw.clone()).to_string();
    let ours = normalise(&raw)
        .map_err(|error| error.to_string())
        .and_then(|normalised| {
            process_env(&normalised.declaration, &caller, &how)
                .map(|prepared| Value::Object(prepared.env))
                .map_err(|error| error.to_string())
        });
    (what, ours)
}

fn difference(ours: &Result<Value, String>, theirs: &Result<Value, String>) -> String {
    let (Ok(Value::Object(ours)), Ok(Value::Object(theirs))) = (ours, theirs) else {
        return format!("ours {ours:?}, theirs {theirs:?}");
    };
    let flat = |map: &Map<String, Value>| {
        let mut flat = map.clone();
        if let Some(Value::Object(env)) = flat.shift_remove("env") {
            flat.extend(
                env.into_iter()
                    .map(|(name, value)| (format!("env.{name}"), value)),
            );
        }
        flat
    };
    let (ours, theirs) = (flat(ours), flat(theirs));
    let keys = ours
        .keys()
        .chain(theirs.keys().filter(|key| !ours.contains_key(*key)));
    keys.filter(|key| ours.get(*key) != theirs.get(*key))
        .map(|key| {
            format!(
                "{key}: ours {:?}, theirs {:?}",
                ours.get(key),
                theirs.get(key)
            )
        })
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn a_file_with_a_space_in_its_path_is_run_and_not_taken_for_a_command() {
    let world = World::new();
    write(&world.dir.path().join("p/sp ace.js"), b"1", 0o644);
    let env = world.prepare(&json!({"script": "./sp ace.js"})).unwrap();
    assert_eq!(env["pm_exec_path"], format!("{}/p/sp ace.js", world.root()));
    assert_eq!(
        (&env["exec_interpreter"], &env["name"]),
        (&json!("node"), &json!("sp ace"))
    );
}

#[test]
fn an_executable_text_runs_by_its_own_interpreter_unless_that_is_node() {
    let world = World::new();
    let interpreter = |first_line: &[u8], mode| {
        write(&world.dir.path().join("p/tool2"), first_line, mode);
        world.prepare(&json!({"script": "tool2"})).unwrap()["exec_interpreter"].clone()
    };
    assert_eq!(interpreter(b"#!/bin/sh\necho", 0o755), "none");
    assert_eq!(
        interpreter(b"#!/usr/bin/env node\n1", 0o755),
        "/opt/node/bin/node"
    );
    assert_eq!(interpreter(b"#!/bin/sh\necho", 0o644), "/opt/node/bin/node");
}

#[test]
fn typescript_needs_something_that_runs_it() {
    let world = World::new();
    write(&world.dir.path().join("p/app.ts"), b"1", 0o644);
    let node = |version: &str| {
        let script = format!("#!/bin/sh\necho {version}\n");
        write(&world.dir.path().join("bin/node"), script.as_bytes(), 0o755);
        let env = world.prepare(&json!({"script": "app.ts", "node_args": "--x"}))?;
        Ok::<_, String>((env["exec_interpreter"].clone(), env["node_args"].clone()))
    };
    assert!(
        node("v20.1.0")
            .unwrap_err()
            .starts_with("TypeScript apps require bun")
    );
    assert_eq!(node("v22.18.0"), Ok((json!("node"), json!(["--x"]))));
    assert_eq!(
        node("v22.7.0"),
        Ok((json!("node"), json!(["--experimental-strip-types", "--x"])))
    );
    write(&world.dir.path().join("bin/bun"), b"", 0o755);
    assert_eq!(node("v20.1.0"), Ok((json!("bun"), json!(["--x"]))));
}

#[test]
fn a_caller_that_is_an_app_does_not_pass_its_own_attributes_on() {
    let world = World::new();
    let mut caller = world.caller();
    for (name, value) in [
        ("pm_id", "3"),
        ("unique_id", "u"),
        ("max_restarts", "3"),
        ("cron_restart", "* * * * *"),
        ("uid", "1"),
        ("namespace", "n"),
        ("NODE_APP_INSTANCE", "0"),
        ("NODE_CHANNEL_FD", "3"),
        ("MINE", "1"),
    ] {
        caller.env.insert(name.to_owned(), value.to_owned());
    }
    let env = world
        .prepare_as(&caller, &json!({"script": "app.js"}))
        .unwrap();
    let variables: Vec<&String> = env["env"].as_object().unwrap().keys().collect();
    assert_eq!(
        variables,
        [
            "HOME",
            "LANG",
            "MINE",
            "PATH",
            "PM2_HOME",
            "USER",
            "PM2_PROGRAMMATIC",
            "app"
        ]
    );
}

#[test]
fn the_command_keeps_variables_that_only_look_like_attributes() {
    let world = World::new();
    let mut caller = world.caller();
    caller.program = Program::Cli;
    caller.env.insert("name".to_owned(), "mine".to_owned());
    caller
        .env
        .insert("NODE_UNIQUE_ID".to_owned(), "1".to_owned());
    let env = world
        .prepare_as(&caller, &json!({"script": "app.js"}))
        .unwrap();
    assert_eq!(env["env"]["name"], "mine");
    assert_eq!(env["env"]["PM2_USAGE"], "CLI");
    assert_eq!(env["env"].get("NODE_UNIQUE_ID"), None);
}

#[test]
fn a_variable_called_like_the_app_keeps_its_value() {
    let world = World::new();
    let env = world
        .prepare(&json!({"script": "app.js", "name": "PATH"}))
        .unwrap();
    assert_eq!(env["env"]["PATH"], format!("{}/bin", world.root()));
}

#[test]
fn an_environment_that_is_not_declared_is_warned_of() {
    let world = World::new();
    let raw = json!({"script": "app.js", "env_prod": {}});
    let declaration = normalise(raw.as_object().unwrap()).unwrap().declaration;
    let warnings = |name: &str| {
        let options = Options {
            env_name: Some(name.to_owned()),
            from_object: true,
        };
        process_env(&declaration, &world.caller(), &options)
            .unwrap()
            .warnings
    };
    assert_eq!(warnings("prod"), []);
    assert_eq!(
        warnings("other")[0].to_string(),
        "Environment [other] is not defined in process file"
    );
}

#[test]
fn only_root_chooses_a_user() {
    let world = World::new();
    let mut caller = world.caller();
    caller.is_root = false;
    for declared in [
        json!({"script": "app.js", "uid": 1}),
        json!({"script": "app.js", "gid": 1}),
    ] {
        assert_eq!(
            world.prepare_as(&caller, &declared).unwrap_err(),
            "To use UID and GID please run PM2 as root"
        );
    }
}
