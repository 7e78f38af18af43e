use std::{fmt::Write, fs, path::PathBuf};

use serde_json::json;

use super::*;
use crate::{app::Program, home::Home};

/// A folder for one file, and a caller in it with the Node of this machine.
struct Folder {
    dir: tempfile::TempDir,
    caller: Caller,
}

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("home"));
        let mut caller = Caller::current(home, Program::Cli, None).unwrap();
        caller.cwd = dir.path().to_owned();
        Self { dir, caller }
    }

    fn load(&self, name: &str, text: &str) -> Result<Config, String> {
        fs::write(self.dir.path().join(name), text).unwrap();
        load_file(name, &self.caller).map_err(|error| error.to_string())
    }
}

fn load(name: &str, text: &str) -> Result<Config, String> {
    Folder::new().load(name, text)
}

fn apps(config: Result<Config, String>) -> Value {
    config
        .unwrap()
        .apps
        .into_iter()
        .map(Value::Object)
        .collect()
}

#[test]
fn configurations_are_told_from_apps_by_their_name() {
    for name in [
        "a.json",
        "a.yml",
        "x/a.yaml",
        "a.toml",
        "a.config.js",
        "a.config.cjs",
        "a.config.mjs",
        "a.config.ts",
        "a.config.mts",
    ] {
        assert!(is_config_file(name), "{name}");
    }
    for name in ["a.js", "a.ts", "a.mjs", "config.js", "json", "a.json5x"] {
        assert!(!is_config_file(name), "{name}");
    }
}

#[test]
fn json_may_have_comments_trailing_commas_and_javascript_spelling() {
    let text = "\u{feff}{ // comment\n \"apps\": [{script: 'app.js', port: 8080, ratio: 1.5, /* x */ big: 1795360574376, },],\n}";
    assert_eq!(
        apps(load("e.json", text)),
        json!([{"script": "app.js", "port": 8080, "ratio": 1.5, "big": 1_795_360_574_376_i64}])
    );
}

#[test]
fn json_is_never_run() {
    let error = load("e.json", "{apps: [{script: process.exit()}]}").unwrap_err();
    assert!(error.starts_with("File e.json malformated: "), "{error}");
}

#[test]
fn the_top_may_be_apps_pm2_an_app_or_an_array() {
    let app = json!([{"script": "a.js", "name": "n"}]);
    for text in [
        r#"{"apps": [{"script": "a.js", "name": "n"}]}"#,
        r#"{"apps": {"script": "a.js", "name": "n"}}"#,
        r#"{"pm2": [{"script": "a.js", "name": "n"}]}"#,
        r#"{"script": "a.js", "name": "n"}"#,
        r#"[{"script": "a.js", "name": "n"}]"#,
    ] {
        assert_eq!(
            apps(load_text(text, "-").map_err(|error| error.to_string())),
            app,
            "{text}"
        );
    }
    let error = load_text(r#"{"apps": ["a.js"]}"#, "-")
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "File - declares no apps: apps[0] should be an object and is [object String]"
    );
    assert!(load_text("5", "-").is_err());
}

#[test]
fn deploy_and_static_stand_beside_apps() {
    let config = load(
        "e.json",
        r#"{"static": [{"path": "./pub", "port": 9000, "spa": true}], "deploy": {"p": {}}}"#,
    )
    .unwrap();
    assert_eq!(config.apps, []);
    assert_eq!(config.deploy, Some(json!({"p": {}})));
    assert_eq!(
        Value::Object(serving_app(
            &config.statics[0],
            std::path::Path::new("/bin/rpm2")
        )),
        json!({
            "name": "static-page-server-9000", "script": "/bin/rpm2", "interpreter": "none", "args": ["serve-files"],
            "pmx": false, "vizion": false,
            "env": {
                "PM2_SERVE_PORT": 9000, "PM2_SERVE_PATH": "./pub", "PM2_SERVE_SPA": true, "PM2_SERVE_BASIC_AUTH": false,
                "PM2_SERVE_BASIC_AUTH_USERNAME": null, "PM2_SERVE_BASIC_AUTH_PASSWORD": null
            }
        })
    );
}

#[test]
fn yaml_has_anchors_merge_keys_and_the_core_schema() {
    let text = "
base: &base
  exec_mode: cluster
  env: { A: 1, B: \"2\", C: true, D: ~, E: 0x10, F: 1.5, G: 1.2.3, H: !!str 5, 8080: x }
apps:
  - <<: *base
    script: app.js
    exec_mode: fork
    args: a b
    text: |
      two
      lines
";
    let mut config = load("e.yml", text).unwrap();
    config.apps[0].sort_keys();
    assert_eq!(
        Value::Object(config.apps.remove(0)),
        json!({
            "script": "app.js", "exec_mode": "fork", "args": "a b", "text": "two\nlines\n",
            "env": {"A": 1, "B": "2", "C": true, "D": null, "E": 16, "F": 1.5, "G": "1.2.3", "H": "5", "8080": "x"}
        })
    );
}

#[test]
fn yaml_mistakes_say_where() {
    for (text, place) in [
        ("apps:\n - a: [\n", "line 3"),
        (
            "a: 1\na: 2\n",
            "the key \"a\" is there twice at line 2 column 1",
        ),
        ("a: 1\n---\nb: 1\n", "single document"),
        ("a: {<<: 5}", "only a mapping can be merged"),
    ] {
        let error = load("e.yaml", text).unwrap_err();
        assert!(
            error.starts_with("File e.yaml malformated: ") && error.contains(place),
            "{error}"
        );
    }
}

#[test]
fn yaml_aliases_cannot_grow_without_end() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let before = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(text, "a{level}: &a{level} [{before}]").unwrap();
    }
    assert!(
        load("e.yaml", &text)
            .unwrap_err()
            .contains("too many values")
    );
    let deep = "[".repeat(5000);
    assert!(load("e.yaml", &deep).is_err());
}

#[test]
fn toml_declares_apps_as_tables() {
    let text =
        "[[apps]]\nscript = 'app.js'\ninstances = 2\nsince = 2020-01-01\n[apps.env]\nA = 1.5\n";
    assert_eq!(
        apps(load("e.toml", text)),
        json!([{"script": "app.js", "instances": 2, "since": "2020-01-01", "env": {"A": 1.5}}])
    );
    assert!(load("e.toml", "x = ").unwrap_err().contains("line 1"));
}

#[test]
fn javascript_is_run_as_whatever_module_it_is() {
    let app = json!([{"script": "a.js"}]);
    for (name, text) in [
        (
            "e.config.js",
            "console.log('hi'); module.exports = {apps: [{script: 'a.js', f() {}, u: undefined}]}",
        ),
        (
            "e.config.cjs",
            "module.exports = [{script: 'a.js'}]; setInterval(() => {}, 1e6)",
        ),
        (
            "e.config.js",
            "exports.__esModule = true; exports.default = {apps: [{script: 'a.js'}]}",
        ),
        (
            "e.config.js",
            "module.exports = async () => ({apps: [{script: 'a.js'}]})",
        ),
        ("e.config.mjs", "export const apps = [{script: 'a.js'}]"),
        ("e.config.mjs", "export default {apps: [{script: 'a.js'}]}"),
        (
            "e.config.mjs",
            "const script = await Promise.resolve('a.js'); export default () => [{script}]",
        ),
    ] {
        assert_eq!(apps(load(name, text)), app, "{name}: {text}");
    }
}

#[test]
fn a_js_file_of_a_module_package_is_imported() {
    let folder = Folder::new();
    fs::write(
        folder.dir.path().join("package.json"),
        r#"{"type":"module"}"#,
    )
    .unwrap();
    let config = folder.load("e.config.js", "await null; export default {script: 'a.js'}");
    assert_eq!(apps(config), json!([{"script": "a.js"}]));
}

#[test]
fn javascript_sees_the_callers_folder_and_environment() {
    let mut folder = Folder::new();
    folder.caller.env.insert("MINE".to_owned(), "1".to_owned());
    fs::create_dir(folder.dir.path().join("sub")).unwrap();
    let text = "module.exports = {script: process.env.MINE, cwd: process.cwd(), file: __filename, left: process.env.RPM2_CONFIG_FILE, n: 10n, d: new Date(0)}";
    let config = folder.load("sub/e.config.js", text).unwrap();
    let root = fs::canonicalize(folder.dir.path()).unwrap();
    assert_eq!(
        Value::Object(config.apps[0].clone()),
        json!({"script": "1", "cwd": root, "file": root.join("sub/e.config.js"), "n": "10", "d": "1970-01-01T00:00:00.000Z"})
    );
}

#[test]
fn what_javascript_throws_is_told_with_its_place() {
    let error = load("e.config.js", "\nthrow new Error('boom')").unwrap_err();
    assert!(
        error.starts_with("File e.config.js malformated: boom\n    at "),
        "{error}"
    );
    assert!(
        error.contains("e.config.js:2:7") && !error.contains("node:internal"),
        "{error}"
    );
    let error = load("e.config.js", "module.exports = {,}").unwrap_err();
    assert!(
        error.contains("SyntaxError") && error.contains("e.config.js:1"),
        "{error}"
    );
    let error = load(
        "e.config.mjs",
        "export default await Promise.reject('text')",
    )
    .unwrap_err();
    assert!(error.contains("malformated: text"), "{error}");
    let error = load("e.config.js", "process.exit(3)").unwrap_err();
    assert!(
        error.contains("without exporting anything (exit status: 3)"),
        "{error}"
    );
}

#[test]
fn missing_files_and_runtimes_are_told() {
    let mut folder = Folder::new();
    let error = load_file("none.json", &folder.caller)
        .unwrap_err()
        .to_string();
    assert_eq!(error, "File none.json not found");
    folder.caller.node = PathBuf::from("/nonexistent/node");
    let error = folder.load("e.config.js", "").unwrap_err();
    assert!(
        error.starts_with("File e.config.js needs Node.js"),
        "{error}"
    );
    folder
        .caller
        .env
        .insert("PATH".to_owned(), "/nonexistent".to_owned());
    let error = folder.load("e.config.ts", "").unwrap_err();
    assert!(error.contains("needs Node.js >= 22.6 or bun"), "{error}");
}

#[test]
fn typescript_is_run_by_a_node_that_can() {
    let folder = Folder::new();
    let typed = "const port: number = 1; export default {script: 'a.js', port};";
    let loaded = folder.load("e.config.mts", typed);
    let version = crate::app::interpreter::node_version(&folder.caller.node).unwrap();
    if version >= (22, 6) || folder.caller.find_program("bun").is_some() {
        assert_eq!(apps(loaded), json!([{"script": "a.js", "port": 1}]));
    } else {
        assert!(loaded.unwrap_err().contains("needs Node.js >= 22.6 or bun"));
    }
}
