//! Apps outlive the daemon: it is killed at any moment, and nobody but its clients notices.

use std::{fs, time::Duration};

use nix::sys::signal::Signal;
use rpm2::{client::ClientError, sys::proc};
use serde_json::{Value, json};

use crate::support::{
    apps::{eventually, fixture, soon},
    homes::{TestHome, event, gone},
    web::{answer, ask, get, server},
};

/// Kills the daemon and waits until another one answers.
pub(crate) async fn kill_daemon(home: &TestHome) {
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
    let stubborn = "trap '' INT; echo deaf; while :; do sleep 0.02; done";
    let more = json!({ "kill_timeout": 1000, "treekill": false });
    for name in ["stopping", "restarting"] {
        client.start_shell(name, stubborn, more.clone()).await;
        let log = format!("{name}-out.log");
        eventually("it ignores the signal", || !home.app_log(&log).is_empty()).await;
    }
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
        "setInterval(() => {}, 1000); process.on('SIGUSR1', () => { for (let n = 0; n < 500; n++) { process.send({ type: 'n', data: { n } }); console.log('line ' + n) } require('fs').writeFileSync('said', '') }); process.send({ type: 'up', data: 1 })",
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
    let said = home.folder().join("said");
    eventually("all to be said", || said.exists()).await;
    assert!(fs::read(&log).unwrap().is_empty());
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
    let script = home.write("web.js", &server("process.pid"));
    let mut bus = client.bus().await;
    client
        .ok(
            "start",
            json!([{ "script": script, "name": "web", "instances": 2 }]),
        )
        .await;
    let port = u16::try_from(event(&mut bus, "port").await["data"].as_u64().unwrap()).unwrap();
    // Both listen.
    event(&mut bus, "port").await;
    let before: std::collections::BTreeSet<String> = (0..4).map(|_| get(port)).collect();
    assert_eq!(before.len(), 2);
    let daemon = home.daemon_pid().unwrap();
    proc::signal(daemon, Signal::SIGSTOP).unwrap();
    let asked = ask(port);
    proc::signal(daemon, Signal::SIGKILL).unwrap();
    let waiting = tokio::task::spawn_blocking(|| answer(asked));
    let answered = soon("the connection that waited", waiting).await.unwrap();
    assert!(before.contains(&answered));
    let after: std::collections::BTreeSet<String> = (0..4).map(|_| get(port)).collect();
    assert_eq!(after, before);
    client.ok("stop", json!(["web"])).await;
    eventually("the port to be free", || {
        std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()
    })
    .await;
}
