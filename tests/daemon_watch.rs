//! Restarting on changes of files.

use std::fs;

use serde_json::{Value, json};

use crate::support::homes::TestHome;

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
