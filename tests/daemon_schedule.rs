//! `cron_restart`: restarts at the times that an app declares, whoever is the daemon then.

use serde_json::{Value, json};

use crate::{
    outlive::kill_daemon,
    support::homes::{Client, TestHome},
};

fn count(process: &Value) -> i64 {
    process["pm2_env"]["restart_time"].as_i64().unwrap_or(0)
}

fn is_online(process: &Value) -> bool {
    process["pm2_env"]["status"] == "online"
}

async fn declare(client: &Client, home: &TestHome, cron: &str) {
    let script = home.write("app.sh", "exec sleep 60");
    let app =
        json!([{ "script": script, "name": "app", "cron_restart": cron, "kill_timeout": 500 }]);
    client.ok("start", app).await;
}

/// What the log says of schedules.
fn scheduled(home: &TestHome) -> Vec<String> {
    let log = home.log();
    let lines = log.lines().filter_map(|line| line.split_once("PM2 log: "));
    lines
        .map(|(_, text)| text.to_owned())
        .filter(|text| text.contains("cron job"))
        .collect()
}

#[tokio::test]
async fn an_app_is_restarted_when_it_is_due_also_when_stopped_and_by_the_next_daemon() {
    let home = TestHome::new();
    let client = home.session();
    declare(&client, &home, "* * * * * *").await;
    let first = client.process(0).await["pid"].clone();
    let process = client
        .until("two restarts", 0, |process| {
            count(process) >= 2 && is_online(process)
        })
        .await;
    assert_ne!(process["pid"], first);
    let begun = [
        "[PM2][WORKER] Registering a cron job on: 0",
        "[PM2] Deregistering a cron job on: 0",
        "[PM2][WORKER] Registering a cron job on: 0",
    ];
    assert_eq!(scheduled(&home)[..3], begun);
    client.ok("stop", json!(["app"])).await;
    let stopped = client.process(0).await;
    let started = client.until("a start", 0, is_online).await;
    assert!(count(&started) <= count(&stopped) + 1, "{started}");
    kill_daemon(&home).await;
    let before = count(&client.process(0).await);
    client
        .until("a restart by the next daemon", 0, |process| {
            count(process) > before
        })
        .await;
}

#[tokio::test]
async fn attributes_that_change_and_a_deletion_end_it() {
    let home = TestHome::new();
    let client = home.session();
    declare(&client, &home, "* * * * * *").await;
    client
        .until("a restart", 0, |process| {
            count(process) >= 1 && is_online(process)
        })
        .await;
    declare(&client, &home, "0 0 1 1 *").await;
    let [.., old, new] = &scheduled(&home)[..] else {
        panic!("{:?}", scheduled(&home))
    };
    assert_eq!(old, "[PM2] Deregistering a cron job on: 0");
    assert_eq!(new, "[PM2][WORKER] Registering a cron job on: 0");
    // A daemon that takes over has it as it is now.
    kill_daemon(&home).await;
    let lines = scheduled(&home).len();
    client.ok("restart", json!(["app"])).await;
    assert_eq!(scheduled(&home).len(), lines);
    declare(&client, &home, "0").await;
    client.ok("delete", json!(["app"])).await;
    assert_eq!(scheduled(&home).len(), lines + 1);
    declare(&client, &home, "0 0 1 1 *").await;
    client.ok("delete", json!(["app"])).await;
    assert_eq!(
        scheduled(&home).last().map(String::as_str),
        Some("[PM2] Deregistering a cron job on: 0")
    );
}

#[tokio::test]
async fn an_app_that_is_only_listed_is_started_when_it_is_due() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write("app.sh", "exec sleep 60");
    let app = json!([{ "script": script, "name": "app", "cron_restart": "* * * * * *", "autostart": false }]);
    client.ok("start", app).await;
    let process = client.until("a start", 0, is_online).await;
    assert!(count(&process) <= 1);
}
