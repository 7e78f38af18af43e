//! `max_memory_restart`: an app that uses too much is restarted, whoever is the daemon then.

use std::fs;

use serde_json::{Value, json};

use crate::{
    outlive::kill_daemon,
    support::{
        apps::soon,
        homes::{Client, TestHome},
    },
};

/// Starts an app that takes 200 MB once it finds a file, which it removes, so that the next run does not.
async fn start_greedy(home: &TestHome, client: &Client) {
    let script = home.write(
        "greedy.js",
        "const fs = require('fs'); const kept = []; setInterval(() => { if (fs.existsSync('grow')) { fs.unlinkSync('grow'); kept.push(Buffer.alloc(2e8, 1)) } }, 20)",
    );
    let app = json!([{ "script": script, "name": "greedy", "max_memory_restart": "150M", "cwd": home.folder() }]);
    client.ok("start", app).await;
}

fn grow(home: &TestHome) {
    fs::write(home.folder().join("grow"), "").unwrap();
}

async fn restarted(client: &Client, count: i64) {
    client
        .until("a restart", 0, |process| {
            let env = &process["pm2_env"];
            env["restart_time"] == count && env["status"] == "online"
        })
        .await;
}

#[tokio::test]
async fn an_app_over_its_limit_is_restarted_with_pm2s_events_also_by_the_next_daemon() {
    let home = TestHome::new();
    let client = home.session();
    start_greedy(&home, &client).await;
    let mut bus = client.bus().await;
    grow(&home);
    let mut events = Vec::new();
    while events.len() < 3 {
        let (topic, payload) = soon("an event", bus.next()).await;
        if topic == "process:event" {
            let event: Value = serde_json::from_slice(&payload).unwrap();
            events.push(json!([
                event["event"],
                event["process"]["status"],
                event["manually"]
            ]));
        }
    }
    assert_eq!(
        events,
        [
            json!(["exit", "stopping", false]),
            json!(["exit", "stopped", false]),
            json!(["online", "launching", false])
        ]
    );
    restarted(&client, 1).await;
    let log = home.log();
    let line = log
        .lines()
        .find(|line| line.contains("max-memory"))
        .unwrap();
    let start = "PM2 log: [PM2][WORKER] Process 0 restarted because it exceeds --max-memory-restart value (current_memory=";
    assert!(line.contains(start), "{line}");
    assert!(
        line.ends_with("max_memory_limit=157286400 [octets])"),
        "{line}"
    );
    kill_daemon(&home).await;
    grow(&home);
    restarted(&client, 2).await;
}
