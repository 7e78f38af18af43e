//! The primary against workers whose every message the test makes itself.

use std::{
    net::TcpStream,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use serde_json::{Value, json, value::RawValue};
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::{
    channel::{
        self, AddressType, ChannelEvent, ChannelReader, ChannelSender, ClusterMessage, HandlesLost,
        Query,
    },
    sys::socket,
};

pub(super) struct Fake {
    pub(super) worker: Worker,
    pub(super) end: OwnedFd,
    pub(super) sender: ChannelSender,
    _reader: AbortOnDropHandle<()>,
}

impl Fake {
    pub(super) fn new(primary: &Primary, policy: Policy) -> Self {
        Self::seated(primary, policy, "app", 0)
    }

    /// A worker of this app and process.
    pub(super) fn seated(primary: &Primary, policy: Policy, app: &str, number: u32) -> Self {
        let (reader, sender, end) = channel::open().unwrap();
        let seat = Seat {
            app: app.to_owned(),
            number,
        };
        Self {
            worker: primary.add_worker(sender.clone(), policy, seat),
            end,
            sender,
            _reader: listen_to(reader),
        }
    }

    pub(super) fn of(
        worker: Worker,
        end: OwnedFd,
        sender: ChannelSender,
        reader: ChannelReader,
    ) -> Self {
        Self {
            worker,
            end,
            sender,
            _reader: listen_to(reader),
        }
    }

    /// The same worker, of a primary that goes on.
    pub(super) fn resume(self, primary: &Primary) -> Self {
        let fd = self.sender.descriptor().try_clone_to_owned().unwrap();
        let (reader, sender) = channel::resume(fd).unwrap();
        let worker = primary.resume_worker(self.worker.id(), sender.clone());
        Self {
            worker: worker.expect("a known worker"),
            end: self.end,
            sender,
            _reader: listen_to(reader),
        }
    }

    /// Asks for a port of the system's choice, and gives the answer.
    pub(super) fn listen(&self, seq: u64) -> Value {
        self.query(seq, |_| ())
    }

    pub(super) fn query(&self, seq: u64, change: impl FnOnce(&mut Query)) -> Value {
        self.ask(seq, change);
        self.read().expect("an answer")
    }

    /// Asks, without looking for the answer.
    pub(super) fn ask(&self, seq: u64, change: impl FnOnce(&mut Query)) {
        let mut query = Query {
            address: Some("127.0.0.1".to_owned()),
            port: Some(0),
            address_type: AddressType::Tcp4,
            fd: None,
            flags: 0,
            backlog: 0,
            index: 0,
            data: None,
            readable_all: false,
            writable_all: false,
        };
        change(&mut query);
        let query = Box::new(query);
        self.worker
            .message(ClusterMessage::QueryServer { seq, query });
    }

    /// The next message to it.
    pub(super) fn read(&self) -> Option<Value> {
        let mut line = Vec::new();
        let mut byte = [0];
        while line.last() != Some(&b'\n') {
            socket::receive(self.end.as_fd(), &mut byte).ok()?;
            line.push(byte[0]);
        }
        Some(serde_json::from_slice(&line).unwrap())
    }

    /// Waits for a connection and gives its number.
    pub(super) async fn connection(&self) -> u64 {
        let message = tokio::time::timeout(Duration::from_secs(10), async {
            loop {
                match self.read() {
                    Some(message) => return message,
                    None => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
        });
        let message = message.await.unwrap();
        assert_eq!(message["msg"]["act"], "newconn", "{message}");
        message["msg"]["seq"].as_u64().unwrap()
    }

    pub(super) fn answer(&self, ack: u64, accepted: bool) {
        self.worker
            .message(ClusterMessage::Accepted { ack, accepted });
    }
}

/// Takes what the worker acknowledges.
fn listen_to(mut reader: ChannelReader) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        while !matches!(reader.next().await, ChannelEvent::Closed) {}
    }))
}

pub(super) fn connect(answer: &Value) -> TcpStream {
    let port = answer["sockname"]["port"].as_u64().unwrap();
    TcpStream::connect(("127.0.0.1", u16::try_from(port).unwrap())).unwrap()
}

#[tokio::test]
async fn the_answer_names_the_query_and_numbers_begin_at_the_generation() {
    let primary = Primary::with_generation(3);
    let fake = Fake::new(&primary, Policy::RoundRobin);
    let answer = fake.listen(7);
    assert_eq!(answer["ack"], 7);
    assert_eq!(answer["key"], "127.0.0.1:0:4:null:0");
    assert_eq!(answer["errno"], Value::Null);
    let _client = connect(&answer);
    assert_eq!(fake.connection().await >> 32, 3);
}

#[tokio::test]
async fn a_key_is_answered_once_and_what_is_too_much_is_refused() {
    let primary = Primary::new();
    let fake = Fake::new(&primary, Policy::RoundRobin);
    assert_eq!(fake.listen(1)["errno"], Value::Null);
    assert_eq!(fake.listen(2)["errno"], -17);
    let data = || RawValue::from_string(format!("\"{}\"", "x".repeat(20_000))).ok();
    let answer = fake.query(3, |query| (query.index, query.data) = (1, data()));
    assert_eq!((&answer["errno"], &answer["ack"]), (&json!(-90), &json!(3)));
    let answer = fake.query(4, |query| query.address = Some("not an address".to_owned()));
    assert_eq!(answer["errno"], -22);
    let answer = fake.query(5, |query| query.port = Some(70_000));
    assert_eq!(answer["errno"], -22);
}

#[tokio::test]
async fn the_first_workers_data_is_everyones() {
    let primary = Primary::new();
    let data = |text: &str| RawValue::from_string(text.to_owned()).ok();
    let first = Fake::new(&primary, Policy::RoundRobin);
    let second = Fake::new(&primary, Policy::RoundRobin);
    let answer = first.query(0, |query| query.data = data("\"one\""));
    assert_eq!(answer["data"], "one");
    let answer = second.query(0, |query| query.data = data("\"two\""));
    assert_eq!(answer["data"], "one");
}

#[tokio::test]
async fn what_a_worker_lost_another_gets() {
    let primary = Primary::new();
    let first = Fake::new(&primary, Policy::RoundRobin);
    let second = Fake::new(&primary, Policy::RoundRobin);
    let answer = first.listen(0);
    second.listen(0);
    let _clients = [connect(&answer), connect(&answer)];
    let lost = first.connection().await;
    second.answer(second.connection().await, true);
    let refuse = |before| {
        let certain = true;
        let lost = HandlesLost { before, certain };
        first.worker.message(ClusterMessage::HandlesLost(lost))
    };
    refuse(0);
    assert_eq!(first.worker.in_flight(), 1, "it is yet to be sent");
    refuse(1);
    assert_eq!(first.worker.in_flight(), 0);
    let again = second.connection().await;
    assert_ne!(again, lost);
    // Late or foreign answers change nothing.
    first.answer(lost, false);
    first.answer(again, false);
    second.answer(12_345, false);
    assert_eq!(second.worker.in_flight(), 1);
    second.answer(again, true);
    assert_eq!(second.worker.in_flight(), 0);
}

#[tokio::test]
async fn an_older_connection_without_an_answer_was_lost() {
    let primary = Primary::new();
    let first = Fake::new(&primary, Policy::RoundRobin);
    let answer = first.listen(0);
    let _clients = [connect(&answer), connect(&answer)];
    let (older, newer) = (first.connection().await, first.connection().await);
    let second = Fake::new(&primary, Policy::RoundRobin);
    second.listen(0);
    first.answer(newer, true);
    assert_ne!(second.connection().await, older);
    assert_eq!(
        (first.worker.in_flight(), second.worker.in_flight()),
        (0, 1)
    );
}

#[tokio::test]
async fn a_worker_has_eight_at_most_and_the_rest_waits_in_the_kernel() {
    let primary = Primary::new();
    let fake = Fake::new(&primary, Policy::RoundRobin);
    let answer = fake.listen(0);
    let _clients: Vec<TcpStream> = (0..20).map(|_| connect(&answer)).collect();
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(fake.connection().await);
    }
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fake.worker.in_flight(), 8);
    fake.answer(open[0], true);
    // Our channel allows eight unacknowledged sockets too, so the ninth is not read here; it is taken, though.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fake.worker.in_flight(), 8);
}

#[tokio::test]
async fn a_retired_worker_gets_nothing_and_settles() {
    let primary = Primary::new();
    let old = Fake::new(&primary, Policy::RoundRobin);
    let answer = old.listen(0);
    let _client = connect(&answer);
    let open = old.connection().await;
    old.worker.retire();
    let new = Fake::new(&primary, Policy::RoundRobin);
    new.listen(0);
    let _clients = [connect(&answer), connect(&answer), connect(&answer)];
    for _ in 0..3 {
        new.answer(new.connection().await, true);
    }
    assert_eq!(old.worker.in_flight(), 1);
    let settled = tokio::time::timeout(Duration::from_secs(10), async {
        let answers = async { old.answer(open, true) };
        tokio::join!(old.worker.settled(), answers)
    });
    settled.await.unwrap();
    old.worker.disconnect();
    assert_eq!(old.read().unwrap()["act"], "disconnect");
    old.worker.disconnect();
    assert!(old.read().is_none(), "said once only");
    old.worker
        .message(ClusterMessage::ExitedAfterDisconnect { seq: 9 });
    assert_eq!(old.read().unwrap()["ack"], 9);
}

#[tokio::test]
async fn a_dead_workers_connections_go_to_others() {
    let primary = Primary::new();
    let dying = Fake::new(&primary, Policy::RoundRobin);
    let answer = dying.listen(0);
    let _clients = [connect(&answer), connect(&answer)];
    dying.connection().await;
    dying.connection().await;
    let other = Fake::new(&primary, Policy::RoundRobin);
    other.listen(0);
    drop(dying);
    other.connection().await;
    other.connection().await;
    assert_eq!(other.worker.in_flight(), 2);
}

#[tokio::test]
async fn one_worker_may_share_what_another_takes_in_turn() {
    let primary = Primary::new();
    let first = Fake::new(&primary, Policy::Shared);
    let answer = first.listen(0);
    assert_eq!(answer["cmd"], "NODE_HANDLE");
    assert_eq!(answer["type"], "net.Native");
    assert_eq!(answer["msg"]["ack"], 0);
    let second = Fake::new(&primary, Policy::RoundRobin);
    assert_eq!(second.listen(0)["cmd"], "NODE_HANDLE");
}
