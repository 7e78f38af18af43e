//! `start`: scripts, options, files, and apps that do not come up.

use serde_json::Value;

use crate::cli::{fails, home, list, ok, statuses};

#[test]
fn what_cannot_be_started() {
    let home = home();
    let script = home.folder().join("nope.sh").display().to_string();
    ok(&home, &["start", "up.sh"]);
    assert_eq!(
        fails(&home, &["start", "nope.sh"]),
        format!("[PM2][ERROR] Script not found: {script}\n")
    );
    assert_eq!(
        fails(&home, &["start", "up.sh"]),
        "[PM2][ERROR] Script already launched, add -f option to force re-execution\n"
    );
    assert_eq!(
        fails(&home, &["start"]),
        "[PM2][ERROR] File ecosystem.config.js not found\n"
    );
    let (code, out, err) = home.command(&["start", "up.sh", "--name", "b", "--max-restarts", "x"]);
    let wrong =
        "Expect \"max_restarts\" to be a typeof [object Number], but now is [object String]\n";
    assert_eq!(
        (code, out, err),
        (
            1,
            format!("[PM2][WARN] {wrong}"),
            format!("[PM2][ERROR] {wrong}")
        )
    );
    let unknown = fails(&home, &["start", "up.sh", "--max-restart", "3"]);
    assert!(
        unknown.contains("unexpected argument '--max-restart'")
            && unknown.contains("'--max-restarts'"),
        "{unknown}"
    );
    assert_eq!(list(&home).len(), 1);
}

#[test]
fn start_or_restart() {
    let home = home();
    let app = |name: &str| {
        format!(
            r#"{{"script": "up.sh", "name": "{name}", "env": {{"A": "1"}}, "env_prod": {{"A": "2"}}}}"#
        )
    };
    let text = format!("[{},{}]", app("a"), app("b"));
    home.write("apps.json", &text);
    let out = ok(&home, &["startOrRestart", "apps.json", "--only", "a"]);
    assert!(
        out.contains("[PM2] App [a] launched (1 instances)\n"),
        "{out}"
    );
    let out = ok(&home, &["startOrRestart", "apps.json", "--env", "prod"]);
    assert!(
        out.contains("[PM2] [a](0) ✓\n") && out.contains("[PM2] App [b] launched (1 instances)\n"),
        "{out}"
    );
    let seen = |process: &Value| process["pm2_env"]["env"]["A"].clone();
    let seen: Vec<Value> = list(&home).iter().map(seen).collect();
    assert_eq!(seen, ["2", "2"]);
    let (code, out, _) = home.command_with_input(&["startOrRestart", "-"], &text);
    assert!(code == 0 && out.contains("[PM2] [b](1) ✓\n"), "{out}");
    assert_eq!(list(&home)[1]["pm2_env"]["restart_time"], 1);
    assert_eq!(
        fails(&home, &["startOrRestart", "none.json"]),
        "[PM2][ERROR] File none.json not found\n"
    );
    assert!(fails(&home, &["startOrRestart", "up.sh"]).contains("no file that declares apps"));
}

#[test]
fn an_app_that_dies_at_once_is_reported() {
    let home = home();
    home.write("typo.sh", "echo first >&2\necho second >&2\nexit 3\n");
    let (code, out, err) = home.command(&["start", "typo.sh", "up.sh", "--no-autorestart"]);
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains("[PM2] Done.") && out.contains("stopped"),
        "{out}"
    );
    let log = home.home().logs().join("typo-error.log");
    let expected = format!(
        "[PM2][ERROR] App [typo](0) ended at once with exit code 3; it is not restarted\n{} last lines:\nfirst\nsecond\n",
        log.display()
    );
    assert_eq!(err, expected);
    assert_eq!(statuses(&home)[1], ("up".to_owned(), "online".to_owned()));

    home.write("done.sh", "exit 0\n");
    ok(&home, &["start", "done.sh", "--no-autorestart"]);
    let err = fails(&home, &["start", "done.sh", "--name", "again"]);
    assert!(
        err.contains("App [again](3) ended at once with exit code 0")
            && err.contains("--no-autorestart"),
        "{err}"
    );
}

#[test]
fn files_and_standard_input_declare_apps() {
    let home = home();
    home.write("apps.json", r#"{"apps": [{"name": "a", "script": "up.sh"}, {"name": "b", "script": "up.sh", "env_x": {"V": "1"}}]}"#);
    home.write("one.yaml", "apps:\n  - name: c\n    script: up.sh\n");
    let out = ok(&home, &["start", "apps.json", "--only", "b", "--env", "x"]);
    assert!(out.contains("[PM2][WARN] Applications b not running, starting...\n[PM2] App [b] launched (1 instances)\n"), "{out}");
    assert_eq!(list(&home)[0]["pm2_env"]["V"], "1");
    let out = ok(&home, &["start", "apps.json", "one.yaml"]);
    assert!(
        out.contains("[PM2][WARN] Applications a not running")
            && out.contains("on app [b](ids: [ 0 ])\n[PM2] [b](0) ✓"),
        "{out}"
    );
    home.write(
        "more.json",
        r#"[{"name": "a", "script": "up.sh"}, {"name": "never", "script": "up.sh"}]"#,
    );
    ok(&home, &["stop", "more.json"]);
    ok(&home, &["stop", "apps.json"]);
    let mut found = statuses(&home);
    found.sort();
    let expected = [("a", "stopped"), ("b", "stopped"), ("c", "online")];
    assert_eq!(
        found,
        expected.map(|(name, status)| (name.to_owned(), status.to_owned()))
    );
    ok(&home, &["restart", "one.yaml"]);
    ok(&home, &["delete", "apps.json"]);
    assert_eq!(list(&home).len(), 1);

    let declared = r#"[{"name": "piped", "script": "up.sh"}]"#;
    let (code, out, err) = home.command_with_input(&["start", "-"], declared);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("App [piped] launched"), "{out}");

    home.write(
        "wrong.json",
        r#"{"apps": [{"name": "d", "script": "up.sh", "max_restarts": "x"}]}"#,
    );
    let (code, out, err) = home.command(&["start", "wrong.json"]);
    assert_eq!((code, err.as_str()), (1, ""));
    assert!(
        out.starts_with("[PM2][WARN] Expect \"max_restarts\""),
        "{out}"
    );
    home.write(
        "missing.json",
        r#"{"apps": [{"name": "e", "script": "nope.sh"}, {"name": "f", "script": "up.sh"}]}"#,
    );
    let err = fails(&home, &["start", "missing.json"]);
    assert_eq!(
        err,
        format!(
            "[PM2][ERROR] Error: Script not found: {}\n",
            home.folder().join("nope.sh").display()
        )
    );
    assert!(statuses(&home).contains(&("f".to_owned(), "online".to_owned())));
}

#[test]
fn options_are_attributes() {
    let home = home();
    let args = [
        "start",
        "up.sh",
        "-n",
        "web",
        "--namespace",
        "blue",
        "-i",
        "2",
        "-k",
        "1234",
        "--max-restarts",
        "3",
        "--no-autorestart",
        "-o",
        "out.log",
        "--restart-delay",
        "50",
        "--",
        "-a",
        "b c",
    ];
    ok(&home, &args);
    let processes = list(&home);
    assert_eq!(processes.len(), 2);
    let env = &processes[0]["pm2_env"];
    assert_eq!(env["args"], serde_json::json!(["-a", "b c"]));
    for (key, value) in [
        ("kill_timeout", 1234),
        ("max_restarts", 3),
        ("restart_delay", 50),
    ] {
        assert_eq!(env[key], value, "{key}");
    }
    assert_eq!(
        (&env["autorestart"], &env["namespace"]),
        (&Value::Bool(false), &Value::from("blue"))
    );
    assert_eq!(ok(&home, &["id", "web"]), "[ 0, 1 ]\n");
    let pids: Vec<String> = processes
        .iter()
        .map(|process| process["pid"].to_string())
        .collect();
    assert_eq!(ok(&home, &["pid", "web"]), pids.join("\n") + "\n");
    ok(&home, &["stop", "blue"]);
    assert!(
        statuses(&home)
            .iter()
            .all(|(_, status)| status == "stopped")
    );
}
