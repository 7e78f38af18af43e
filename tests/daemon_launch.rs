//! The daemon's beginning and end.

use std::{fs, os::unix::fs::PermissionsExt, os::unix::net::UnixListener};

use nix::sys::signal::Signal;
use rpm2::{client::ClientError, sys::proc};
use serde_json::json;

use crate::support::{
    apps::eventually,
    homes::{TestHome, binary, gone},
};

#[tokio::test]
async fn the_first_client_launches_it_and_the_next_finds_it() {
    let home = TestHome::new();
    let connected = home.session().ok("connect", json!([])).await;
    assert_eq!(connected["new_pm2_instance"], true);
    assert_eq!(connected["pm2_home"], home.home().root().to_str().unwrap());
    let pid = home.daemon_pid().unwrap();
    let connected = home.session().ok("connect", json!([])).await;
    assert_eq!(connected["new_pm2_instance"], false);
    assert_eq!(home.daemon_pid(), Some(pid));
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(home.home().root().to_owned()), 0o700);
    for path in [
        home.home().rpc_socket(),
        home.home().pub_socket(),
        home.home().pid_file(),
    ] {
        assert_eq!(mode(path), 0o600);
    }
}

#[tokio::test]
async fn many_launches_at_once_make_one_daemon() {
    let home = TestHome::new();
    let launches: Vec<_> = (0..12)
        .map(|_| {
            let mut command = std::process::Command::new(binary());
            command.arg("keeper").env("RPM2_HOME", home.home().root());
            command
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut said: Vec<String> = launches
        .into_iter()
        .map(|launch| {
            String::from_utf8(launch.wait_with_output().unwrap().stdout)
                .unwrap()
                .trim()
                .to_owned()
        })
        .collect();
    said.sort();
    assert_eq!(said[..11], ["busy"; 11]);
    assert_eq!(said[11], "ready");
    home.session().ok("ping", json!([])).await;
    assert_eq!(home.log().matches("New PM2 Daemon started").count(), 1);
}

#[tokio::test]
async fn it_is_detached_and_has_no_other_child_than_its_apps() {
    let home = TestHome::new();
    let client = home.session();
    client.start_shell("app", "exec sleep 60", json!({})).await;
    let pid = home.keeper_pid().unwrap();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let (group, session, terminal) = (fields[2], fields[3], fields[4]);
    assert_eq!(
        (group, session, terminal),
        (&*pid.to_string(), &*pid.to_string(), "0")
    );
    let app = client.process(0).await["pid"].as_i64().unwrap();
    let mut expected = [home.daemon_pid().unwrap(), i32::try_from(app).unwrap()];
    let mut found = rpm2::sys::usage::descendants(pid);
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn after_kill_9_the_next_client_finds_another_daemon() {
    let home = TestHome::new();
    home.session().ok("ping", json!([])).await;
    let old = home.daemon_pid().unwrap();
    proc::signal(old, Signal::SIGKILL).unwrap();
    gone(old.into()).await;
    assert!(home.home().rpc_socket().exists());
    home.session().ok("ping", json!([])).await;
    assert_ne!(home.daemon_pid(), Some(old));
}

#[tokio::test]
async fn a_call_in_flight_when_the_daemon_is_lost_says_so_and_the_next_one_works() {
    let home = TestHome::new();
    let client = home.session();
    // A stop that takes as long as the app likes: it ignores the signal.
    let script = "trap '' INT; echo set; while :; do sleep 1; done";
    client
        .start_shell(
            "app",
            script,
            json!({ "kill_timeout": 30_000, "treekill": false }),
        )
        .await;
    eventually("the trap", || home.app_log("app-out.log") == b"set\n").await;
    let app = client.process(0).await["pid"].as_i64().unwrap();
    let stopping = {
        let session = client.session.clone();
        tokio::spawn(async move { session.call("stopProcessId", &["0"]).await })
    };
    client
        .until("stopping", 0, |process| {
            process["pm2_env"]["status"] == "stopping"
        })
        .await;
    proc::signal(home.daemon_pid().unwrap(), Signal::SIGKILL).unwrap();
    assert!(matches!(
        stopping.await.unwrap(),
        Err(ClientError::Lost { .. })
    ));
    // The app outlives it, and the next one ends the stop.
    assert!(proc::exists(i32::try_from(app).unwrap()));
    assert_eq!(client.process(0).await["pm2_env"]["status"], "stopping");
    proc::signal(i32::try_from(app).unwrap(), Signal::SIGKILL).unwrap();
    client
        .until("stopped", 0, |process| {
            process["pm2_env"]["status"] == "stopped"
        })
        .await;
}

#[tokio::test]
async fn a_home_that_cannot_be_used_is_explained() {
    let home = TestHome::new();
    let long = home.folder().join("x".repeat(120));
    let file = home.write("file", "");
    for (path, expected) in [
        (long.to_str().unwrap(), "too long"),
        (&*file, "cannot use"),
        ("/proc/none", "cannot use"),
    ] {
        let output = std::process::Command::new(binary())
            .arg("keeper")
            .env("RPM2_HOME", path)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            said.contains(expected) && said.contains("RPM2_HOME"),
            "{path}: {said}"
        );
        assert_eq!(output.status.code(), Some(1));
    }
}

#[tokio::test]
async fn a_living_pm2_daemon_is_left_alone() {
    let home = TestHome::new();
    home.home().create().unwrap();
    let _foreign = UnixListener::bind(home.home().rpc_socket()).unwrap();
    let output = std::process::Command::new(binary())
        .arg("keeper")
        .env("RPM2_HOME", home.home().root())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "busy");
    assert!(home.home().rpc_socket().exists());
}

#[tokio::test]
async fn kill_daemon_ends_apps_daemon_sockets_and_pid_file() {
    let home = TestHome::new();
    let client = home.session();
    client.start_shell("app", "exec sleep 60", json!({})).await;
    let app = client.process(0).await["pid"].as_i64().unwrap();
    let daemon = home.daemon_pid().unwrap();
    assert_eq!(
        client.ok("killDaemon", json!([])).await,
        json!({ "success": true })
    );
    gone(app).await;
    gone(daemon.into()).await;
    for path in [
        home.home().rpc_socket(),
        home.home().pub_socket(),
        home.home().pid_file(),
    ] {
        assert!(!path.exists(), "{}", path.display());
    }
    assert_eq!(
        client.ok("killDaemon", json!([])).await,
        json!({ "success": true })
    );
    assert!(home.daemon_pid().is_none());
}

#[tokio::test]
async fn sigterm_ends_apps_first_and_tells_the_bus() {
    let home = TestHome::new();
    let client = home.session();
    client.start_shell("app", "exec sleep 60", json!({})).await;
    let app = client.process(0).await["pid"].as_i64().unwrap();
    let mut bus = client.bus().await;
    proc::signal(home.daemon_pid().unwrap(), Signal::SIGTERM).unwrap();
    let word = crate::support::homes::event(&mut bus, "pm2:kill").await;
    assert_eq!(
        word,
        json!({ "status": "killed", "msg": "pm2 has been killed by SIGTERM" })
    );
    gone(app).await;
    eventually("the pid file to go", || home.daemon_pid().is_none()).await;
}
