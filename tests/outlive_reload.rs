//! A reload goes on, or is undone, when the daemon is killed in the middle of it.

use serde_json::{Value, json};

use crate::{
    daemon_reload::{pid_of, start_web},
    outlive::kill_daemon,
    support::{
        apps::eventually,
        homes::{Client, TestHome, children, event, gone},
        web::{ask, get, server},
    },
};

/// How many apps there are.
fn apps(home: &TestHome) -> usize {
    children(home.keeper_pid().unwrap()).len() - 1
}

/// Begins a reload that nobody waits for.
async fn begin(client: &Client, method: &str, argument: Value) {
    client
        .session
        .tell(method, &argument.to_string())
        .await
        .unwrap();
}

/// A server that begins to listen when the file `go` is there.
fn waits(home: &TestHome, before: &str) -> String {
    let go = home.folder().join("go");
    format!(
        "process.send({{ type: 'begun', data: process.pid }})\n{before}\n\
         const timer = setInterval(() => {{ if (!require('fs').existsSync({:?})) return\nclearInterval(timer)\n{} }}, 5)\n",
        go.to_str().unwrap(),
        server("process.pid")
    )
}

#[tokio::test]
async fn a_replacement_that_comes_up_meanwhile_takes_over() {
    let home = TestHome::new();
    let client = home.session();
    let port = start_web(&home, &client, &server("process.pid"), json!({})).await;
    let old = pid_of(&client, 0).await;
    home.write("web.js", &waits(&home, ""));
    let mut bus = client.bus().await;
    let more = json!({ "id": 0, "env": { "current_conf": { "listen_timeout": 20_000 } } });
    begin(&client, "reloadProcessId", more).await;
    let new = event(&mut bus, "begun").await["data"].as_i64().unwrap();
    kill_daemon(&home).await;
    assert_eq!(pid_of(&client, 0).await, old, "the old one serves");
    assert_eq!(get(port), old.to_string());
    home.write("go", "");
    client
        .until("the new run", 0, |process| process["pid"] == new)
        .await;
    gone(old).await;
    let process = client.process(0).await;
    assert_eq!(process["pm2_env"]["restart_time"], 1);
    assert_eq!(get(port), new.to_string());
    assert_eq!(apps(&home), 1);
    // And everything works as ever.
    home.write("web.js", &server("process.pid"));
    client.ok("reload", json!(["web", { "force": true }])).await;
    client.ok("restart", json!(["web"])).await;
    client.ok("delete", json!(["web"])).await;
    assert_eq!(apps(&home), 0);
}

#[tokio::test]
async fn a_replacement_that_fails_meanwhile_is_removed() {
    let home = TestHome::new();
    let client = home.session();
    let port = start_web(&home, &client, &server("process.pid"), json!({})).await;
    let old = pid_of(&client, 0).await;
    home.write(
        "web.js",
        &waits(&home, "process.on('SIGHUP', () => process.exit(3))"),
    );
    let mut bus = client.bus().await;
    let more = json!({ "id": 0, "env": { "current_conf": { "listen_timeout": 20_000 } } });
    begin(&client, "reloadProcessId", more).await;
    let new = event(&mut bus, "begun").await["data"].as_i64().unwrap();
    kill_daemon(&home).await;
    let pid = i32::try_from(new).unwrap();
    rpm2::sys::proc::signal(pid, nix::sys::signal::Signal::SIGHUP).unwrap();
    gone(new).await;
    eventually("a line in the log", || {
        home.log().contains("ended (exit code 3) before it was up")
    })
    .await;
    assert_eq!(pid_of(&client, 0).await, old);
    assert_eq!(get(port), old.to_string());
    assert_eq!(apps(&home), 1);
}

#[tokio::test]
async fn an_old_run_is_drained_and_stopped_by_the_next_daemon() {
    let home = TestHome::new();
    let client = home.session();
    let script = "const server = require('http').createServer((q, r) => 0)\n\
        server.listen(0, function () { process.send({ type: 'port', data: this.address().port }) })\n\
        process.on('SIGINT', () => { console.log('handled'); process.exit(0) })\n";
    let more = json!({ "drain_timeout": 60_000 });
    let port = start_web(&home, &client, script, more).await;
    let old = pid_of(&client, 0).await;
    let visitor = ask(port);
    begin(&client, "reloadProcessId", json!({ "id": 0, "env": {} })).await;
    let is_new =
        |process: &Value| process["pid"] != old && process["pm2_env"]["status"] == "online";
    client.until("the new run", 0, is_new).await;
    for _ in 0..2 {
        kill_daemon(&home).await;
    }
    assert!(
        rpm2::sys::proc::exists(i32::try_from(old).unwrap()),
        "it still serves"
    );
    assert_eq!(home.app_log("web-out-0.log"), b"");
    drop(visitor);
    gone(old).await;
    eventually("its last words", || {
        home.app_log("web-out-0.log") == b"handled\n"
    })
    .await;
    assert_eq!(apps(&home), 1);
}

#[tokio::test]
async fn an_old_run_that_ignores_its_signal_is_killed_by_the_next_daemon_and_signalled_once() {
    let home = TestHome::new();
    let client = home.session();
    let script = server("1") + "process.on('SIGINT', () => console.log('ignored'))\n";
    start_web(&home, &client, &script, json!({ "kill_timeout": 2500 })).await;
    let old = pid_of(&client, 0).await;
    begin(&client, "reloadProcessId", json!({ "id": 0, "env": {} })).await;
    eventually("the signal", || !home.app_log("web-out-0.log").is_empty()).await;
    kill_daemon(&home).await;
    gone(old).await;
    assert_eq!(home.app_log("web-out-0.log"), b"ignored\n");
    eventually("its end is recorded", || {
        home.log().contains("App [web:_old_0] exited")
    })
    .await;
}

#[tokio::test]
async fn a_retirement_is_finished_by_the_next_daemon() {
    let home = TestHome::new();
    let client = home.session();
    let silent = server("1").replace("r.end(String(1))", "0");
    let port = start_web(&home, &client, &silent, json!({ "drain_timeout": 60_000 })).await;
    let old = pid_of(&client, 0).await;
    let visitor = ask(port);
    begin(&client, "rpm2RetireProcessId", json!(0)).await;
    client
        .until("the retirement", 0, |process| {
            process["pm2_env"]["status"] == "stopping"
        })
        .await;
    kill_daemon(&home).await;
    assert!(
        rpm2::sys::proc::exists(i32::try_from(old).unwrap()),
        "it still serves"
    );
    drop(visitor);
    gone(old).await;
    client.until("it is forgotten", 0, Value::is_null).await;
    assert_eq!(apps(&home), 0);
}
