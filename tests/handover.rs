//! A daemon is killed, and another goes on with its apps, which notice nothing.

use std::{net::Ipv4Addr, net::UdpSocket};

use rpm2::cluster::Primary;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    apps::{App, Start, nodes, soon},
    old_daemon::OldDaemon,
};

fn address(said: &Value) -> (Ipv4Addr, u16) {
    let port = said["port"].as_u64().unwrap_or_else(|| panic!("{said}"));
    (Ipv4Addr::LOCALHOST, u16::try_from(port).unwrap())
}

/// One request on a connection that stays open; who answers.
async fn request(socket: &mut TcpStream) -> String {
    let request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    socket.write_all(request).await.unwrap();
    let mut text = String::new();
    soon("an answer", async {
        while !text.contains("\r\n\r\n") || text.ends_with("\r\n\r\n") {
            text.push(char::from(socket.read_u8().await.unwrap()));
        }
    })
    .await;
    text.split_off(text.len() - 1)
}

async fn connect(address: (Ipv4Addr, u16)) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

#[tokio::test]
async fn workers_serve_on_and_get_what_came_meanwhile() {
    for node in nodes() {
        let mut old = OldDaemon::start();
        let start = Start::new(&node, "handover.js");
        let wards = [old.ward(&start, true), old.ward(&start, true)];
        let address = address(&old.said(&wards[0]));
        old.said(&wards[1]);
        let pids = [wards[0].pid, wards[1].pid];
        let mut lasting = connect(address).await;
        let served_by = request(&mut lasting).await;
        old.kill();
        // Nobody accepts now.
        let mut waiting = Vec::new();
        for _ in 0..20 {
            waiting.push(connect(address).await);
        }
        assert_eq!(request(&mut lasting).await, served_by);
        let primary = old.restore();
        let mut apps = wards.map(|ward| ward.resume(&primary));
        primary.settle();
        let mut answers = Vec::new();
        for socket in &mut waiting {
            answers.push(request(socket).await);
        }
        let ids = [apps[0].id(), apps[1].id()];
        assert!(ids.iter().all(|id| answers.contains(id)), "{answers:?}");
        assert_eq!(request(&mut lasting).await, served_by);
        for (app, pid) in apps.iter_mut().zip(pids) {
            assert!(app.worker().is_listening());
            app.send("\"hello\"");
            let expected = json!({ "pid": pid, "connected": true, "message": "hello" });
            assert_eq!(app.json().await, expected);
        }
        assert_eq!(primary.lost_connections(), 0);
        listens_again(&mut apps).await;
        closes_with_its_workers(apps, address).await;
    }
}

/// Old workers may open further servers, which they share.
async fn listens_again(apps: &mut [App; 2]) {
    for app in apps.iter() {
        app.send("\"listen\"");
    }
    let (said, same) = (apps[0].json().await, apps[1].json().await);
    assert_eq!(said, same);
    request(&mut connect(address(&said)).await).await;
}

async fn closes_with_its_workers([mut first, mut second]: [App; 2], address: (Ipv4Addr, u16)) {
    first.kill();
    first.closed().await;
    assert_eq!(request(&mut connect(address).await).await, second.id());
    second.kill();
    second.closed().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn no_message_is_lost_and_at_most_one_comes_twice() {
    const COUNT: u64 = 20_000;
    for node in nodes() {
        let mut old = OldDaemon::start();
        let ward = old.ward(&Start::new(&node, "count.js"), false);
        assert_eq!(old.said(&ward), "ready");
        old.tell(&json!({ "send": 0, "body": { "send": COUNT } }));
        for n in 0..1000 {
            assert_eq!(old.said(&ward), json!({ "n": n }));
        }
        let mut next = 1000;
        for said in old.kill() {
            assert_eq!(said, json!({ "n": next }));
            next += 1;
        }
        println!("killed after {next} of {COUNT} messages");
        let primary = Primary::with_generation(1);
        let mut app = ward.resume(&primary);
        let mut said = app.json().await;
        if said == json!({ "n": next - 1 }) {
            said = app.json().await;
        }
        while next < COUNT - 1 {
            assert_eq!(said, json!({ "n": next }));
            next += 1;
            said = app.json().await;
        }
        for n in 0..1000 {
            app.send(&json!({ "n": n, "of": 1000 }).to_string());
        }
        assert_eq!(app.json().await, json!({ "received": 1000 }));
    }
}

#[tokio::test]
async fn udp_and_shared_sockets_are_still_shared() {
    for node in nodes() {
        let mut old = OldDaemon::start();
        let variables = [("TYPE", "udp4"), ("PORT", "0")];
        let start = Start::new(&node, "udp.js").with(&variables);
        let wards = [old.ward(&start, true), old.ward(&start, true)];
        let said = old.said(&wards[0]);
        assert_eq!(said, old.said(&wards[1]));
        old.kill();
        let primary = old.restore();
        let [first, second] = wards.map(|ward| ward.resume(&primary));
        primary.settle();
        let mut third = start.worker(&primary);
        assert_eq!(third.worker().id(), 3);
        assert_eq!(third.json().await, said);
        for app in [&first, &second] {
            app.kill();
        }
        for mut app in [first, second] {
            app.closed().await;
        }
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        client.set_nonblocking(true).unwrap();
        let client = tokio::net::UdpSocket::from_std(client).unwrap();
        client.send_to(b"hello", address(&said)).await.unwrap();
        let mut buffer = [0; 64];
        let received = soon("a datagram", client.recv_from(&mut buffer)).await;
        assert_eq!(&buffer[..received.unwrap().0], b"3 hello");
    }
}

#[tokio::test]
async fn a_worker_that_was_leaving_is_leaving() {
    for node in nodes() {
        let mut old = OldDaemon::start();
        let variables = [("DELAY", "300"), ("TELL", "1")];
        let start = Start::new(&node, "http.js").with(&variables);
        let ward = old.ward(&start, true);
        let address = address(&old.said(&ward));
        let mut busy = connect(address).await;
        request(&mut busy).await;
        let next = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        busy.write_all(next).await.unwrap();
        assert_eq!(old.said(&ward), "asked");
        assert_eq!(old.said(&ward), "asked");
        old.disconnect(&ward);
        old.kill();
        let primary = old.restore();
        let mut app = ward.resume(&primary);
        assert!(app.worker().is_leaving());
        // It would drop what it serves if it were told again.
        app.worker().disconnect();
        primary.settle();
        let mut answer = String::new();
        soon("the answer", busy.read_to_string(&mut answer))
            .await
            .unwrap();
        assert!(answer.ends_with(&app.id()), "{answer}");
        app.closed().await;
        assert!(TcpStream::connect(address).await.is_err());
    }
}
