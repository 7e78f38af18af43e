//! The life of a process: start, stop, restart, crash, delete, and what is on the bus meanwhile.

use std::{fs, os::unix::fs::PermissionsExt};

use rpm2::sys::proc;
use serde_json::{Value, json};

use crate::support::{
    apps::{eventually, soon},
    homes::{TestHome, event, gone},
};

/// The next `process:event`s as `event status m`.
async fn happenings(bus: &mut rpm2::client::Subscription, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    for _ in 0..count {
        let event = event(bus, "process:event").await;
        assert!(event["process"].get("env").is_none() && event["at"].is_number());
        let manually = if event["manually"] == true { " m" } else { "" };
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        found.push(format!(
            "{} {}{manually}",
            text(&event["event"]),
            text(&event["process"]["status"])
        ));
    }
    found
}

#[tokio::test]
async fn every_action_has_pm2s_events_in_pm2s_order() {
    let home = TestHome::new();
    let client = home.session();
    let mut bus = client.bus().await;
    client.start_shell("app", "exec sleep 60", json!({})).await;
    assert_eq!(
        happenings(&mut bus, 2).await,
        ["online launching", "start online m"]
    );
    client.ok("restart", json!(["app"])).await;
    let expected = [
        "exit stopping",
        "exit stopped",
        "online launching",
        "restart online m",
    ];
    assert_eq!(happenings(&mut bus, 4).await, expected);
    client.ok("stop", json!(["app"])).await;
    assert_eq!(
        happenings(&mut bus, 3).await,
        ["exit stopping", "exit stopped", "stop stopped m"]
    );
    client.ok("stop", json!(["app"])).await;
    assert_eq!(happenings(&mut bus, 1).await, ["stop stopped m"]);
    client.ok("restart", json!(["app"])).await;
    assert_eq!(
        happenings(&mut bus, 2).await,
        ["online launching", "restart online m"]
    );
    assert_eq!(client.process(0).await["pm2_env"]["restart_time"], 1);
    client.ok("delete", json!(["app"])).await;
    assert_eq!(
        happenings(&mut bus, 2).await,
        ["exit stopping", "exit stopped"]
    );
    assert_eq!(client.ok("list", json!([])).await, json!([]));
}

#[tokio::test]
async fn a_crash_restarts_until_it_is_too_often() {
    let home = TestHome::new();
    let client = home.session();
    let mut bus = client.bus().await;
    client
        .start_shell("crasher", "exit 3", json!({ "max_restarts": 3 }))
        .await;
    let dead = client
        .until("errored", 0, |process| {
            process["pm2_env"]["status"] == "errored"
        })
        .await;
    let env = &dead["pm2_env"];
    assert_eq!(
        (
            &env["restart_time"],
            &env["unstable_restarts"],
            &env["exit_code"]
        ),
        (&json!(2), &json!(0), &json!(3))
    );
    assert_eq!(
        (&env["created_at"], &dead["pid"]),
        (&json!(null), &json!(0))
    );
    let all = happenings(&mut bus, 8).await;
    assert_eq!(
        all.iter().filter(|event| *event == "exit stopped").count(),
        2,
        "{all:?}"
    );
    assert_eq!(all[6..], ["restart overlimit errored", "exit errored"]);
    client.ok("restart", json!(["crasher"])).await;
    client
        .until("errored again", 0, |process| {
            process["pm2_env"]["status"] == "errored"
        })
        .await;
}

#[tokio::test]
async fn exits_that_are_meant_are_left_alone() {
    let home = TestHome::new();
    let client = home.session();
    client
        .start_shell("once", "exit 0", json!({ "autorestart": false }))
        .await;
    client
        .start_shell("coded", "exit 7", json!({ "stop_exit_codes": [7] }))
        .await;
    for (pm_id, code) in [(0, 0), (1, 7)] {
        let ended = client
            .until("stopped", pm_id, |process| {
                process["pm2_env"]["status"] == "stopped"
            })
            .await;
        assert_eq!(
            (
                &ended["pm2_env"]["restart_time"],
                &ended["pm2_env"]["exit_code"]
            ),
            (&json!(0), &json!(code))
        );
    }
}

#[tokio::test]
async fn a_pause_before_the_restart_shows_and_can_be_cut_short() {
    let home = TestHome::new();
    let client = home.session();
    client
        .start_shell("fixed", "exit 1", json!({ "restart_delay": 60_000 }))
        .await;
    client
        .start_shell(
            "growing",
            "exit 1",
            json!({ "exp_backoff_restart_delay": 50_000 }),
        )
        .await;
    for pm_id in [0, 1] {
        client
            .until("waiting", pm_id, |process| {
                process["pm2_env"]["status"] == "waiting restart"
            })
            .await;
    }
    assert_eq!(
        client.process(1).await["pm2_env"]["prev_restart_delay"],
        50_000
    );
    client.ok("stop", json!(["fixed"])).await;
    assert_eq!(client.process(0).await["pm2_env"]["status"], "stopped");
    client.ok("delete", json!(["all"])).await;
}

#[tokio::test]
async fn sigkill_ends_what_ignores_the_signal_and_its_whole_tree() {
    let home = TestHome::new();
    let client = home.session();
    let marker = home.folder().join("child");
    let script = format!(
        "trap '' INT; sh -c 'trap \"\" INT; echo $$ > {}; while :; do sleep 1; done' & wait; wait",
        marker.display()
    );
    client
        .start_shell("stubborn", &script, json!({ "kill_timeout": 150 }))
        .await;
    eventually("the child", || {
        fs::read_to_string(&marker).is_ok_and(|text| text.ends_with('\n'))
    })
    .await;
    let child: i64 = fs::read_to_string(&marker).unwrap().trim().parse().unwrap();
    let parent = client.process(0).await["pid"].as_i64().unwrap();
    client.ok("stop", json!(["stubborn"])).await;
    gone(parent).await;
    gone(child).await;
    assert!(home.log().contains("SIGKILL"), "{}", home.log());
    assert_eq!(client.process(0).await["pm2_env"]["status"], "stopped");
}

#[tokio::test]
async fn without_treekill_the_children_live_on() {
    let home = TestHome::new();
    let client = home.session();
    let marker = home.folder().join("child");
    let script = format!("sleep 60 & echo $! > {}; wait", marker.display());
    client
        .start_shell("parent", &script, json!({ "treekill": false }))
        .await;
    eventually("the child", || {
        fs::read_to_string(&marker).is_ok_and(|text| text.ends_with('\n'))
    })
    .await;
    let child: i32 = fs::read_to_string(&marker).unwrap().trim().parse().unwrap();
    client.ok("stop", json!(["parent"])).await;
    assert!(proc::exists(child));
    proc::signal(child, nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn pid_files_come_and_go_with_the_process() {
    let home = TestHome::new();
    let client = home.session();
    client.start_shell("app", "exec sleep 60", json!({})).await;
    let file = home.home().pids().join("app-0.pid");
    let pid = client.process(0).await["pid"].to_string();
    assert_eq!(fs::read_to_string(&file).unwrap(), pid);
    client.ok("stop", json!([0])).await;
    assert!(!file.exists());
}

#[tokio::test]
async fn commands_meet_in_the_middle_of_a_stop() {
    let home = TestHome::new();
    let client = home.session();
    let slow = "trap 'sleep 0.3; exit 0' INT; while :; do sleep 0.02; done";
    client
        .start_shell(
            "slow",
            slow,
            json!({ "kill_timeout": 10_000, "treekill": false }),
        )
        .await;
    let call = |method: &'static str, arg: &'static str| {
        let session = client.session.clone();
        tokio::spawn(async move {
            session
                .call(method, &[arg])
                .await
                .map_err(|error| error.to_string())
        })
    };
    let stop = call("stopProcessId", "0");
    client
        .until("stopping", 0, |process| {
            process["pm2_env"]["status"] == "stopping"
        })
        .await;
    assert_eq!(
        call("startProcessId", "0").await.unwrap().unwrap_err(),
        "process already online"
    );
    let restart = call("restartProcessId", r#"{"id":0}"#);
    let second = call("stopProcessId", "0");
    let delete = call("deleteProcessId", "0");
    assert!(stop.await.unwrap().is_ok() && second.await.unwrap().is_ok());
    assert!(
        restart
            .await
            .unwrap()
            .unwrap_err()
            .contains("stopped or deleted")
    );
    assert!(delete.await.unwrap().is_ok());
    assert_eq!(client.ok("list", json!([])).await, json!([]));
}

#[tokio::test]
async fn what_cannot_be_started_says_why_and_leaves_an_errored_entry() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write("app.sh", "#!/bin/sh\nexec sleep 60\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let app = |more: Value| {
        let mut app = json!({ "script": script, "interpreter": "none", "name": "app" });
        app.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        app
    };
    let error = client
        .refused("start", json!([app(json!({ "script": "nowhere.js" }))]))
        .await;
    assert!(
        error.contains("Script not found") && error.contains("nowhere.js"),
        "{error}"
    );
    let error = client
        .refused(
            "start",
            json!([app(json!({ "out_file": "/proc/nowhere/out.log" }))]),
        )
        .await;
    assert!(
        error.contains("ENOENT") && error.contains("/proc/nowhere/out.log"),
        "{error}"
    );
    assert_eq!(client.process(0).await["pm2_env"]["status"], "errored");
    let mut env = client.process(0).await["pm2_env"].clone();
    env["pm_cwd"] = json!("/nowhere");
    env["pm_out_log_path"] = json!("NULL");
    let error = client
        .session
        .call("prepare", &[&env.to_string()])
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("working directory"), "{error}");
    let list = client.ok("list", json!([])).await;
    assert!(
        list.as_array()
            .unwrap()
            .iter()
            .all(|process| process["pid"] == 0)
    );
}

#[tokio::test]
async fn wait_ready_waits_for_the_word() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write(
        "ready.js",
        "setTimeout(() => process.send('ready'), 100); setInterval(() => {}, 1000)",
    );
    let app =
        json!({ "script": script, "name": "ready", "wait_ready": true, "listen_timeout": 20_000 });
    let starting = {
        let client = home.session();
        tokio::spawn(async move { client.ok("start", json!([app])).await })
    };
    client
        .until("launching", 0, |process| {
            process["pm2_env"]["status"] == "launching"
        })
        .await;
    soon("ready", starting).await.unwrap();
    assert_eq!(client.process(0).await["pm2_env"]["status"], "online");
    let never = json!({ "script": "/bin/sleep", "args": ["60"], "interpreter": "none", "name": "never", "wait_ready": true, "listen_timeout": 100 });
    client.ok("start", json!([never])).await;
    assert!(
        home.log().contains("did not say that it is ready"),
        "{}",
        home.log()
    );
}

#[tokio::test]
async fn signals_reach_the_app() {
    let home = TestHome::new();
    let client = home.session();
    let mut bus = client.bus().await;
    let script = "trap 'echo hup' HUP; echo up; while :; do sleep 0.02; done";
    client.start_shell("app", script, json!({})).await;
    assert_eq!(event(&mut bus, "log:out").await["data"], "up\n");
    client
        .ok("sendSignalToProcessName", json!(["SIGHUP", "app"]))
        .await;
    assert_eq!(event(&mut bus, "log:out").await["data"], "hup\n");
    client
        .ok("sendSignalToProcessId", json!(["SIGHUP", 0]))
        .await;
    assert_eq!(event(&mut bus, "log:out").await["data"], "hup\n");
    assert_eq!(
        client
            .refused("sendSignalToProcessName", json!(["NOPE", "app"]))
            .await,
        "Unknown signal: NOPE"
    );
}
