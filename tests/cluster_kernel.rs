//! Kernel mode: each process has a socket of its own, from which its worker accepts.

use std::{collections::BTreeMap, net::Ipv4Addr, path::Path};

use rpm2::cluster::{Policy, Primary, WorkerEvent};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    cluster_listen::answer,
    support::{
        apps::{App, Start, eventually, nodes, run, soon},
        old_daemon::OldDaemon,
    },
};

const LISTEN: &str = r#"{"port":0,"host":"127.0.0.1"}"#;

fn local(said: &Value) -> (Ipv4Addr, u16) {
    let port = said["port"].as_u64().or(said["address"]["port"].as_u64());
    let port = port.unwrap_or_else(|| panic!("{said}"));
    (Ipv4Addr::LOCALHOST, u16::try_from(port).unwrap())
}

/// A worker of `net.js` as the process `number`, and where it listens.
async fn worker(node: &Path, primary: &Primary, number: u32) -> (App, (Ipv4Addr, u16)) {
    let variables = [("LISTEN", LISTEN)];
    let start = Start::new(node, "net.js").with(&variables);
    let start = start.policy(Policy::Kernel).seated("web", number);
    let mut app = start.worker(primary);
    let address = local(&app.json().await);
    // Told before or after the message of its own.
    eventually("it listens", || app.worker().is_listening()).await;
    (app, address)
}

/// Who answered how many of so many connections.
async fn answers(address: (Ipv4Addr, u16), count: usize) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for _ in 0..count {
        *found.entry(answer(address).await).or_default() += 1;
    }
    found
}

fn ids(apps: &[&App]) -> Vec<String> {
    let mut ids: Vec<String> = apps.iter().map(|app| app.id()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn the_kernel_spreads_connections_over_the_workers_and_we_have_none_in_hand() {
    for node in nodes() {
        let primary = Primary::new();
        let (first, address) = worker(&node, &primary, 0).await;
        let (second, same) = worker(&node, &primary, 1).await;
        assert_eq!(address, same, "port 0 is one port for all processes");
        let found = answers(address, 100).await;
        let found: Vec<String> = found.into_keys().collect();
        assert_eq!(found, ids(&[&first, &second]));
        assert_eq!(primary.unsettled(), 0);
    }
}

#[tokio::test]
async fn a_dead_workers_connections_are_served_by_the_living_one_until_it_is_back() {
    for node in nodes() {
        let primary = Primary::new();
        let (mut first, address) = worker(&node, &primary, 0).await;
        let (second, _) = worker(&node, &primary, 1).await;
        first.kill();
        first.closed().await;
        let found = answers(address, 100).await;
        assert_eq!(found, BTreeMap::from([(second.id(), 100)]));
        let (again, same) = worker(&node, &primary, 0).await;
        assert_eq!(address, same);
        let found: Vec<String> = answers(address, 100).await.into_keys().collect();
        assert_eq!(found, ids(&[&again, &second]));
    }
}

#[tokio::test]
async fn a_stopped_workers_socket_takes_connections_for_its_next_run() {
    for node in nodes() {
        let primary = Primary::new();
        let (old, address) = worker(&node, &primary, 0).await;
        let (new, same) = worker(&node, &primary, 0).await;
        assert_eq!(address, same);
        assert!(new.worker().covers(old.worker()));
        // Both accept from the one socket, until the old one is told to leave: it then closes its server and goes.
        let mut old = old;
        old.worker().disconnect();
        old.closed().await;
        let found = answers(address, 50).await;
        assert_eq!(found, BTreeMap::from([(new.id(), 50)]));
    }
}

#[tokio::test]
async fn a_server_that_is_closed_and_opened_again_has_its_socket_again() {
    for node in nodes() {
        let primary = Primary::new();
        let (mut first, address) = worker(&node, &primary, 0).await;
        let (second, _) = worker(&node, &primary, 1).await;
        for _ in 0..3 {
            first.send("\"close\"");
            assert_eq!(first.json().await, "closed");
            let found = answers(address, 50).await;
            assert_eq!(found, BTreeMap::from([(second.id(), 50)]));
            first.send("\"again\"");
            assert_eq!(local(&first.json().await), address);
            while !matches!(first.event().await, WorkerEvent::Listening { .. }) {}
            let found: Vec<String> = answers(address, 100).await.into_keys().collect();
            assert_eq!(found, ids(&[&first, &second]));
        }
    }
}

#[tokio::test]
async fn https_and_http2_are_served_also_for_a_worker_that_is_away() {
    for node in nodes() {
        let primary = Primary::new();
        let start = |number| {
            let start = Start::new(&node, "secure.js").policy(Policy::Kernel);
            start.seated("web", number).worker(&primary)
        };
        let (mut first, mut second) = (start(0), start(1));
        let said = first.json().await;
        assert_eq!(said, second.json().await);
        let said = said.to_string();
        let result = run(&node, "secure-client.js", &said).await;
        let result: Value = serde_json::from_str(&result).unwrap();
        // Whoever resumes a session that the other began has its ticket keys.
        assert_eq!(result["reused"], json!([false, true, true, true]));
        first.kill();
        first.closed().await;
        let result = run(&node, "secure-client.js", &said).await;
        let result: Value = serde_json::from_str(&result).unwrap();
        assert_eq!(result["https"], json!(vec![second.id() + " 1.1"; 4]));
        assert_eq!(result["http2"], json!(vec![second.id() + " 2.0"; 4]));
    }
}

#[tokio::test]
async fn a_daemon_that_is_killed_leaves_every_socket_to_the_next() {
    for node in nodes() {
        let mut old = OldDaemon::start();
        let start = |number| {
            let start = Start::new(&node, "handover.js").policy(Policy::Kernel);
            start.seated("web", number)
        };
        let wards = [old.ward(&start(0), true), old.ward(&start(1), true)];
        let address = local(&old.said(&wards[0]));
        assert_eq!(local(&old.said(&wards[1])), address);
        old.kill();
        // Without any daemon they are served by both.
        let mut found = BTreeMap::<String, usize>::new();
        for _ in 0..60 {
            let socket = TcpStream::connect(address).await.unwrap();
            *found.entry(request(socket).await).or_default() += 1;
        }
        assert_eq!(found.len(), 2, "{found:?}");
        let primary = old.restore();
        let [mut first, second] = wards.map(|ward| ward.resume(&primary));
        primary.settle();
        first.kill();
        first.closed().await;
        for _ in 0..30 {
            let socket = TcpStream::connect(address).await.unwrap();
            assert_eq!(request(socket).await, second.id());
        }
        drop(second);
    }
}

/// One request; who answers.
async fn request(mut socket: TcpStream) -> String {
    let request = b"GET / HTTP/1.0\r\n\r\n";
    socket.write_all(request).await.unwrap();
    let mut text = String::new();
    soon("an answer", socket.read_to_string(&mut text))
        .await
        .unwrap();
    text.rsplit("\r\n").next().unwrap().to_owned()
}

#[tokio::test]
async fn unix_sockets_and_udp_are_shared_as_ever() {
    let primary = Primary::new();
    let node = &nodes()[0];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listen = json!({ "path": path }).to_string();
    let variables = [("LISTEN", listen.as_str())];
    let start = Start::new(node, "net.js")
        .with(&variables)
        .policy(Policy::Kernel);
    let mut first = start.worker(&primary);
    let said = first.json().await;
    let mut second = Start::new(node, "net.js")
        .with(&variables)
        .policy(Policy::Kernel)
        .seated("web", 1)
        .worker(&primary);
    assert_eq!(said, second.json().await);
    let variables = [("TYPE", "udp4"), ("PORT", "0")];
    let start = |number| {
        let start = Start::new(node, "udp.js").with(&variables);
        start
            .policy(Policy::Kernel)
            .seated("web", number)
            .worker(&primary)
    };
    let (mut first, mut second) = (start(2), start(3));
    assert_eq!(first.json().await, second.json().await);
}
