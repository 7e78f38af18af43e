//! What runs over the connections: it reaches the workers by the sockets alone.

use std::{collections::BTreeSet, net::Ipv4Addr, path::Path};

use rpm2::cluster::Primary;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::apps::{App, Start, nodes, run, soon};

async fn two(node: &Path, primary: &Primary, fixture: &str) -> ([App; 2], Value) {
    let start = Start::new(node, fixture);
    let mut workers = [start.worker(primary), start.worker(primary)];
    let said = workers[0].json().await;
    assert_eq!(said, workers[1].json().await);
    (workers, said)
}

async fn connect(said: &Value) -> TcpStream {
    let port = u16::try_from(said["port"].as_u64().unwrap()).unwrap();
    TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap()
}

/// Reads until `socket` has sent `end`.
async fn read_until(socket: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let mut found = Vec::new();
    soon("an answer", async {
        while !found.ends_with(end) {
            let byte = socket.read_u8().await.unwrap();
            found.push(byte);
        }
    })
    .await;
    found
}

#[tokio::test]
async fn http_connections_stay_with_their_worker() {
    for node in nodes() {
        let primary = Primary::new();
        let (workers, said) = two(&node, &primary, "http.js").await;
        let mut seen = BTreeSet::new();
        for _ in 0..2 {
            let mut socket = connect(&said).await;
            let mut ids = BTreeSet::new();
            for _ in 0..20 {
                socket
                    .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    .await
                    .unwrap();
                read_until(&mut socket, b"\r\n\r\n").await;
                let id = socket.read_u8().await.unwrap();
                ids.insert(char::from(id).to_string());
            }
            assert_eq!(ids.len(), 1);
            seen.extend(ids);
        }
        assert_eq!(seen, BTreeSet::from(workers.map(|worker| worker.id())));
    }
}

#[tokio::test]
async fn https_shares_its_session_keys_and_http2_is_served() {
    for node in nodes() {
        let primary = Primary::new();
        let (workers, said) = two(&node, &primary, "secure.js").await;
        let result: Value =
            serde_json::from_str(&run(&node, "secure-client.js", &said.to_string()).await).unwrap();
        let ids = BTreeSet::from(workers.map(|worker| worker.id()));
        for (name, version) in [("https", "1.1"), ("http2", "2.0")] {
            let answers = result[name].as_array().unwrap();
            let answers: BTreeSet<&str> =
                answers.iter().map(|body| body.as_str().unwrap()).collect();
            let expected: Vec<String> = ids.iter().map(|id| format!("{id} {version}")).collect();
            assert_eq!(answers, expected.iter().map(String::as_str).collect());
        }
        // Each worker resumes the session that the other began: they have the same ticket keys.
        assert_eq!(
            result["reused"],
            serde_json::json!([false, true, true, true])
        );
    }
}

#[tokio::test]
async fn a_websocket_is_taken_and_echoes() {
    for node in nodes() {
        let primary = Primary::new();
        let (_workers, said) = two(&node, &primary, "websocket.js").await;
        for _ in 0..2 {
            let mut socket = connect(&said).await;
            let request =
                b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
            socket.write_all(request).await.unwrap();
            let head = read_until(&mut socket, b"\r\n\r\n").await;
            let head = String::from_utf8(head).unwrap();
            assert!(head.starts_with("HTTP/1.1 101"), "{head}");
            assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
            for text in ["hello", "again"] {
                let mask = [1, 2, 3, 4];
                let masked = text.bytes().zip(mask.iter().cycle()).map(|(a, b)| a ^ b);
                let frame: Vec<u8> = [0x81, 0x85].into_iter().chain(mask).chain(masked).collect();
                socket.write_all(&frame).await.unwrap();
                let echo = read_until(&mut socket, text.as_bytes()).await;
                assert_eq!(echo[..2], [0x81, 5]);
            }
        }
    }
}
