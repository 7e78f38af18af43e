//! How connections reach the processes of an app: over a socket for each of them, or where there are the fewest.

use std::collections::BTreeMap;

use nix::sys::signal::Signal;
use rpm2::sys::proc;
use serde_json::{Value, json};

use crate::{
    daemon_reload::{pid_of, start_web},
    outlive::kill_daemon,
    support::{
        apps::{eventually, nodes},
        homes::{Client, TestHome, event, gone},
        visitors::Visitors,
        web::{Kept, answer, ask, get, server},
    },
};

/// Attributes of an app in kernel mode.
fn kernel(node: &std::path::Path, instances: u32) -> Value {
    let node = node.to_str().unwrap();
    json!({ "interpreter": node, "instances": instances, "load_balancing": "kernel" })
}

/// Who answers how many of so many requests, each on a connection of its own.
fn answers(port: u16, count: usize) -> BTreeMap<i64, usize> {
    let mut found = BTreeMap::new();
    for _ in 0..count {
        *found.entry(get(port).parse().unwrap()).or_default() += 1;
    }
    found
}

/// Whether all of these, and nobody else, answer.
async fn all_answer(client: &Client, port: u16, ids: &[u32]) -> bool {
    let mut pids = Vec::new();
    for id in ids {
        pids.push(pid_of(client, *id).await);
    }
    pids.sort_unstable();
    answers(port, 60).into_keys().collect::<Vec<_>>() == pids
}

/// The process ids of all processes.
async fn pids(client: &Client) -> Vec<i64> {
    let list = client.ok("list", json!([])).await;
    let pid = |process: &Value| process["pid"].as_i64().unwrap();
    list.as_array().unwrap().iter().map(pid).collect()
}

fn unharmed(visitors: Visitors, what: &str) {
    let (answered, failed) = visitors.leave();
    assert!(
        answered > 0 && failed == 0,
        "{what}: {failed} of {answered} failed"
    );
}

#[tokio::test]
async fn in_kernel_mode_no_request_fails_in_a_reload_or_when_processes_are_added_and_taken_away() {
    for node in nodes() {
        let home = TestHome::new();
        let client = home.session();
        let port = start_web(&home, &client, &server("process.pid"), kernel(&node, 2)).await;
        let env = client.process(0).await["pm2_env"].clone();
        assert_eq!(env["load_balancing"], "kernel");
        assert!(all_answer(&client, port, &[0, 1]).await);
        let visitors = Visitors::of(port);
        for _ in 0..2 {
            let before = pids(&client).await;
            client.ok("reload", json!(["web"])).await;
            for old in before {
                gone(old).await;
            }
            client.ok("scale", json!(["web", "+1"])).await;
            client.ok("scale", json!(["web", 2])).await;
        }
        unharmed(visitors, node.to_str().unwrap());
        let mut pids = pids(&client).await;
        pids.sort_unstable();
        assert_eq!(answers(port, 60).into_keys().collect::<Vec<_>>(), pids);
    }
}

#[tokio::test]
async fn in_kernel_mode_what_is_being_served_is_finished_however_short_the_kill_timeout() {
    for node in nodes() {
        let home = TestHome::new();
        let client = home.session();
        let mut more = kernel(&node, 1);
        more["kill_timeout"] = json!(100);
        let script = "const http = require('http')\n\
            http.createServer((q, r) => {\n\
              process.send({ type: 'asked', data: 1 })\n\
              setTimeout(() => r.end(String(process.pid)), 1000)\n\
            }).listen(0, function () { process.send({ type: 'port', data: this.address().port }) })\n";
        let port = start_web(&home, &client, script, more).await;
        let old = pid_of(&client, 0).await;
        let mut bus = client.bus().await;
        let visitor = ask(port);
        event(&mut bus, "asked").await;
        client.ok("reload", json!([0])).await;
        assert_eq!(answer(visitor), old.to_string());
    }
}

#[tokio::test]
async fn an_answer_that_ends_with_its_connection_ends_also_if_the_server_closes_in_that_moment() {
    // Node drops an answered connection when it closes the server, without having said its end.
    let script = "const http = require('http')\n\
        http.createServer((q, r) => {\n\
          process.send({ type: 'asked', data: 1 })\n\
          process.prependListener('internalMessage', ({ act }) => act === 'disconnect' && r.end(String(process.pid)))\n\
        }).listen(0, function () { process.send({ type: 'port', data: this.address().port }) })\n";
    for node in nodes() {
        let home = TestHome::new();
        let client = home.session();
        let port = start_web(&home, &client, script, kernel(&node, 1)).await;
        let old = pid_of(&client, 0).await;
        let mut bus = client.bus().await;
        let visitor = ask(port);
        event(&mut bus, "asked").await;
        client.ok("reload", json!([0])).await;
        assert_eq!(answer(visitor), old.to_string());
    }
}

#[tokio::test]
async fn in_kernel_mode_a_process_that_crashed_or_is_stopped_leaves_no_connection_hanging() {
    for node in nodes() {
        let home = TestHome::new();
        let client = home.session();
        let mut more = kernel(&node, 2);
        more["restart_delay"] = json!(3_600_000);
        let port = start_web(&home, &client, &server("process.pid"), more).await;
        let crashing = pid_of(&client, 0).await;
        let pid = i32::try_from(crashing).unwrap();
        proc::signal(pid, Signal::SIGKILL).unwrap();
        client
            .until("it waits for its restart", 0, |process| {
                process["pm2_env"]["status"] == "waiting restart"
            })
            .await;
        assert!(all_answer(&client, port, &[1]).await);
        client.ok("restart", json!([0])).await;
        eventually("it listens again", || answers(port, 40).len() == 2).await;
        client.ok("stop", json!([1])).await;
        assert!(all_answer(&client, port, &[0]).await);
        client.ok("restart", json!([1])).await;
        eventually("it listens again", || answers(port, 40).len() == 2).await;
        assert!(all_answer(&client, port, &[0, 1]).await);
        client.ok("stop", json!(["web"])).await;
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}

#[tokio::test]
async fn in_kernel_mode_no_request_fails_when_the_daemon_is_killed() {
    for node in nodes() {
        let home = TestHome::new();
        let client = home.session();
        let port = start_web(&home, &client, &server("process.pid"), kernel(&node, 2)).await;
        let visitors = Visitors::of(port);
        for _ in 0..3 {
            kill_daemon(&home).await;
        }
        // And all works as ever with the next one.
        client.ok("reload", json!(["web", { "force": true }])).await;
        unharmed(visitors, node.to_str().unwrap());
        assert!(all_answer(&client, port, &[0, 1]).await);
        client.ok("stop", json!([0])).await;
        kill_daemon(&home).await;
        assert!(all_answer(&client, port, &[1]).await);
        client.ok("delete", json!([0])).await;
        assert!(all_answer(&client, port, &[1]).await);
    }
}

#[tokio::test]
async fn an_app_changes_its_mode_by_a_reload_and_no_request_fails() {
    for node in nodes() {
        let home = TestHome::new();
        let client = home.session();
        let node = json!({ "interpreter": node.to_str().unwrap(), "instances": 2 });
        let port = start_web(&home, &client, &server("process.pid"), node).await;
        let script = home.folder().join("web.js");
        let visitors = Visitors::of(port);
        for mode in ["kernel", "least-connections", "kernel", "round-robin"] {
            let declared = json!([{ "script": script, "name": "web", "load_balancing": mode }]);
            client.ok("reload", json!([declared])).await;
            assert_eq!(client.process(1).await["pm2_env"]["load_balancing"], mode);
        }
        unharmed(visitors, "a change of mode");
        assert!(all_answer(&client, port, &[0, 1]).await);
    }
}

#[tokio::test]
async fn least_connections_gives_new_ones_to_the_process_that_has_fewer() {
    for node in nodes() {
        let home = TestHome::new();
        let client = home.session();
        let node = node.to_str().unwrap();
        let more =
            json!({ "interpreter": node, "instances": 2, "load_balancing": "least-connections" });
        let script = server("process.pid").replace(
            ".listen(",
            ".on('connection', (s) => s.setTimeout(0)).listen(",
        );
        let port = start_web(&home, &client, &script, more).await;
        for _ in 0..2 {
            fewer_gets_more(&client, port).await;
            // The next daemon knows it too: of what the processes have, not of what was given out.
            kill_daemon(&home).await;
        }
    }
}

/// Connections that are kept; who has each.
fn kept(port: u16, count: usize) -> Vec<(i64, Kept)> {
    let open = |_| {
        let mut kept = Kept::to(port);
        (kept.get().unwrap().parse().unwrap(), kept)
    };
    (0..count).map(open).collect()
}

async fn fewer_gets_more(client: &Client, port: u16) {
    let pids = [pid_of(client, 0).await, pid_of(client, 1).await];
    let held = kept(port, 60);
    let of = |held: &[(i64, Kept)], pid| held.iter().filter(|(by, _)| *by == pid).count();
    // A look may fall between a connection's coming and its being taken.
    let shares = pids.map(|pid| of(&held, pid));
    assert!(shares[0].abs_diff(30) <= 5, "{shares:?}");
    let busy: Vec<(i64, Kept)> = held.into_iter().filter(|(by, _)| *by == pids[0]).collect();
    // As soon as it is seen that the other's are gone, it gets all new ones until it has as many.
    eventually("the other gets every new one", || {
        let new = kept(port, 8);
        of(&new, pids[1]) == 8
    })
    .await;
    drop(busy);
}

#[tokio::test]
async fn the_mode_is_checked_and_kept_by_dump_and_resurrect() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write("web.js", &server("process.env.load_balancing"));
    let wrong = json!([{ "script": script, "name": "web", "loadBalancing": "kernels" }]);
    let refusal = client.refused("start", wrong).await;
    assert!(
        refusal.contains("\"least-connections\" or \"kernel\"") && refusal.contains("did you mean"),
        "{refusal}"
    );
    let more = json!({ "loadBalancing": "kernel" });
    let port = start_web(&home, &client, &server("process.env.load_balancing"), more).await;
    assert_eq!(get(port), "kernel");
    client.ok("dump", json!([])).await;
    client.ok("delete", json!(["all"])).await;
    client.ok("resurrect", json!([])).await;
    let process = client.ok("describe", json!(["web"])).await;
    assert_eq!(process[0]["pm2_env"]["load_balancing"], "kernel");
}

#[tokio::test]
async fn in_kernel_mode_another_app_does_not_get_the_address() {
    let home = TestHome::new();
    let client = home.session();
    let more = json!({ "load_balancing": "kernel", "instances": 2 });
    let port = start_web(&home, &client, &server("process.pid"), more).await;
    let text = format!("require('http').createServer((q, r) => r.end('0')).listen({port})\n");
    let script = home.write("other.js", &text);
    for mode in ["kernel", "round-robin"] {
        let other = json!([{
            "script": script, "name": mode, "exec_mode": "cluster", "load_balancing": mode, "autorestart": false,
            "error_file": home.folder().join(format!("{mode}.log")), "merge_logs": true
        }]);
        let _ = client.verb("start", other.clone()).await;
        let file = other[0]["error_file"].clone();
        eventually("its error", || {
            let log = std::fs::read_to_string(file.as_str().unwrap());
            log.is_ok_and(|log| log.contains("EADDRINUSE"))
        })
        .await;
        client.ok("delete", json!([mode])).await;
    }
    assert!(all_answer(&client, port, &[0, 1]).await);
}
