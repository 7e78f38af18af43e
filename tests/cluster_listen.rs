//! What workers may listen on.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use rpm2::{
    channel::AddressType,
    cluster::{Policy, Primary, WorkerEvent},
};
use serde_json::{Value, json};
use tokio::{
    io::AsyncReadExt,
    net::{TcpStream, UnixStream},
};

use crate::support::{
    apps::{App, Start, eventually, nodes, soon},
    ports::free_port,
};

/// What a connection to `address` is answered.
pub(crate) async fn answer(address: impl Into<SocketAddr>) -> String {
    let mut text = String::new();
    let mut socket = TcpStream::connect(address.into()).await.unwrap();
    soon("an answer", socket.read_to_string(&mut text))
        .await
        .unwrap();
    text
}

/// The same for a Unix socket.
async fn answer_at(path: &Path) -> String {
    let mut text = String::new();
    let mut socket = UnixStream::connect(path).await.unwrap();
    soon("an answer", socket.read_to_string(&mut text))
        .await
        .unwrap();
    text
}

/// Starts two workers of `net.js` that listen as `listen` says, and gives them with what they say of it.
async fn two(node: &Path, primary: &Primary, listen: &Value, policy: Policy) -> [(App, Value); 2] {
    let listen = listen.to_string();
    let variables = [("LISTEN", listen.as_str())];
    let start = Start::new(node, "net.js").with(&variables).policy(policy);
    let mut workers = [start.worker(primary), start.worker(primary)];
    let said = [workers[0].json().await, workers[1].json().await];
    let [first, second] = workers;
    let [said_first, said_second] = said;
    [(first, said_first), (second, said_second)]
}

fn port(said: &Value) -> u16 {
    let port = said["address"]["port"].as_u64();
    u16::try_from(port.unwrap_or_else(|| panic!("{said}"))).unwrap()
}

#[tokio::test]
async fn two_workers_share_a_port_and_take_turns() {
    for node in nodes() {
        let primary = Primary::new();
        let listen = json!({ "port": free_port(), "host": "127.0.0.1" });
        let [(first, said), (second, same)] =
            two(&node, &primary, &listen, Policy::RoundRobin).await;
        assert_eq!(said, same);
        assert_eq!(
            said["address"],
            json!({ "address": "127.0.0.1", "family": "IPv4", "port": listen["port"] })
        );
        let mut answers = Vec::new();
        for _ in 0..10 {
            answers.push(answer((Ipv4Addr::LOCALHOST, port(&said))).await);
        }
        let in_turn = |ids: [&App; 2]| {
            let ids = ids.map(App::id);
            answers.chunks(2).all(|pair| pair == ids)
        };
        assert!(
            in_turn([&first, &second]) || in_turn([&second, &first]),
            "{answers:?}"
        );
    }
}

#[tokio::test]
async fn workers_tell_that_they_run_and_listen() {
    for node in nodes() {
        let primary = Primary::new();
        let variables = [("LISTEN", "{\"port\":0}")];
        let mut app = Start::new(&node, "net.js")
            .with(&variables)
            .worker(&primary);
        assert_eq!(app.event().await, WorkerEvent::Online);
        match app.event().await {
            WorkerEvent::Listening {
                address: None,
                port: Some(1..),
                address_type: AddressType::Tcp4,
            } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn without_a_host_both_address_families_are_served() {
    for node in nodes() {
        let primary = Primary::new();
        let [(_first, said), (_second, same)] =
            two(&node, &primary, &json!({ "port": 0 }), Policy::RoundRobin).await;
        assert_eq!(said, same, "port 0 is the same port in all workers");
        assert_eq!(said["address"]["address"], "::");
        answer((Ipv4Addr::LOCALHOST, port(&said))).await;
        answer(SocketAddr::new("::1".parse().unwrap(), port(&said))).await;
    }
}

#[tokio::test]
async fn ipv6_alone_leaves_ipv4_to_others() {
    for node in nodes() {
        let primary = Primary::new();
        let listen = json!({ "port": 0, "host": "::", "ipv6Only": true });
        let [(_first, said), _second] = two(&node, &primary, &listen, Policy::RoundRobin).await;
        answer(SocketAddr::new("::1".parse().unwrap(), port(&said))).await;
        let v4 = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port(&said)));
        assert!(v4.is_ok(), "{v4:?}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_nodes_ordinary_error() {
    for node in nodes() {
        for policy in [Policy::RoundRobin, Policy::Shared] {
            let primary = Primary::new();
            let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = taken.local_addr().unwrap().port();
            let listen = json!({ "port": port, "host": "127.0.0.1" });
            let [(mut app, said), (_other, same)] = two(&node, &primary, &listen, policy).await;
            assert_eq!(said["code"], "EADDRINUSE");
            assert_eq!(said["syscall"], "bind");
            assert_eq!(said["message"], format!("bind EADDRINUSE 127.0.0.1:{port}"));
            assert_eq!(said, same);
            // The address is free again: the same app may try again.
            drop(taken);
            app.send("\"again\"");
            listens_again(&mut app, port).await;
        }
    }
}

/// The app, which was told to, listens again. A process that another test forks just now has the old socket too until it
/// runs its program: then the app is told once more. That a server has closed Node says only if its last connection had
/// ended before it listened again.
async fn listens_again(app: &mut App, port: u16) {
    soon("it listens again", async {
        loop {
            let said = app.json().await;
            if said["address"]["port"] == port {
                return;
            }
            if said != "closed" {
                assert_eq!(said["code"], "EADDRINUSE", "{said}");
                app.send("\"again\"");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_closed_server_may_listen_again_at_once() {
    for node in nodes() {
        let primary = Primary::new();
        let port = free_port();
        let listen = json!({ "port": port, "host": "127.0.0.1" }).to_string();
        let variables = [("LISTEN", listen.as_str())];
        let mut app = Start::new(&node, "net.js")
            .with(&variables)
            .worker(&primary);
        app.json().await;
        for _ in 0..3 {
            app.send("\"close\"");
            app.send("\"again\"");
            listens_again(&mut app, port).await;
            assert_eq!(answer((Ipv4Addr::LOCALHOST, port)).await, app.id());
        }
    }
}

#[tokio::test]
async fn a_listener_ends_with_its_last_worker() {
    let primary = Primary::new();
    let listen = json!({ "port": 0, "host": "127.0.0.1" });
    let [(mut first, said), (mut second, _)] =
        two(&nodes()[0], &primary, &listen, Policy::RoundRobin).await;
    let address = (Ipv4Addr::LOCALHOST, port(&said));
    first.kill();
    first.closed().await;
    assert_eq!(answer(address).await, second.id());
    second.kill();
    second.closed().await;
    // Here too a process that is being forked may have the socket for a moment.
    soon("nobody listens any more", async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn workers_of_different_apps_share_what_they_both_ask_for() {
    let primary = Primary::new();
    let node = &nodes()[0];
    let listen = json!({ "port": free_port(), "host": "127.0.0.1" }).to_string();
    let plain = [("LISTEN", listen.as_str())];
    let other = [("LISTEN", listen.as_str()), ("APP", "other")];
    let mut first = Start::new(node, "net.js").with(&plain).worker(&primary);
    let mut second = Start::new(node, "net.js").with(&other).worker(&primary);
    let (said, same) = (first.json().await, second.json().await);
    assert_eq!(said, same);
    let address = (Ipv4Addr::LOCALHOST, port(&said));
    assert_ne!(answer(address).await, answer(address).await);
}

#[tokio::test]
async fn a_unix_socket_is_shared_opened_to_all_and_removed() {
    for node in nodes() {
        for policy in [Policy::RoundRobin, Policy::Shared] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("app.sock");
            let listen = json!({ "path": path, "readableAll": true, "writableAll": true });
            let primary = Primary::new();
            let [(mut first, said), (mut second, _)] = two(&node, &primary, &listen, policy).await;
            assert_eq!(said["address"], path.to_str().unwrap());
            let mode = path.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o666, 0o666);
            let answered = answer_at(&path).await;
            assert!([first.id(), second.id()].contains(&answered));
            for app in [&mut first, &mut second] {
                app.send("\"close\"");
                assert_eq!(app.json().await, "closed");
            }
            eventually("removal of the socket's file", || !path.exists()).await;
        }
    }
}

#[tokio::test]
async fn a_shared_listener_serves_while_only_its_workers_accept() {
    for node in nodes() {
        let primary = Primary::new();
        let listen = json!({ "port": 0, "host": "127.0.0.1" });
        let [(first, said), (second, same)] = two(&node, &primary, &listen, Policy::Shared).await;
        assert_eq!(said, same);
        for _ in 0..10 {
            let answered = answer((Ipv4Addr::LOCALHOST, port(&said))).await;
            assert!([first.id(), second.id()].contains(&answered));
            assert_eq!(first.worker().in_flight() + second.worker().in_flight(), 0);
        }
    }
}

#[tokio::test]
async fn udp_is_shared() {
    for node in nodes() {
        for kind in ["udp4", "udp6"] {
            let primary = Primary::new();
            let variables = [("TYPE", kind), ("PORT", "0")];
            let start = Start::new(&node, "udp.js").with(&variables);
            let (mut first, mut second) = (start.worker(&primary), start.worker(&primary));
            let said = first.json().await;
            assert_eq!(said, second.json().await);
            let port = u16::try_from(said["port"].as_u64().unwrap()).unwrap();
            let local = if kind == "udp4" { "127.0.0.1" } else { "::1" };
            let client = UdpSocket::bind((local, 0)).unwrap();
            client.set_nonblocking(true).unwrap();
            let client = tokio::net::UdpSocket::from_std(client).unwrap();
            client.send_to(b"hello", (local, port)).await.unwrap();
            let mut buffer = [0; 64];
            let (size, _) = soon("a datagram", client.recv_from(&mut buffer))
                .await
                .unwrap();
            let text = String::from_utf8_lossy(&buffer[..size]).into_owned();
            let expected = [&first, &second].map(|app| format!("{} hello", app.id()));
            assert!(expected.contains(&text), "{text}");
        }
    }
}

#[tokio::test]
async fn a_udp_port_in_use_is_an_error() {
    for node in nodes() {
        let taken = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        let variables = [("TYPE", "udp4"), ("PORT", port.as_str())];
        let mut app = Start::new(&node, "udp.js")
            .with(&variables)
            .worker(&Primary::new());
        assert_eq!(app.json().await, json!({ "code": "EADDRINUSE" }));
    }
}

#[tokio::test]
async fn several_servers_of_an_app_are_kept_apart() {
    for node in nodes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("several.sock");
        let variables = [("SOCKET", path.to_str().unwrap())];
        let primary = Primary::new();
        let start = Start::new(&node, "several.js").with(&variables);
        let (mut first, mut second) = (start.worker(&primary), start.worker(&primary));
        let said = first.json().await;
        assert_eq!(said, second.json().await);
        assert_ne!(said["a"], said["b"]);
        let port = |name: &str| u16::try_from(said[name].as_u64().unwrap()).unwrap();
        for _ in 0..4 {
            for name in ["a", "b"] {
                let answered = answer((Ipv4Addr::LOCALHOST, port(name))).await;
                assert!(answered.ends_with(name), "{answered}");
            }
            assert!(answer_at(&path).await.ends_with('c'));
        }
    }
}

#[tokio::test]
async fn a_descriptor_is_served_only_if_it_was_lent() {
    for node in nodes() {
        let primary = Primary::new();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        primary.lend(77, listener.into());
        let [(_first, said), _second] =
            two(&node, &primary, &json!({ "fd": 77 }), Policy::RoundRobin).await;
        assert!(said["address"].is_object(), "{said}");
        answer(address).await;
        let [(_first, said), _second] =
            two(&node, &primary, &json!({ "fd": 1 }), Policy::RoundRobin).await;
        assert_eq!(said["code"], "EINVAL");
    }
}
