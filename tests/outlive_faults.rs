//! What holds when a daemon cannot be kept alive, when the keeper ends, or when the system lacks the means.

use std::{fs, time::Duration};

use nix::sys::signal::Signal;
use rpm2::sys::proc;
use serde_json::{Value, json};

use crate::support::{
    apps::{eventually, soon},
    homes::{TestHome, gone},
};

#[tokio::test]
async fn a_daemon_that_dies_again_and_again_leaves_the_apps_alone_and_can_be_killed() {
    let home = TestHome::new();
    let client = home.session();
    client.start_shell("app", "exec sleep 60", json!({})).await;
    let app = client.process(0).await["pid"].as_i64().unwrap();
    let down = home.home().root().join("rpm2.down");
    let killing = async {
        while !down.exists() {
            if let Some(pid) = home.daemon_pid() {
                proc::signal(pid, Signal::SIGKILL).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon("the word of it", killing).await;
    assert!(proc::exists(i32::try_from(app).unwrap()));
    // Kept from coming up for a while longer, so that the command meets it down.
    fs::write(&down, fs::read(&down).unwrap()).unwrap();
    let text = fs::read_to_string(&down).unwrap();
    assert!(text.contains("pm2.log"), "{text}");
    let keeper = home.keeper_pid().unwrap();
    home.session().ok("killDaemon", json!([])).await;
    gone(app).await;
    gone(keeper.into()).await;
    assert!(!home.home().pid_file().exists() && !home.home().rpc_socket().exists());
}

#[tokio::test]
async fn the_keeper_alone_is_the_parent_and_ends_with_the_daemon() {
    let home = TestHome::new();
    let client = home.session();
    client.start_shell("app", "exec sleep 60", json!({})).await;
    let app = client.process(0).await["pid"].as_i64().unwrap();
    let (keeper, daemon) = (home.keeper_pid().unwrap(), home.daemon_pid().unwrap());
    let mut children = crate::support::homes::children(keeper);
    children.sort_unstable();
    let mut expected = vec![daemon, i32::try_from(app).unwrap()];
    expected.sort_unstable();
    assert_eq!(children, expected);
    proc::signal(keeper, Signal::SIGTERM).unwrap();
    for pid in [app, keeper.into(), daemon.into()] {
        gone(pid).await;
    }
    let dump: Value = serde_json::from_slice(&fs::read(home.home().dump()).unwrap()).unwrap();
    assert_eq!(
        (&dump[0]["name"], dump[0].get("pm_id")),
        (&json!("app"), None)
    );
    assert!(!home.home().pid_file().exists());
}

#[tokio::test]
async fn without_the_keeper_apps_live_and_the_daemon_says_what_is_wrong() {
    let home = TestHome::new();
    let client = home.session();
    client.start_shell("app", "exec sleep 60", json!({})).await;
    let app = i32::try_from(client.process(0).await["pid"].as_i64().unwrap()).unwrap();
    let daemon = home.daemon_pid().unwrap();
    let keeper = home.keeper_pid().unwrap();
    proc::signal(keeper, Signal::SIGKILL).unwrap();
    gone(keeper.into()).await;
    eventually("the word of it", || home.log().contains("the keeper")).await;
    assert!(proc::exists(app) && proc::exists(daemon));
    assert_eq!(client.process(0).await["pm2_env"]["status"], "online");
    let error = client.refused("restart", json!(["app"])).await;
    assert!(error.contains("keeper"), "{error}");
    client.ok("killDaemon", json!([])).await;
    gone(app.into()).await;
    gone(daemon.into()).await;
}

#[tokio::test]
async fn an_app_that_crashes_while_nothing_can_be_forked_is_started_later() {
    let home = TestHome::new();
    let client = home.session();
    let script = "trap 'exit 1' HUP; echo up; while :; do sleep 0.02; done";
    client
        .start_shell("app", script, json!({ "treekill": false }))
        .await;
    let log = home.home().logs().join("app-out.log");
    eventually("the app", || {
        fs::read(&log).is_ok_and(|text| text == b"up\n")
    })
    .await;
    let keeper = home.keeper_pid().unwrap();
    let limit = |count: &str| {
        let pid = keeper.to_string();
        let status = std::process::Command::new("prlimit")
            .args(["--pid", &pid, &format!("--nofile={count}:")])
            .status();
        assert!(status.unwrap().success());
    };
    limit("4");
    client
        .ok("sendSignalToProcessId", json!(["SIGHUP", 0]))
        .await;
    let waiting = client
        .until("waiting", 0, |process| {
            process["pm2_env"]["status"] == "waiting restart"
        })
        .await;
    assert_eq!(waiting["pm2_env"]["restart_time"], 0);
    assert!(home.log().contains("trying again"), "{}", home.log());
    let error = client.refused("restart", json!(["app"])).await;
    assert!(error.contains("Too many open files"), "{error}");
    assert_eq!(client.process(0).await["pm2_env"]["status"], "errored");
    limit("4096");
    client.ok("restart", json!(["app"])).await;
    client
        .until("online", 0, |process| {
            process["pm2_env"]["status"] == "online"
        })
        .await;
}
