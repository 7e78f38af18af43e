//! Kernel mode: a socket for each process. These workers never accept, so what comes waits in their sockets.

use std::{io::Write, net::TcpStream, time::Duration};

use serde_json::{Value, json, value::RawValue};

use super::{
    restore_tests::{kept, listens},
    tests::Fake,
    *,
};
use crate::sys::connections::Served;

/// A worker of the process `number` of an app that listens.
fn seated(primary: &Primary, app: &str, number: u32) -> Fake {
    let fake = Fake::seated(primary, Policy::Kernel, app, number);
    let answer = fake.listen(0);
    assert_eq!(
        (&answer["cmd"], &answer["type"], &answer["msg"]["errno"]),
        (&json!("NODE_HANDLE"), &json!("net.Native"), &Value::Null)
    );
    listens(&fake);
    fake
}

fn port(fake: &Fake) -> u16 {
    match fake.worker.served()[..] {
        [Served::Port(port)] => port,
        ref other => panic!("{other:?}"),
    }
}

fn connections(port: u16, count: usize) -> Vec<TcpStream> {
    let connect = |_| TcpStream::connect(("127.0.0.1", port)).unwrap();
    (0..count).map(connect).collect()
}

async fn turn() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// How many connections a worker is given until no more come.
async fn given(fake: &Fake) -> usize {
    let mut count = 0;
    loop {
        let mut message = None;
        for _ in 0..20 {
            turn().await;
            message = message.or_else(|| fake.read());
        }
        let Some(message) = message else { return count };
        assert_eq!(message["msg"]["act"], "newconn", "{message}");
        let mut end = std::fs::File::from(fake.end.try_clone().unwrap());
        end.write_all(b"{\"cmd\":\"NODE_HANDLE_ACK\"}\n").unwrap();
        fake.answer(message["msg"]["seq"].as_u64().unwrap(), true);
        count += 1;
    }
}

#[tokio::test]
async fn what_comes_by_the_socket_of_a_worker_that_is_away_goes_to_the_others() {
    let primary = Primary::new();
    let (first, second) = (seated(&primary, "web", 0), seated(&primary, "web", 1));
    assert_eq!(port(&first), port(&second));
    let _clients = connections(port(&second), 60);
    assert_eq!((given(&first).await, given(&second).await), (0, 0));
    drop(first);
    let waited = given(&second).await;
    assert!((1..60).contains(&waited), "{waited} of 60");
    // While it is away, too.
    let _more = connections(port(&second), 60);
    let came = given(&second).await;
    assert!((1..60).contains(&came), "{came} of 60");
    // Its next run has the same socket, and accepts for itself as soon as it listens.
    let again = Fake::seated(&primary, Policy::Kernel, "web", 0);
    again.listen(0);
    listens(&again);
    let _others = connections(port(&second), 60);
    assert_eq!((given(&again).await, given(&second).await), (0, 0));
}

#[tokio::test]
async fn a_replacement_has_the_same_socket_and_nothing_is_taken_from_it() {
    let (held, primary) = kept();
    let (old, other) = (seated(&primary, "web", 0), seated(&primary, "web", 1));
    // One that does not come up changes nothing.
    drop(seated(&primary, "web", 0));
    let _waiting = connections(port(&other), 60);
    for fake in [&old, &other] {
        assert_eq!(given(fake).await, 0);
    }
    let new = seated(&primary, "web", 0);
    assert_eq!(held.names(), ["l1", "l2"]);
    assert!(new.worker.covers(&old.worker));
    old.worker.disconnect();
    assert_eq!(old.read().unwrap()["act"], "disconnect");
    let _clients = connections(port(&other), 60);
    for fake in [&old, &other, &new] {
        assert_eq!(given(fake).await, 0);
    }
}

#[tokio::test]
async fn a_process_that_is_gone_for_good_gets_no_connections_and_loses_none() {
    let (held, primary) = kept();
    let (going, staying) = (seated(&primary, "web", 0), seated(&primary, "web", 1));
    let port = port(&staying);
    let _clients = connections(port, 60);
    drop(going);
    primary.forget_seat(0);
    let waited = given(&staying).await;
    assert!((1..60).contains(&waited), "{waited} of 60");
    // The kernel sends it nothing any more.
    let _more = connections(port, 60);
    assert_eq!(given(&staying).await, 0);
    let closed = async {
        while held.names() != ["l2"] {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), closed)
        .await
        .expect("its socket is closed");
    let _again = connections(port, 60);
    assert_eq!(given(&staying).await, 0);
    // Another process comes: both get connections again.
    let new = seated(&primary, "web", 2);
    let _others = connections(port, 60);
    drop(new);
    assert!((1..60).contains(&given(&staying).await));
    drop(staying);
    assert!(held.names().is_empty());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[tokio::test]
async fn an_address_is_one_apps() {
    let taken = -98;
    for (first, second) in [
        (Policy::Kernel, Policy::Kernel),
        (Policy::Kernel, Policy::RoundRobin),
        (Policy::RoundRobin, Policy::Kernel),
    ] {
        let primary = Primary::new();
        let own = Fake::seated(&primary, first, "web", 0);
        own.listen(0);
        let other = Fake::seated(&primary, second, "other", 1);
        assert_eq!(other.listen(0)["errno"], taken, "{first:?} {second:?}");
        let of_same = Fake::seated(&primary, second, "web", 2);
        let answer = of_same.listen(0);
        let errno = [&answer["errno"], &answer["msg"]["errno"]];
        assert_eq!(errno, [&Value::Null; 2], "{first:?} {second:?}");
        // A process that was given another name meanwhile goes on.
        let renamed = Fake::seated(&primary, second, "new", 0);
        let answer = renamed.listen(0);
        let errno = [&answer["errno"], &answer["msg"]["errno"]];
        assert_eq!(errno, [&Value::Null; 2], "{first:?} {second:?}");
    }
    // As pm2 has it, they share where we accept.
    let primary = Primary::new();
    let own = Fake::seated(&primary, Policy::RoundRobin, "web", 0);
    own.listen(0);
    let other = Fake::seated(&primary, Policy::LeastConnections, "other", 1);
    assert_eq!(other.listen(0)["errno"], Value::Null);
}

#[tokio::test]
async fn a_port_that_somebody_has_is_an_error_and_data_are_everyones() {
    let primary = Primary::new();
    let somebody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let fake = Fake::seated(&primary, Policy::Kernel, "web", 0);
    let answer = fake.query(0, |query| query.port = Some(port.into()));
    assert_eq!(answer["errno"], -98);
    let data = |text: &str| RawValue::from_string(text.to_owned()).ok();
    let other = Fake::seated(&primary, Policy::Kernel, "web", 1);
    let answer = fake.query(1, |query| query.data = data("\"one\""));
    assert_eq!(answer["msg"]["data"], "one");
    let answer = other.query(1, |query| query.data = data("\"two\""));
    assert_eq!(answer["msg"]["data"], "one");
    assert!(other.worker.served_plainly().is_empty());
}

#[tokio::test]
async fn an_app_may_change_to_kernel_mode_and_back_while_it_serves() {
    let (held, primary) = kept();
    let ours = |number| {
        let fake = Fake::seated(&primary, Policy::RoundRobin, "web", number);
        fake.listen(0);
        listens(&fake);
        fake
    };
    let old = [ours(0), ours(1)];
    let port = port(&old[0]);
    let new = [seated(&primary, "web", 0), seated(&primary, "web", 1)];
    assert_eq!(held.names(), ["l1", "l2", "l3"]);
    // Everyone gets connections: of the socket that we accept from.
    let _clients = connections(port, 60);
    let mut shares = Vec::new();
    for fake in old.iter().chain(&new) {
        shares.push(given(fake).await);
    }
    assert!(
        (1..60).contains(&shares.iter().sum::<usize>()),
        "{shares:?}"
    );
    // The old ones leave: their socket gets nothing any more.
    drop(old);
    let _more = connections(port, 60);
    for fake in &new {
        assert_eq!(given(fake).await, 0);
    }
    let back = [ours(0), ours(1)];
    drop(new);
    let _others = connections(port, 60);
    let (one, other) = tokio::join!(given(&back[0]), given(&back[1]));
    assert!(one + other >= 60, "{one} {other}");
}

#[tokio::test]
async fn the_next_daemon_goes_on_with_every_socket() {
    let (held, before) = kept();
    let (away, serving) = (seated(&before, "web", 0), seated(&before, "web", 1));
    let going = seated(&before, "web", 2);
    let port = port(&serving);
    drop(away);
    let primary = held.restore(&before, true);
    drop((before, going));
    let serving = serving.resume(&primary);
    primary.settle();
    let _clients = connections(port, 60);
    let came = given(&serving).await;
    assert!((1..60).contains(&came), "{came} of 60");
    // The process whose worker was away comes back to its socket; another one is gone for good.
    let again = seated(&primary, "web", 0);
    assert_eq!(held.names(), ["l1", "l2", "l3"]);
    primary.forget_seat(2);
    let primary = held.restore(&primary, true);
    let (again, serving) = (again.resume(&primary), serving.resume(&primary));
    primary.settle();
    given(&serving).await;
    let _more = connections(port, 60);
    assert_eq!((given(&again).await, given(&serving).await), (0, 0));
    let closed = async {
        while held.names() != ["l1", "l2"] {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), closed)
        .await
        .expect("its socket is closed");
}
