//! Restarting on changes of files.

use std::fs;

use serde_json::{Value, json};

use crate::support::{apps::eventually, homes::TestHome};

fn restarted(process: &Value) -> bool {
    process["pm2_env"]["restart_time"] == 1 && process["pm2_env"]["status"] == "online"
}

#[tokio::test]
async fn a_changed_file_restarts_the_app_also_when_an_editor_replaces_it() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write("app.js", "setInterval(() => {}, 1000)");
    home.write("other.js", "1");
    client
        .ok(
            "start",
            json!([{ "script": script, "name": "app", "watch": ["app.js"] }]),
        )
        .await;
    home.write("other.js", "2");
    home.write("new.js", "setInterval(() => {}, 500)");
    fs::rename(home.folder().join("new.js"), &script).unwrap();
    let process = client.until("a restart", 0, restarted).await;
    assert_eq!(process["pm2_env"]["watch"], json!(["app.js"]));
    assert_eq!(
        home.log().matches("Change detected").count(),
        1,
        "{}",
        home.log()
    );
}

#[tokio::test]
async fn new_folders_are_watched_and_ignored_ones_are_not() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write("app.sh", "exec sleep 60");
    fs::create_dir(home.folder().join("node_modules")).unwrap();
    let app = json!({ "script": script, "name": "app", "watch": true, "ignore_watch": ["node_modules", "h", "*.log"] });
    client.ok("start", json!([app])).await;
    home.write("node_modules/x.js", "1");
    home.write("x.log", "1");
    fs::create_dir(home.folder().join("lib")).unwrap();
    client
        .until("a restart by the new folder", 0, restarted)
        .await;
    home.write("lib/a.js", "1");
    client
        .until("a restart by a file in it", 0, |process| {
            process["pm2_env"]["restart_time"] == 2
        })
        .await;
    assert!(
        !home.log().contains("node_modules") && !home.log().contains("x.log"),
        "{}",
        home.log()
    );
}

#[tokio::test]
async fn stopping_ends_the_watch() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write("app.sh", "exec sleep 60");
    client
        .ok(
            "start",
            json!([{ "script": script, "name": "app", "watch": ["app.sh"] }]),
        )
        .await;
    client.ok("stop", json!(["app"])).await;
    assert_eq!(client.process(0).await["pm2_env"]["watch"], false);
    home.write("app.sh", "exec sleep 61");
    client.ok("restart", json!(["app"])).await;
    assert!(!home.log().contains("Change detected"), "{}", home.log());
    assert_eq!(client.process(0).await["pm2_env"]["restart_time"], 0);
}

#[tokio::test]
async fn what_changes_during_the_delay_restarts_once_and_a_stop_meanwhile_counts() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write("app.sh", "exec sleep 60");
    let start = async |name: &str, delay: u64| {
        let app =
            json!([{ "script": script, "name": name, "watch": ["src"], "watch_delay": delay }]);
        client.ok("start", app).await;
    };
    fs::create_dir(home.folder().join("src")).unwrap();
    start("stopped", 300).await;
    start("slow", 3000).await;
    home.write("src/a", "1");
    let seen = |name: &str| {
        let line = format!("Change detected on path src/a for app {name} - restarting");
        home.log().matches(&line).count()
    };
    eventually("the change is seen", || {
        seen("stopped") == 1 && seen("slow") == 1
    })
    .await;
    client.ok("stop", json!(["stopped"])).await;
    home.write("src/a", "2");
    let slow = client.until("a restart", 1, restarted).await;
    assert_eq!(slow["pm2_env"]["restart_time"], 1);
    assert_eq!((seen("slow"), seen("stopped")), (1, 1));
    let stopped = client.process(0).await;
    assert_eq!(
        (
            &stopped["pm2_env"]["status"],
            &stopped["pm2_env"]["restart_time"]
        ),
        (&json!("stopped"), &json!(0))
    );
    let log = home.log();
    assert!(log.contains("[Watch] Start watching slow"), "{log}");
    assert!(log.contains("[Watch] Stop watching stopped"), "{log}");
}

#[tokio::test]
async fn where_the_system_does_not_tell_files_are_looked_at() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write("app.sh", "exec sleep 60");
    fs::create_dir(home.folder().join("src")).unwrap();
    home.write("src/a", "1");
    let options = json!({ "usePolling": true, "interval": 20 });
    let app =
        json!([{ "script": script, "name": "app", "watch": ["src"], "watch_options": options }]);
    client.ok("start", app).await;
    for (count, text) in [(1, "2"), (2, "3")] {
        home.write("src/a", text);
        client
            .until("a restart", 0, |process| {
                process["pm2_env"]["restart_time"] == count
                    && process["pm2_env"]["status"] == "online"
            })
            .await;
    }
    fs::create_dir(home.folder().join("src/new")).unwrap();
    let is_third = |process: &Value| process["pm2_env"]["restart_time"] == 3;
    client.until("a restart by the folder", 0, is_third).await;
    home.write("src/new/b", "1");
    client
        .until("a restart by what is in it", 0, |process| {
            process["pm2_env"]["restart_time"] == 4
        })
        .await;
}

#[tokio::test]
async fn options_without_effect_are_said() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write("app.sh", "exec sleep 60");
    let options = json!({ "ignoreInitial": false, "usepolling": true });
    let app =
        json!([{ "script": script, "name": "app", "watch": ["src"], "watch_options": options }]);
    client.ok("start", app).await;
    let warnings = client.session.take_warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("no effect") && warnings[1].contains("usePolling"));
}
