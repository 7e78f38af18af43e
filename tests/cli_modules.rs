//! `install`, `uninstall`: modules, from folders, so that no network is needed.

use std::fs;

use serde_json::{Value, json};

use crate::{
    cli::{home, list, ok, statuses},
    support::homes::TestHome,
};

/// Writes a package that is a module, unless it is given no apps.
fn package(home: &TestHome, version: &str, apps: Value) {
    let folder = home.folder().join("source");
    fs::create_dir_all(&folder).unwrap();
    let text = json!({
        "name": "my-mod", "version": version, "apps": apps, "config": { "level": "info", "size": 5 }
    });
    fs::write(folder.join("package.json"), text.to_string()).unwrap();
    fs::write(folder.join("mod.sh"), "exec sleep 1000\n").unwrap();
}

/// Runs the command with an npm that asks nobody.
#[track_caller]
fn run(home: &TestHome, args: &[&str]) -> (i32, String, String) {
    let cache = home.folder().join("npm");
    let variables = [
        ("npm_config_offline", "true"),
        ("npm_config_update_notifier", "false"),
        ("npm_config_cache", cache.to_str().unwrap()),
    ];
    home.command_with_env(args, &variables)
}

fn apps() -> Value {
    json!([{ "script": "mod.sh" }])
}

fn version(home: &TestHome) -> Value {
    let folder = home.home().modules().join("my-mod/node_modules/my-mod");
    let text = fs::read_to_string(folder.join("package.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["version"].clone()
}

fn left(home: &TestHome) -> Vec<String> {
    let entries = fs::read_dir(home.home().modules()).unwrap().flatten();
    entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_module_is_installed_runs_with_every_daemon_and_is_removed() {
    let home = home();
    package(&home, "1.0.0", apps());
    ok(&home, &["set", "my-mod:level", "debug"]);
    let (code, out, err) = run(&home, &["install", "./source"]);
    assert_eq!(code, 0, "{out}{err}");
    for line in [
        "[PM2][Module] Installing NPM ./source module",
        "[PM2][Module] Module downloaded",
        "$ rpm2 set my-mod:level debug",
        "$ rpm2 set my-mod:size 5",
        "[PM2][Module] Module successfully installed and launched",
        "Module",
    ] {
        assert!(out.lines().any(|found| found == line), "{line} in\n{out}");
    }
    let settings = fs::read_to_string(home.home().module_conf()).unwrap();
    let settings: Value = serde_json::from_str(&settings).unwrap();
    assert_eq!(
        settings,
        json!({ "my-mod": { "level": "debug", "size": 5 }, "module-db-v2": { "my-mod": {} } })
    );
    let process = &list(&home)[0];
    let env = &process["pm2_env"];
    let folder = home.home().modules().join("my-mod/node_modules/my-mod");
    assert_eq!(process["name"], "my-mod");
    assert_eq!(
        (&env["pmx_module"], &env["pm_cwd"]),
        (&json!(true), &json!(folder))
    );
    assert_eq!(
        (&env["level"], &env["my-mod"]),
        (&json!("debug"), &json!("{\"level\":\"debug\",\"size\":5}"))
    );

    // Modules are not among what `all` means, and are not saved: they are installed.
    ok(&home, &["start", "up.sh"]);
    ok(&home, &["stop", "all"]);
    let state = |name: &str, status: &str| (name.to_owned(), status.to_owned());
    assert_eq!(
        statuses(&home),
        [state("my-mod", "online"), state("up", "stopped")]
    );
    ok(&home, &["save"]);
    let dump: Vec<Value> = serde_json::from_slice(&fs::read(home.home().dump()).unwrap()).unwrap();
    assert_eq!(dump.len(), 1, "{dump:?}");

    ok(&home, &["kill"]);
    ok(&home, &["ping"]);
    assert_eq!(statuses(&home), [state("my-mod", "online")]);

    let out = ok(&home, &["uninstall", "my-mod"]);
    assert!(
        out.starts_with("[PM2][Module] Uninstalling module my-mod\n"),
        "{out}"
    );
    assert!(list(&home).is_empty() && left(&home).is_empty());
    assert!(ok(&home, &["get", "my-mod"]).contains("my-mod:level debug"));
    let (code, _, err) = home.command(&["uninstall", "my-mod"]);
    assert_eq!(
        (code, err.as_str()),
        (1, "[PM2][Module][ERROR] Unknown module\n")
    );
}

#[test]
fn another_version_takes_the_place_of_the_one_before_or_that_stays() {
    let home = home();
    package(&home, "1.0.0", apps());
    assert_eq!(run(&home, &["install", "./source"]).0, 0);
    let first = list(&home)[0]["pid"].clone();
    package(&home, "2.0.0", apps());
    assert_eq!(run(&home, &["module:update", "./source"]).0, 0);
    assert_eq!(version(&home), "2.0.0");
    let second = list(&home)[0]["pid"].clone();
    assert!(list(&home).len() == 1 && first != second);

    for (apps, why) in [
        (json!([]), "declares no apps"),
        (json!([{ "script": 5 }]), "script"),
        (json!([{ "script": "none.sh" }]), "Script not found"),
    ] {
        package(&home, "3.0.0", apps);
        let (code, out, err) = run(&home, &["install", "./source"]);
        assert_eq!(code, 1, "{out}");
        assert!(err.contains(why) || out.contains(why), "{why}: {out}{err}");
    }
    let (code, _, err) = run(&home, &["install", "no-such-module-anywhere"]);
    let failed =
        "[PM2][ERROR] Installation failed via NPM, module has been restored to prev version\n";
    assert!(code == 1 && err.ends_with(failed), "{err}");
    assert_eq!(version(&home), "2.0.0");
    assert_eq!(list(&home)[0]["pid"], second);
    assert_eq!(left(&home), ["my-mod"]);
}

#[test]
fn a_module_is_developed_where_it_is() {
    let home = home();
    package(&home, "1.0.0", apps());
    let mut command = home.prepare_command(&["install", "."]);
    let output = command
        .current_dir(home.folder().join("source"))
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && out.contains("DEVELOPMENT MODE"),
        "{out}"
    );
    let process = &list(&home)[0];
    assert_eq!(process["pm2_env"]["watch"], true);
    assert_eq!(
        process["pm2_env"]["pm_cwd"],
        json!(home.folder().join("source"))
    );
    assert!(left(&home).is_empty());
}

#[test]
fn without_npm_it_is_said() {
    let home = home();
    let variables = [("PATH", "/none")];
    let (code, _, err) = home.command_with_env(&["install", "x"], &variables);
    assert!(
        code == 1 && err.contains("npm, which is not in PATH"),
        "{err}"
    );
}
