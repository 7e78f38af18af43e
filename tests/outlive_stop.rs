//! A stop whose app is gone, and whose app's child lives, when the daemon dies: the next daemon waits for the child.

use std::fs;

use nix::sys::signal::Signal;
use rpm2::sys::proc;
use serde_json::{Value, json};

use crate::{
    outlive::kill_daemon,
    support::{
        apps::eventually,
        homes::{Client, TestHome, gone},
    },
};

/// Starts an app that ends at once when asked to, with a child that does not: the process ids of both.
async fn start_parent(home: &TestHome, client: &Client, kill_timeout: u64) -> (i64, i32) {
    let deaf = "trap '' INT; while :; do sleep 0.1; done";
    let marker = home.folder().join("child");
    let script = format!(
        "trap 'exit 0' INT; sh -c \"{deaf}\" & echo $! > {0}.new; mv {0}.new {0}; wait",
        marker.display()
    );
    let more = json!({ "kill_timeout": kill_timeout, "autorestart": false });
    client.start_shell("parent", &script, more).await;
    let parent = client.process(0).await["pid"].as_i64().unwrap();
    (parent, child_of_app(home).await)
}

/// The child of the present run.
async fn child_of_app(home: &TestHome) -> i32 {
    let marker = home.folder().join("child");
    eventually("the child", || marker.exists()).await;
    let text = fs::read_to_string(&marker).unwrap();
    fs::remove_file(&marker).unwrap();
    text.trim().parse().unwrap()
}

/// Makes a call and kills the daemon once the parent is gone, and the daemon knows it.
async fn kill_amid(
    home: &TestHome,
    client: &Client,
    method: &'static str,
    arg: &'static str,
    parent: i64,
) {
    let session = client.session.clone();
    let call = tokio::spawn(async move { session.call(method, &[arg]).await });
    gone(parent).await;
    eventually("the exit's line in the log", || {
        home.log().contains("exited with code")
    })
    .await;
    kill_daemon(home).await;
    assert!(call.await.unwrap().is_err());
}

fn status(process: &Value) -> &str {
    process["pm2_env"]["status"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_restart_waits_on_for_the_child_before_it_starts_the_app_again() {
    let home = TestHome::new();
    let client = home.session();
    let (parent, child) = start_parent(&home, &client, 60_000).await;
    kill_amid(
        &home,
        &client,
        "restartProcessId",
        r#"{"id":0,"env":{}}"#,
        parent,
    )
    .await;
    for _ in 0..2 {
        assert_eq!(status(&client.process(0).await), "stopping");
        assert!(proc::exists(child));
        kill_daemon(&home).await;
    }
    assert_eq!(status(&client.process(0).await), "stopping");
    proc::signal(child, Signal::SIGKILL).unwrap();
    let process = client
        .until("the next run", 0, |process| status(process) == "online")
        .await;
    assert_eq!(process["pm2_env"]["restart_time"], 1);
    assert_ne!(process["pid"], parent);
    // Without it, it ends by itself.
    proc::signal(child_of_app(&home).await, Signal::SIGKILL).unwrap();
    client
        .until("the end", 0, |process| status(process) == "stopped")
        .await;
}

#[tokio::test]
async fn a_child_that_does_not_end_in_time_is_killed() {
    let home = TestHome::new();
    let client = home.session();
    let (parent, child) = start_parent(&home, &client, 1500).await;
    kill_amid(&home, &client, "stopProcessId", "0", parent).await;
    client
        .until("the end", 0, |process| status(process) == "stopped")
        .await;
    gone(child.into()).await;
    assert!(home.log().contains("sending SIGKILL"), "{}", home.log());
}
