//! Reload: the replacement is up before the old process is touched, and no client notices.

use rpm2::client::ClientError;
use serde_json::{Value, json};

use crate::support::{
    apps::{eventually, nodes, soon},
    homes::{Client, TestHome, event, gone},
    visitors::Visitors,
    web::{answer, ask, get, server},
};

/// Starts a clustered server and returns its port.
pub(crate) async fn start_web(home: &TestHome, client: &Client, script: &str, more: Value) -> u16 {
    let script = home.write("web.js", script);
    let mut bus = client.bus().await;
    let mut app =
        json!({ "script": script, "name": "web", "exec_mode": "cluster", "instances": 1 });
    let attributes = app.as_object_mut().unwrap();
    attributes.extend(more.as_object().unwrap().clone());
    let started = client.ok("start", json!([app])).await;
    let mut port = 0;
    for _ in started.as_array().unwrap() {
        port = event(&mut bus, "port").await["data"].as_u64().unwrap();
    }
    u16::try_from(port).unwrap()
}

/// The process id of the process of this number.
pub(crate) async fn pid_of(client: &Client, pm_id: u32) -> i64 {
    client.process(pm_id).await["pid"].as_i64().unwrap()
}

#[tokio::test]
async fn every_node_is_reloaded_without_a_failed_request() {
    for node in nodes() {
        let home = TestHome::new();
        let client = home.session();
        let node = json!({ "interpreter": node.to_str().unwrap(), "instances": 2 });
        let port = start_web(&home, &client, &server("process.pid"), node.clone()).await;
        let visitors = Visitors::of(port);
        for round in 1..=3 {
            let before = [pid_of(&client, 0).await, pid_of(&client, 1).await];
            let answers = client.ok("reload", json!(["web"])).await;
            for (index, id) in ["_old_0", "_old_1"].iter().enumerate() {
                let answer = &answers[index];
                assert_eq!(
                    (&answer["pm_id"], &answer["status"], &answer["restart_time"]),
                    (&json!(id), &json!("stopped"), &json!(round - 1))
                );
            }
            for (id, old) in (0..).zip(before) {
                let process = client.process(id).await;
                assert_eq!(process["pm2_env"]["restart_time"], round);
                assert_eq!(process["pm2_env"]["status"], "online");
                assert_eq!(process["pm2_env"]["pm_id"], id);
                assert_ne!(process["pid"], old);
                gone(old).await;
                let file = home.home().pids().join(format!("web-{id}.pid"));
                let written = std::fs::read_to_string(file).unwrap();
                assert_eq!(written, process["pid"].to_string());
            }
        }
        let (answered, failed) = visitors.leave();
        assert!(
            answered > 0 && failed == 0,
            "{failed} of {answered} failed, {node}"
        );
    }
}

#[tokio::test]
async fn the_events_come_in_pm2s_order() {
    let home = TestHome::new();
    let client = home.session();
    start_web(&home, &client, &server("1"), json!({})).await;
    let mut bus = client.bus().await;
    client.ok("reload", json!([0])).await;
    let mut seen = Vec::new();
    while seen.last() != Some(&json!(["reload", 0, "online", true])) {
        let event = event(&mut bus, "process:event").await;
        let process = &event["process"];
        seen.push(json!([
            event["event"],
            process["pm_id"],
            process["status"],
            event["manually"]
        ]));
    }
    assert_eq!(
        seen,
        [
            json!(["online", 0, "launching", false]),
            json!(["exit", "_old_0", "stopping", false]),
            json!(["exit", "_old_0", "stopped", false]),
            json!(["reload", 0, "online", true]),
        ]
    );
}

#[tokio::test]
async fn a_replacement_that_does_not_come_up_is_removed_and_the_old_one_stays() {
    let home = TestHome::new();
    let client = home.session();
    let more = json!({ "instances": 2, "listen_timeout": 2000, "kill_timeout": 200 });
    let port = start_web(&home, &client, &server("process.pid"), more).await;
    let before = [pid_of(&client, 0).await, pid_of(&client, 1).await];
    let broken = [
        (
            "throw new Error('broken')\n",
            "ended (exit code 1) before it was up",
        ),
        (
            "setInterval(() => {}, 1000)\n",
            "did not listen within 2000 ms",
        ),
    ];
    for (text, why) in broken {
        home.write("web.js", text);
        let refusal = client.refused("reload", json!(["web"])).await;
        assert!(
            refusal.contains(why) && refusal.contains("the old one"),
            "{refusal}"
        );
        assert!(
            refusal.contains("web-error"),
            "where its last words are: {refusal}"
        );
        for (id, old) in (0..).zip(before) {
            let process = client.process(id).await;
            assert_eq!(process["pid"], old, "{text}");
            assert_eq!(process["pm2_env"]["status"], "online");
            assert_eq!(process["pm2_env"]["restart_time"], 0);
        }
        assert!(before.contains(&get(port).parse::<i64>().unwrap()));
    }
    let keeper = home.keeper_pid().unwrap();
    eventually("the replacements are gone", || {
        crate::support::homes::children(keeper).len() == 3
    })
    .await;
    home.write("web.js", &server("process.pid"));
    client.ok("reload", json!(["web"])).await;
    assert_ne!(pid_of(&client, 0).await, before[0]);
}

#[tokio::test]
async fn ready_counts_if_it_is_waited_for() {
    let home = TestHome::new();
    let client = home.session();
    let ready = server("1") + "process.send('ready')\n";
    let more = json!({ "wait_ready": true, "listen_timeout": 1500, "kill_timeout": 200 });
    start_web(&home, &client, &ready, more).await;
    let old = pid_of(&client, 0).await;
    home.write("web.js", &server("1"));
    let refusal = client.refused("reload", json!([0])).await;
    assert!(
        refusal.contains("did not say `ready` within 1500 ms"),
        "{refusal}"
    );
    assert_eq!(pid_of(&client, 0).await, old);
    home.write("web.js", &ready);
    client.ok("reload", json!([0])).await;
    assert_ne!(pid_of(&client, 0).await, old);
}

#[tokio::test]
async fn what_is_being_served_is_finished_and_the_apps_own_handler_runs() {
    let home = TestHome::new();
    let client = home.session();
    let script = "const http = require('http')\n\
        const server = http.createServer((q, r) => process.once('message', () => r.end(String(process.pid))))\n\
        server.listen(0, function () { process.send({ type: 'port', data: this.address().port }) })\n\
        process.on('SIGINT', () => { console.log('handled'); process.exit(0) })\n";
    let port = start_web(&home, &client, script, json!({})).await;
    let old = pid_of(&client, 0).await;
    let visitor = ask(port);
    let mut bus = client.bus().await;
    let reload = async { client.ok("reload", json!([0])).await };
    let finish = async {
        // The new one is there while the old one still serves.
        let pid = loop {
            let event = event(&mut bus, "process:event").await;
            if event["event"] == "online" {
                break pid_of(&client, 0).await;
            }
        };
        assert_ne!(pid, old);
        assert!(rpm2::sys::proc::exists(i32::try_from(old).unwrap()));
        assert_eq!(home.app_log("web-out-0.log"), b"");
        // Nobody but the old one itself can be told to answer: it has no number any more.
        old
    };
    let answer_later = async {
        let old = finish.await;
        // The visitor goes away: then there is nothing more to wait for.
        drop(visitor);
        old
    };
    let (answers, _) = tokio::join!(reload, answer_later);
    assert_eq!(answers[0]["pm_id"], "_old_0");
    assert_eq!(home.app_log("web-out-0.log"), b"handled\n");
}

#[tokio::test]
async fn a_stop_or_a_deletion_ends_a_reload_and_all_its_processes() {
    let home = TestHome::new();
    let client = home.session();
    for verb in ["stop", "restart", "delete"] {
        let late = "setTimeout(() => {\n".to_owned() + &server("process.pid") + "}, 0)\n";
        start_web(&home, &client, &late, json!({ "listen_timeout": 20_000 })).await;
        home.write(
            "web.js",
            "setInterval(() => {}, 1000)\nprocess.send({ type: 'begun', data: 1 })\n",
        );
        let mut bus = client.bus().await;
        let other = home.session();
        let reload = other.verb("reload", json!(["web"]));
        let end = async {
            event(&mut bus, "begun").await;
            client.ok(verb, json!(["web"])).await;
        };
        let (reloaded, ()) = tokio::join!(reload, end);
        let text = reloaded.unwrap_err().to_string();
        assert!(text.contains("superseded"), "{text}");
        let apps = crate::support::homes::children(home.keeper_pid().unwrap()).len() - 1;
        assert_eq!(apps, usize::from(verb == "restart"), "{verb}");
        if verb != "delete" {
            client.ok("delete", json!(["web"])).await;
        }
    }
}

#[tokio::test]
async fn one_reload_at_a_time() {
    let home = TestHome::new();
    let client = home.session();
    start_web(&home, &client, &server("1"), json!({})).await;
    home.write(
        "web.js",
        "setInterval(() => {}, 1000)\nprocess.send({ type: 'begun', data: 1 })\n",
    );
    let mut bus = client.bus().await;
    let other = home.session();
    let first = other.verb("reload", json!([0]));
    let second = async {
        event(&mut bus, "begun").await;
        let locked = client.verb("reload", json!([0])).await.unwrap_err();
        assert!(matches!(locked, ClientError::Reloading { .. }), "{locked}");
        assert_eq!(locked.to_string(), "Reload in progress");
        let forced = client
            .refused("reload", json!([0, { "force": true }]))
            .await;
        assert_eq!(
            forced,
            "Reload already in progress for process id 0, retry later"
        );
    };
    let (first, ()) = tokio::join!(first, second);
    assert!(first.is_err());
    let lock = std::fs::read_to_string(home.home().reload_lock()).unwrap();
    assert_eq!(lock, "", "the lock is empty when nothing is reloaded");
}

#[tokio::test]
async fn what_is_no_online_cluster_app_is_restarted() {
    let home = TestHome::new();
    let client = home.session();
    client.start_shell("job", "exec sleep 60", json!({})).await;
    let answers = client.ok("reload", json!(["job"])).await;
    assert_eq!(
        (
            &answers[0]["pm_id"],
            &answers[0]["status"],
            &answers[0]["restart_time"]
        ),
        (&json!(0), &json!("online"), &json!(1))
    );
    assert_eq!(
        client.refused("reload", json!([77])).await,
        "PM2 ID unknown"
    );
    assert_eq!(
        client.refused("reload", json!(["nobody"])).await,
        "process or namespace not found"
    );
}

#[tokio::test]
async fn attributes_and_environment_are_the_new_runs() {
    let home = TestHome::new();
    let client = home.session();
    let port = start_web(&home, &client, &server("process.env.COLOUR"), json!({})).await;
    let script = home.folder().join("web.js");
    let declared = json!([{ "script": script, "name": "web", "env": { "COLOUR": "green" }, "kill_timeout": 321 }]);
    client.ok("reload", json!([declared])).await;
    let process = client.process(0).await;
    assert_eq!(process["pm2_env"]["kill_timeout"], 321);
    assert_eq!(process["pm2_env"]["restart_time"], 1);
    assert_eq!(get(port), "green");
    let declared = json!([{ "script": script, "name": "web", "cron_restart": "* * * * * *" }]);
    client.ok("reload", json!([declared])).await;
    client
        .until("its new schedule is followed", 0, |process| {
            process["pm2_env"]["restart_time"].as_u64() > Some(2)
        })
        .await;
}

#[tokio::test]
async fn a_gentle_reload_asks_first_and_a_process_may_be_retired_alone() {
    let home = TestHome::new();
    let client = home.session();
    let script = server("process.pid")
        + "process.on('message', (message) => { if (message === 'shutdown') { console.log('asked'); process.exit(0) } })\n";
    let port = start_web(&home, &client, &script, json!({ "instances": 2 })).await;
    let opts = json!({ "id": 0, "env": {} }).to_string();
    let old: Value = soon(
        "a gentle reload",
        client.session.call_as("softReloadProcessId", &[&opts]),
    )
    .await
    .unwrap();
    assert_eq!(old["pm2_env"]["pm_id"], "_old_0");
    assert_eq!(home.app_log("web-out-0.log"), b"asked\n");
    // A visitor is being served by each: the one that is retired finishes first.
    let retired: Value = soon(
        "a retirement",
        client.session.call_as("rpm2RetireProcessId", &["1"]),
    )
    .await
    .unwrap();
    assert_eq!(retired["pm2_env"]["status"], "stopped");
    let left = pid_of(&client, 0).await;
    assert_eq!(answer(ask(port)), left.to_string());
    assert_eq!(
        client.ok("list", json!([])).await.as_array().unwrap().len(),
        1
    );
}
