//! What becomes of the connections of a process that is reloaded.

use std::io::{Read, Write};

use serde_json::json;

use crate::{
    daemon_reload::{pid_of, start_web},
    support::{
        apps::nodes,
        homes::{TestHome, event, gone},
        visitors::Visitors,
        web::{Kept, ask, server},
    },
};

#[tokio::test]
async fn patience_with_connections_ends_after_drain_timeout() {
    let home = TestHome::new();
    let client = home.session();
    let silent = server("1").replace("r.end(String(1))", "0");
    let port = start_web(&home, &client, &silent, json!({ "drain_timeout": 100 })).await;
    let mut visitor = ask(port);
    client.ok("reload", json!([0])).await;
    let mut text = String::new();
    let _ = visitor.read_to_string(&mut text);
    assert_eq!(text, "");
}

/// Node before 19 leaves idle connections open when its server closes.
fn drops_idle_connections(node: &std::path::Path) -> bool {
    let output = std::process::Command::new(node)
        .arg("-p")
        .arg("process.versions.node")
        .output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let major: u32 = text.split('.').next().unwrap().parse().unwrap();
    major >= 19
}

#[tokio::test]
async fn an_idle_kept_connection_goes_on_with_the_new_process() {
    for node in nodes() {
        if !drops_idle_connections(&node) {
            continue;
        }
        let home = TestHome::new();
        let client = home.session();
        let more =
            json!({ "interpreter": node.to_str().unwrap(), "drain_timeout": 100, "pmx": false });
        let port = start_web(&home, &client, &server("process.pid"), more).await;
        let mut kept = Kept::to(port);
        for _ in 0..3 {
            let old = pid_of(&client, 0).await;
            assert_eq!(kept.get().unwrap(), old.to_string());
            client.ok("reload", json!([0])).await;
            gone(old).await;
            let new = pid_of(&client, 0).await;
            assert_eq!(kept.get().unwrap(), new.to_string());
        }
    }
}

#[tokio::test]
async fn without_an_agent_clients_that_never_pause_go_on_with_the_new_process() {
    let script = server("process.pid")
        .replace("r.end(", "setTimeout(() => r.end(")
        .replace("))).listen", ")), 3)).listen")
        + "process.on('SIGINT', () => process.send({ type: 'handled', data: true }, () => process.exit()))\n";
    for node in nodes() {
        let home = TestHome::new();
        let client = home.session();
        let more = json!({ "interpreter": node.to_str().unwrap(), "instances": 2, "pmx": false });
        let port = start_web(&home, &client, &script, more).await;
        let visitors = Visitors::that_stay(port);
        let mut bus = client.bus().await;
        for _ in 0..3 {
            let before = [pid_of(&client, 0).await, pid_of(&client, 1).await];
            client.ok("reload", json!(["web"])).await;
            for old in before {
                gone(old).await;
                // Its own handler of the signal has run.
                event(&mut bus, "handled").await;
            }
        }
        let (answered, failed) = visitors.leave();
        assert!(answered > 0 && failed == 0, "{failed} of {answered}");
    }
}

#[tokio::test]
async fn without_an_agent_no_visitor_of_a_server_that_accepts_for_itself_notices() {
    let home = TestHome::new();
    let client = home.session();
    let more = json!({ "instances": 2, "pmx": false, "load_balancing": "kernel" });
    let port = start_web(&home, &client, &server("process.pid"), more).await;
    let visitors = [Visitors::of(port), Visitors::that_stay(port)];
    for _ in 0..5 {
        client.ok("reload", json!(["web"])).await;
    }
    for visitors in visitors {
        let (answered, failed) = visitors.leave();
        assert!(answered > 0 && failed == 0, "{failed} of {answered}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_the_old_processs_to_its_end() {
    let home = TestHome::new();
    let client = home.session();
    let script = "require('net').createServer((s) => s.on('data', (d) => s.write(`${process.pid} ${d}`))).listen(0, function () { process.send({ type: 'port', data: this.address().port }) })\n";
    let port = start_web(&home, &client, script, json!({ "pmx": false })).await;
    let mut visitor = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let patience = Some(std::time::Duration::from_secs(20));
    visitor.set_read_timeout(patience).unwrap();
    let mut say = |word: &str| {
        visitor.write_all(word.as_bytes()).unwrap();
        let mut buffer = [0; 100];
        let length = visitor.read(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let old = pid_of(&client, 0).await;
    assert_eq!(say("hello"), format!("{old} hello"));
    let session = home.session();
    let reload = tokio::spawn(async move { session.ok("reload", json!([0])).await });
    client
        .until("the new one is up", 0, |process| process["pid"] != old)
        .await;
    for count in 0..50 {
        assert_eq!(say(&count.to_string()), format!("{old} {count}"));
    }
    drop(visitor);
    reload.await.unwrap();
    gone(old).await;
}

#[tokio::test]
async fn times_and_memory_limits_reload_a_clustered_app() {
    let reasons = [
        json!({ "cronRestart": "* * * * * *" }),
        json!({ "maxMemoryRestart": 1000 }),
    ];
    for reason in reasons {
        let home = TestHome::new();
        let client = home.session();
        let port = start_web(&home, &client, &server("process.pid"), json!({})).await;
        client.ok("reload", json!(["web", reason])).await;
        let visitors = Visitors::of(port);
        let mut bus = client.bus().await;
        loop {
            let event = event(&mut bus, "process:event").await;
            if event["event"] == "exit" {
                assert_eq!(event["process"]["pm_id"], "_old_0", "{reason}");
                break;
            }
        }
        client
            .until("it is online", 0, |process| {
                process["pm2_env"]["status"] == "online"
                    && process["pm2_env"]["restart_time"].as_u64() > Some(1)
            })
            .await;
        let (answered, failed) = visitors.leave();
        assert!(
            answered > 0 && failed == 0,
            "{failed} of {answered} failed, {reason}"
        );
    }
}
