//! The command, verb by verb: lines, streams and exit codes.

use std::fs;

use serde_json::Value;

use crate::support::homes::TestHome;

/// A home with a script that sleeps.
pub(crate) fn home() -> TestHome {
    let home = TestHome::new();
    home.write("up.sh", "echo up\nexec sleep 1000\n");
    home
}

/// Runs the command, which must succeed, and returns its standard output.
#[track_caller]
pub(crate) fn ok(home: &TestHome, args: &[&str]) -> String {
    let (code, out, err) = home.command(args);
    assert_eq!((code, err.as_str()), (0, ""), "{args:?}: {out}");
    out
}

/// Runs the command, which must fail with 1, and returns its standard error.
#[track_caller]
pub(crate) fn fails(home: &TestHome, args: &[&str]) -> String {
    let (code, out, err) = home.command(args);
    assert_eq!(code, 1, "{args:?}: {out}{err}");
    err
}

pub(crate) fn list(home: &TestHome) -> Vec<Value> {
    serde_json::from_str(&ok(home, &["jlist"])).unwrap()
}

pub(crate) fn statuses(home: &TestHome) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |process: &Value| (text(&process["name"]), text(&process["pm2_env"]["status"]));
    list(home).iter().map(of).collect()
}

#[test]
fn the_life_of_an_app() {
    let home = home();
    let script = home.folder().join("up.sh");
    let out = ok(&home, &["start", "up.sh", "--name", "web"]);
    let spawned = format!(
        "[PM2] Spawning PM2 daemon with pm2_home={}\n[PM2] PM2 Successfully daemonized\n",
        home.home().root().display()
    );
    let starting = format!(
        "[PM2] Starting {} in fork_mode (1 instance)\n[PM2] Done.\n┌",
        script.display()
    );
    assert!(out.starts_with(&(spawned + &starting)), "{out}");
    assert!(
        out.contains("│ 0  │ web    │ default     │ N/A     │ fork    │"),
        "{out}"
    );

    let out = ok(&home, &["stop", "web"]);
    let stopped =
        "[PM2] Applying action stopProcessId on app [web](ids: [ 0 ])\n[PM2] [web](0) ✓\n┌";
    assert!(
        out.starts_with(stopped) && out.contains("│ 0        │ 0      │ 0    │ stopped"),
        "{out}"
    );
    assert_eq!(
        ok(&home, &["stop", "0"]).lines().next(),
        Some("[PM2] Applying action stopProcessId on app [0](ids: [ '0' ])")
    );

    let out = ok(&home, &["restart", "all"]);
    let restarted = "Use --update-env to update environment variables\n\
        [PM2] Applying action restartProcessId on app [all](ids: [ 0 ])\n[PM2] [web](0) ✓\n┌";
    assert!(
        out.starts_with(restarted) && out.contains("online"),
        "{out}"
    );
    assert!(ok(&home, &["restart", "web", "--update-env"]).starts_with("[PM2] Applying"));
    assert!(
        ok(&home, &["start", "web"])
            .contains("[PM2] [web](0) ✓\n[PM2] Process successfully started\n")
    );

    let out = ok(&home, &["del", "web"]);
    assert!(
        out.starts_with(
            "[PM2] Applying action deleteProcessId on app [web](ids: [ 0 ])\n[PM2] [web](0) ✓\n┌"
        ),
        "{out}"
    );
    assert!(list(&home).is_empty());
}

#[test]
fn what_does_not_exist() {
    let home = home();
    ok(&home, &["ping"]);
    for verb in ["stop", "restart", "delete"] {
        assert_eq!(
            fails(&home, &[verb, "all"]),
            "[PM2][WARN] No process found\n"
        );
        assert_eq!(
            fails(&home, &[verb, "none"]),
            "[PM2][ERROR] Process or Namespace none not found\n"
        );
    }
    assert_eq!(
        fails(&home, &["stop", "99"]),
        "[PM2][ERROR] 99 : id unknown\n"
    );
    assert_eq!(
        fails(&home, &["restart", "99"]),
        "[PM2][ERROR] God db process id unknown\n"
    );
    assert_eq!(
        fails(&home, &["describe", "none"]),
        "[PM2][WARN] none doesn't exist\n"
    );
    assert_eq!(
        fails(&home, &["env", "7"]),
        "[PM2][ERROR] Modules with id 7 not found\n"
    );
    assert_eq!(fails(&home, &["reset", "none"]), "Unknown process name\n");
    assert_eq!(
        fails(&home, &["sendSignal", "SIGUSR2", "none"]),
        "Unknown process name\n"
    );
    assert_eq!(ok(&home, &["id", "none"]), "[]\n");
    assert_eq!(ok(&home, &["pid", "none"]), "\n");
}

#[test]
fn lists_and_descriptions() {
    let home = home();
    ok(
        &home,
        &["start", "up.sh", "--name", "web", "--cron", "0 0 1 1 *"],
    );
    let raw = ok(&home, &["jlist"]);
    assert_eq!(raw.lines().count(), 1);
    let pretty = ok(&home, &["prettylist"]);
    let (raw, pretty): (Value, Value) = (
        serde_json::from_str(&raw).unwrap(),
        serde_json::from_str(&pretty).unwrap(),
    );
    assert_eq!(
        raw[0]["pm2_env"]["created_at"],
        pretty[0]["pm2_env"]["created_at"]
    );
    for alias in ["ls", "l", "ps", "status"] {
        assert!(ok(&home, &[alias]).contains("│ 0  │ web    │"));
    }
    let mini = ok(&home, &["list", "-m"]);
    assert!(
        mini.starts_with("+--- web\nnamespace : default\n") && !mini.contains('│'),
        "{mini}"
    );
    for alias in ["describe", "desc", "info", "show"] {
        let text = ok(&home, &[alias, "web"]);
        assert!(
            text.starts_with(" Describing process with id 0 - name web \n┌"),
            "{text}"
        );
        assert!(text.contains("│ cron restart      │ 0 0 1 1 * "), "{text}");
    }
    assert!(
        ok(&home, &["env", "0"])
            .lines()
            .any(|line| line.starts_with("PATH: "))
    );
    let out = ok(&home, &["reset", "web"]);
    assert!(
        out.starts_with("[PM2] Resetting meta for process id 0\n"),
        "{out}"
    );
}

#[test]
fn silence_leaves_data_and_exit_codes() {
    let home = home();
    assert_eq!(ok(&home, &["start", "up.sh", "--silent"]), "");
    assert_eq!(fails(&home, &["stop", "none", "-s"]), "");
    assert_eq!(ok(&home, &["list", "-s"]), "");
    assert!(ok(&home, &["jlist", "-s"]).starts_with("[{"));
}

#[test]
fn ping_and_kill() {
    let home = home();
    let (code, out, err) = home.command(&["kill"]);
    let ended = "[PM2] [v] All Applications Stopped\n[PM2] [v] PM2 Daemon Stopped\n";
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (0, ended, "[PM2][WARN] No process found\n")
    );
    assert!(
        !home.home().root().exists(),
        "kill must not launch a daemon"
    );
    assert!(ok(&home, &["ping"]).ends_with("daemonized\n{ msg: 'pong' }\n"));
    assert_eq!(ok(&home, &["ping"]), "{ msg: 'pong' }\n");
    ok(&home, &["start", "up.sh"]);
    let out = ok(&home, &["kill"]);
    assert_eq!(
        out,
        format!(
            "[PM2] Applying action deleteProcessId on app [all](ids: [ 0 ])\n[PM2] [up](0) ✓\n{ended}"
        )
    );
    assert_eq!(home.daemon_pid(), None);
}

#[test]
fn data_stays_data_when_a_daemon_is_launched() {
    let home = home();
    let (code, out, err) = home.command(&["jlist"]);
    assert_eq!((code, out.as_str()), (0, "[]\n"));
    assert!(err.contains("Spawning PM2 daemon"), "{err}");
}

#[test]
fn mistakes_in_the_command_line() {
    let home = home();
    let (code, out, _) = home.command(&[]);
    assert!(
        code == 1 && out.starts_with("usage: rpm2 [options] <command>"),
        "{out}"
    );
    assert!(fails(&home, &["strat"]).contains("'start'"));
    assert!(fails(&home, &["stop"]).contains("<TARGET>..."));
    assert!(ok(&home, &["--help"]).contains("describe"));
    assert!(ok(&home, &["start", "--help"]).contains("--exp-backoff-restart-delay <VALUE>"));
    assert_eq!(ok(&home, &["--version"]).trim(), env!("CARGO_PKG_VERSION"));
    assert!(!home.home().root().exists(), "none of these needs a daemon");
}

#[test]
fn a_home_that_cannot_be_used_is_one_clear_line() {
    let home = home();
    let (file, long) = (home.write("file", ""), format!("/tmp/{}", "x".repeat(200)));
    for (path, advice) in [
        (file.as_str(), "set RPM2_HOME to a folder you own"),
        (long.as_str(), "set RPM2_HOME to a shorter path"),
    ] {
        let (code, out, err) = home.command_with_env(&["list"], &[("RPM2_HOME", path)]);
        assert_eq!(code, 1, "{out}");
        assert!(
            err.contains("[PM2][ERROR] ") && err.ends_with(&format!("{advice}\n")),
            "{err}"
        );
    }
    let (code, _, err) = home.command_with_env(&["list"], &[("RPM2_BINARY", "/nonexistent/rpm2")]);
    assert!(
        code == 1 && err.contains("/nonexistent/rpm2") && err.contains("RPM2_BINARY"),
        "{err}"
    );
}

#[test]
fn output_that_is_lost_is_a_failure() {
    let home = home();
    ok(&home, &["ping"]);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = home
        .prepare_command(&["jlist"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write the output"));
}
