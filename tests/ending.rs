//! Signals to the keeper or the daemon, the list that is saved then, and what a PID 1 must do.

use std::{
    fs,
    process::{Command, Stdio},
};

use nix::sys::signal::Signal;
use rpm2::sys::proc;
use serde_json::{Value, json};

use crate::support::{
    apps::eventually,
    homes::{TestHome, binary, event, gone},
};

/// A shell script that says when it hears SIGINT, and then ends.
const OBEDIENT: &str = "trap 'echo asked; exit 0' INT; echo up; while :; do sleep 0.02; done";

/// Starts two apps that have set their traps.
async fn start_two(home: &TestHome) -> Vec<i64> {
    let client = home.session();
    let mut pids = Vec::new();
    for (number, name) in (0..).zip(["one", "two"]) {
        client
            .start_shell(name, OBEDIENT, json!({ "treekill": false }))
            .await;
        let log = format!("{name}-out.log");
        eventually("it is up", || home.app_log(&log) == b"up\n").await;
        pids.push(client.process(number).await["pid"].as_i64().unwrap());
    }
    pids
}

#[tokio::test]
async fn a_signal_to_keeper_or_daemon_saves_the_list_stops_the_apps_and_ends() {
    for (signal, to_daemon) in [
        (Signal::SIGTERM, false),
        (Signal::SIGINT, false),
        (Signal::SIGQUIT, false),
        (Signal::SIGTERM, true),
    ] {
        let home = TestHome::new();
        let pids = start_two(&home).await;
        let mut bus = home.session().bus().await;
        let (keeper, daemon) = (home.keeper_pid().unwrap(), home.daemon_pid().unwrap());
        proc::signal(if to_daemon { daemon } else { keeper }, signal).unwrap();
        let said = event(&mut bus, "pm2:kill").await;
        assert_eq!(
            said,
            json!({ "status": "killed", "msg": format!("pm2 has been killed by {signal}") })
        );
        for pid in [i64::from(keeper), i64::from(daemon)].iter().chain(&pids) {
            gone(*pid).await;
        }
        let dump: Vec<Value> =
            serde_json::from_slice(&fs::read(home.home().dump()).unwrap()).unwrap();
        let names: Vec<&Value> = dump.iter().map(|process| &process["name"]).collect();
        assert_eq!(names, ["one", "two"]);
        for name in ["one", "two"] {
            assert_eq!(home.app_log(&format!("{name}-out.log")), b"up\nasked\n");
        }
        let home = home.home();
        for path in [home.rpc_socket(), home.pub_socket(), home.pid_file()] {
            assert!(!path.exists(), "{}", path.display());
        }
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_saved_leaves_the_one_before() {
    let home = TestHome::new();
    let pids = start_two(&home).await;
    fs::write(home.home().dump(), "[\"before\"]").unwrap();
    // No file may grow any more: as on a full disk.
    let daemon = home.daemon_pid().unwrap();
    let status = Command::new("prlimit")
        .args(["--pid", &daemon.to_string(), "--fsize=0:0"])
        .status();
    assert!(status.unwrap().success());
    let mut bus = home.session().bus().await;
    proc::signal(home.keeper_pid().unwrap(), Signal::SIGTERM).unwrap();
    let complaint = loop {
        let line = event(&mut bus, "log:PM2").await["data"].clone();
        if line.as_str().unwrap().contains("cannot save the list") {
            break line;
        }
    };
    let path = home.home().dump().display().to_string();
    assert!(complaint.as_str().unwrap().contains(&path), "{complaint}");
    for pid in pids {
        gone(pid).await;
    }
    gone(daemon.into()).await;
    assert_eq!(
        fs::read_to_string(home.home().dump()).unwrap(),
        "[\"before\"]"
    );
}

#[tokio::test]
async fn apps_and_daemon_live_on_while_their_logs_cannot_be_written() {
    let home = TestHome::new();
    let client = home.session();
    let script = "trap 'echo heard' HUP; echo up; while :; do sleep 0.02; done";
    let more = json!({ "treekill": false });
    client.start_shell("talker", script, more).await;
    eventually("it is up", || home.app_log("talker-out.log") == b"up\n").await;
    let pid = client.process(0).await["pid"].as_i64().unwrap();
    let daemon = home.daemon_pid().unwrap();
    let limit = |size: &str| {
        let status = Command::new("prlimit")
            .args(["--pid", &daemon.to_string(), &format!("--fsize={size}:")])
            .status();
        assert!(status.unwrap().success());
    };
    limit("0");
    let mut bus = client.bus().await;
    let hang_up = || proc::signal(i32::try_from(pid).unwrap(), Signal::SIGHUP).unwrap();
    hang_up();
    let out = event(&mut bus, "log:out").await;
    assert_eq!(out["data"], "heard\n", "who listens hears it all the same");
    limit("unlimited");
    hang_up();
    event(&mut bus, "log:out").await;
    eventually("the log is written again", || {
        home.app_log("talker-out.log") == b"up\nheard\n"
    })
    .await;
    assert_eq!(client.process(0).await["pid"], pid);
    assert_eq!(home.daemon_pid(), Some(daemon));
    eventually("the loss is in the daemon's log", || {
        home.log().contains("6 bytes were lost")
    })
    .await;
}

#[tokio::test]
async fn sigusr2_opens_all_logs_again() {
    let home = TestHome::new();
    start_two(&home).await;
    let logs = home.home().logs();
    for name in ["one", "two"] {
        let log = format!("{name}-out.log");
        fs::rename(logs.join(&log), logs.join(format!("{log}.1"))).unwrap();
    }
    let (log, rotated) = (home.home().daemon_log(), home.folder().join("rotated"));
    fs::rename(&log, rotated).unwrap();
    proc::signal(home.keeper_pid().unwrap(), Signal::SIGUSR2).unwrap();
    eventually("new files", || {
        ["one", "two"]
            .iter()
            .all(|name| logs.join(format!("{name}-out.log")).exists())
            && log.exists()
    })
    .await;
    home.session().ok("stop", json!(["one"])).await;
    assert_eq!(home.app_log("one-out.log"), b"asked\n");
    assert_eq!(home.app_log("one-out.log.1"), b"up\n");
    assert!(home.log().contains("Stopping app:one"));
}

/// The arguments with which `unshare` makes a process PID 1 here, if the system lets it.
fn namespaces() -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [
        &["--pid", "--fork", "--kill-child"],
        &[
            "--user",
            "--map-root-user",
            "--pid",
            "--fork",
            "--kill-child",
        ],
    ];
    ways.into_iter().find(|way| {
        let tried = Command::new("unshare").args(*way).arg("true").output();
        tried.is_ok_and(|output| output.status.success())
    })
}

#[tokio::test]
async fn as_pid_1_the_keeper_stays_and_reaps_orphans() {
    let Some(way) = namespaces() else {
        // A container without the right to make namespaces: nothing can be PID 1 here but what is.
        assert!(!nix::unistd::Uid::effective().is_root() || fs::exists("/.dockerenv").unwrap());
        return;
    };
    let home = TestHome::new();
    let mut command = Command::new("unshare");
    command.args(way).arg(binary()).arg("keeper");
    command.env("RPM2_HOME", home.home().root());
    let mut first = command.stdout(Stdio::null()).spawn().unwrap();
    eventually("a daemon", || home.home().pid_file().exists()).await;
    assert_eq!(home.keeper_pid(), Some(1), "in its own view");
    let client = home.session();
    let go = home.folder().join("go");
    // Its parent ends at once: from then on it is the keeper's.
    let orphan = format!("while [ ! -e {} ]; do sleep 0.02; done", go.display());
    let script = format!("sh -c '{orphan}; exec true orphan' & exit 0");
    client
        .start_shell("parent", &script, json!({ "autorestart": false }))
        .await;
    client
        .until("its end", 0, |process| {
            process["pm2_env"]["status"] == "stopped"
        })
        .await;
    let keeper = crate::support::homes::children(i32::try_from(first.id()).unwrap())[0];
    let is_there = || {
        let children = crate::support::homes::children(keeper);
        children.into_iter().find(|child| {
            let line = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains("exec true orphan")
        })
    };
    let mut orphan = None;
    eventually("the orphan is the keeper's", || {
        orphan = is_there();
        orphan.is_some()
    })
    .await;
    home.write("go", "");
    // A zombie would still have its folder in /proc.
    let folder = format!("/proc/{}", orphan.unwrap());
    eventually("it is reaped", || !fs::exists(&folder).unwrap()).await;
    proc::signal(keeper, Signal::SIGTERM).unwrap();
    let code = tokio::task::spawn_blocking(move || first.wait().unwrap());
    assert!(code.await.unwrap().success(), "and it ends as it is told");
    assert!(!home.home().pid_file().exists());
}
