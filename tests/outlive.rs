//! Apps outlive the daemon: it is killed at any moment, and nobody but its clients notices.

use std::{fs, time::Duration};

use nix::sys::signal::Signal;
use rpm2::{client::ClientError, sys::proc};
use serde_json::{Value, json};

use crate::support::{
    apps::{eventually, fixture, soon},
    homes::{TestHome, event, gone},
};

/// Kills the daemon and waits until another one answers.
async fn kill_daemon(home: &TestHome) {
    let old = home.daemon_pid().unwrap();
    proc::signal(old, Signal::SIGKILL).unwrap();
    gone(old.into()).await;
    eventually("another daemon", || {
        home.daemon_pid().is_some_and(|pid| pid != old)
    })
    .await;
    home.session().ok("ping", json!([])).await;
}

#[tokio::test]
async fn apps_keep_pid_id_counters_uptime_and_watch() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write("app.sh", "exec sleep 60");
    client
        .ok(
            "start",
            json!([{ "script": script, "name": "watched", "watch": ["app.sh"] }]),
        )
        .await;
    client
        .start_shell("plain", "exec sleep 60", json!({}))
        .await;
    client.ok("restart", json!(["plain"])).await;
    client
        .start_shell("halted", "exec sleep 60", json!({}))
        .await;
    client.ok("stop", json!(["halted"])).await;
    let essence = |list: Value| -> Vec<Value> {
        let of = |process: &Value| {
            let env = &process["pm2_env"];
            json!([
                process["pid"],
                process["pm_id"],
                process["name"],
                env["status"],
                env["restart_time"],
                env["pm_uptime"],
                env["created_at"],
                env["env"]
            ])
        };
        list.as_array().unwrap().iter().map(of).collect()
    };
    let before = essence(client.ok("list", json!([])).await);
    for _ in 0..3 {
        kill_daemon(&home).await;
        assert_eq!(essence(client.ok("list", json!([])).await), before);
    }
    home.write("app.sh", "exec sleep 61");
    client
        .until("a restart by the watch", 0, |process| {
            process["pm2_env"]["restart_time"] == 1 && process["pm2_env"]["status"] == "online"
        })
        .await;
    client.start_shell("next", "exec sleep 60", json!({})).await;
    assert_eq!(client.process(3).await["name"], "next");
    client.ok("delete", json!(["all"])).await;
    assert_eq!(client.ok("list", json!([])).await, json!([]));
}

#[tokio::test]
async fn exits_while_there_is_no_daemon_are_known_and_restarts_still_happen() {
    let home = TestHome::new();
    let client = home.session();
    let script = "trap 'exit 5' HUP; while :; do sleep 0.02; done";
    client
        .start_shell("restarted", script, json!({ "treekill": false }))
        .await;
    client
        .start_shell(
            "left",
            script,
            json!({ "autorestart": false, "treekill": false }),
        )
        .await;
    let pids: Vec<i64> = [client.process(0).await, client.process(1).await]
        .iter()
        .map(|p| p["pid"].as_i64().unwrap())
        .collect();
    let daemon = home.daemon_pid().unwrap();
    // Stopped, not killed: the apps end while it can do nothing, and then it dies.
    proc::signal(daemon, Signal::SIGSTOP).unwrap();
    for pid in &pids {
        proc::signal(i32::try_from(*pid).unwrap(), Signal::SIGHUP).unwrap();
        gone(*pid).await;
    }
    proc::signal(daemon, Signal::SIGKILL).unwrap();
    gone(daemon.into()).await;
    let client = home.session();
    let left = client
        .until("the exit", 1, |process| {
            process["pm2_env"]["status"] == "stopped"
        })
        .await;
    assert_eq!(left["pm2_env"]["exit_code"], 5);
    let restarted = client
        .until("the restart", 0, |process| {
            process["pm2_env"]["restart_time"] == 1 && process["pm2_env"]["status"] == "online"
        })
        .await;
    assert_eq!(
        (
            &restarted["pm2_env"]["status"],
            &restarted["pm2_env"]["exit_code"]
        ),
        (&json!("online"), &json!(5))
    );
    assert_ne!(restarted["pid"], pids[0]);
}

#[tokio::test]
async fn a_pending_restart_still_happens_and_its_pause_goes_on() {
    let home = TestHome::new();
    let client = home.session();
    let marker = home.folder().join("ran");
    let script = format!(
        "test -e {0} && exec sleep 60; touch {0}; exit 1",
        marker.display()
    );
    client
        .start_shell("later", &script, json!({ "restart_delay": 1500 }))
        .await;
    client
        .until("waiting", 0, |process| {
            process["pm2_env"]["status"] == "waiting restart"
        })
        .await;
    kill_daemon(&home).await;
    let process = client.process(0).await;
    assert_eq!(process["pm2_env"]["status"], "waiting restart");
    client
        .until("online", 0, |process| {
            process["pm2_env"]["status"] == "online"
        })
        .await;
}

#[tokio::test]
async fn a_stop_and_a_restart_that_were_under_way_are_finished() {
    let home = TestHome::new();
    let client = home.session();
    let stubborn = "trap '' INT; while :; do sleep 0.02; done";
    let more = json!({ "kill_timeout": 1000, "treekill": false });
    client.start_shell("stopping", stubborn, more.clone()).await;
    client.start_shell("restarting", stubborn, more).await;
    let call = |method: &'static str, arg: &'static str| {
        let session = client.session.clone();
        tokio::spawn(async move { session.call(method, &[arg]).await })
    };
    let calls = [
        call("stopProcessId", "0"),
        call("restartProcessId", r#"{"id":1,"env":{"EXTRA":"1"}}"#),
    ];
    for pm_id in [0, 1] {
        client
            .until("stopping", pm_id, |process| {
                process["pm2_env"]["status"] == "stopping"
            })
            .await;
    }
    kill_daemon(&home).await;
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        assert!(matches!(error, ClientError::Lost { .. }), "{error}");
        assert!(
            error
                .to_string()
                .contains("may or may not have taken effect"),
            "{error}"
        );
    }
    client
        .until("stopped", 0, |process| {
            process["pm2_env"]["status"] == "stopped"
        })
        .await;
    let restarted = client
        .until("restarted", 1, |process| {
            process["pm2_env"]["restart_time"] == 1 && process["pm2_env"]["status"] == "online"
        })
        .await;
    assert_eq!(
        (
            &restarted["pm2_env"]["status"],
            &restarted["pm2_env"]["EXTRA"]
        ),
        (&json!("online"), &json!("1"))
    );
}

#[tokio::test]
async fn a_deletion_that_was_under_way_is_finished_and_its_name_is_free() {
    let home = TestHome::new();
    let client = home.session();
    let stubborn = "trap '' INT; while :; do sleep 0.02; done";
    let more = json!({ "kill_timeout": 600, "treekill": false });
    client.start_shell("going", stubborn, more.clone()).await;
    let session = client.session.clone();
    let deleting = tokio::spawn(async move { session.call("deleteProcessId", &["0"]).await });
    client
        .until("stopping", 0, |process| {
            process["pm2_env"]["status"] == "stopping"
        })
        .await;
    kill_daemon(&home).await;
    assert!(deleting.await.unwrap().is_err());
    soon("the end of it", async {
        while client.ok("list", json!([])).await != json!([]) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    client.start_shell("going", stubborn, more).await;
    assert_eq!(client.process(0).await["name"], "going");
    client.ok("delete", json!(["going"])).await;
    assert_eq!(client.ok("list", json!([])).await, json!([]));
}

#[tokio::test]
async fn channels_stay_open_in_both_modes() {
    let home = TestHome::new();
    let client = home.session();
    let script = fixture("packets.js");
    for mode in ["fork", "cluster"] {
        let mut bus = client.bus().await;
        client
            .ok(
                "start",
                json!([{ "script": script.to_str().unwrap(), "name": mode, "exec_mode": mode }]),
            )
            .await;
        event(&mut bus, "echo:ready").await;
    }
    kill_daemon(&home).await;
    let mut bus = client.bus().await;
    for pm_id in [0, 1] {
        let packet = json!({ "id": pm_id, "type": "t", "topic": true, "data": pm_id });
        client.ok("sendDataToProcessId", json!([packet])).await;
        let echoed = event(&mut bus, "echo").await;
        assert_eq!(
            (&echoed["data"]["data"], &echoed["process"]["pm_id"]),
            (&json!(pm_id), &json!(pm_id))
        );
        assert_eq!(client.process(pm_id).await["pm2_env"]["restart_time"], 0);
    }
}

#[tokio::test]
async fn what_an_app_says_and_prints_meanwhile_arrives() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write(
        "talk.js",
        "setInterval(() => {}, 1000); process.on('SIGUSR1', () => { for (let n = 0; n < 500; n++) { process.send({ type: 'n', data: { n } }); console.log('line ' + n) } }); process.send({ type: 'up', data: 1 })",
    );
    let mut bus = client.bus().await;
    client
        .ok("start", json!([{ "script": script, "name": "talk" }]))
        .await;
    event(&mut bus, "up").await;
    let app = i32::try_from(client.process(0).await["pid"].as_i64().unwrap()).unwrap();
    // The daemon is stopped, so what follows is said while nobody listens; then it dies.
    let daemon = home.daemon_pid().unwrap();
    proc::signal(daemon, Signal::SIGSTOP).unwrap();
    proc::signal(app, Signal::SIGUSR1).unwrap();
    let log = home.home().logs().join("talk-out.log");
    let unread = || fs::read(&log).unwrap().is_empty();
    assert!(unread());
    tokio::time::sleep(Duration::from_millis(50)).await;
    proc::signal(daemon, Signal::SIGKILL).unwrap();
    let word = event(&mut bus, "rpm2:daemon").await;
    assert_eq!(word["event"], "restarted");
    for n in 0..500 {
        assert_eq!(event(&mut bus, "n").await["data"]["n"], n);
    }
    eventually("the lines", || {
        fs::read_to_string(&log).unwrap().lines().count() == 500
    })
    .await;
}

#[tokio::test]
async fn clustered_servers_serve_on_and_connections_wait() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write(
        "web.js",
        "require('http').createServer((q, r) => r.end(String(process.pid))).listen(0, function () { process.send({ type: 'port', data: this.address().port }) })",
    );
    let mut bus = client.bus().await;
    client
        .ok(
            "start",
            json!([{ "script": script, "name": "web", "instances": 2 }]),
        )
        .await;
    let port = u16::try_from(event(&mut bus, "port").await["data"].as_u64().unwrap()).unwrap();
    let get = move || {
        use std::io::{Read, Write};
        let mut socket = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        socket.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).unwrap();
        text.rsplit("\r\n").next().unwrap().to_owned()
    };
    let before: std::collections::BTreeSet<String> = (0..4).map(|_| get()).collect();
    assert_eq!(before.len(), 2);
    let daemon = home.daemon_pid().unwrap();
    proc::signal(daemon, Signal::SIGSTOP).unwrap();
    let waiting = tokio::task::spawn_blocking(get);
    tokio::time::sleep(Duration::from_millis(50)).await;
    proc::signal(daemon, Signal::SIGKILL).unwrap();
    let answer = soon("the connection that waited", waiting).await.unwrap();
    assert!(before.contains(&answer));
    let after: std::collections::BTreeSet<String> = (0..4).map(|_| get()).collect();
    assert_eq!(after, before);
    client.ok("stop", json!(["web"])).await;
    eventually("the port to be free", || {
        std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()
    })
    .await;
}

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
