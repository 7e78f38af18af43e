//! A primary that goes on where another ended.

use std::{
    collections::BTreeMap,
    io,
    net::TcpStream,
    os::fd::{BorrowedFd, OwnedFd},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    tests::{Fake, connect},
    *,
};
use crate::channel::{AddressType, ClusterMessage};

/// What is held, in this process.
#[derive(Default)]
pub(super) struct Held(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    sockets: BTreeMap<String, OwnedFd>,
    state: Vec<u8>,
    /// Keeps wait for these to be let go.
    slow: bool,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Keep for Held {
    fn listener(&self, name: &str, socket: BorrowedFd<'_>) -> KeepFuture {
        let mut inner = self.0.lock().unwrap();
        let copy = socket.try_clone_to_owned().unwrap();
        inner.sockets.insert(name.to_owned(), copy);
        if !inner.slow {
            return Box::pin(std::future::ready(Ok(())));
        }
        let (done, wait) = oneshot::channel();
        inner.waiting.push(done);
        Box::pin(async { wait.await.map_err(io::Error::other) })
    }

    fn forget(&self, name: &str) {
        self.0.lock().unwrap().sockets.remove(name);
    }

    fn save(&self, state: &[u8]) {
        self.0.lock().unwrap().state = state.to_vec();
    }
}

impl Held {
    pub(super) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().sockets.keys().cloned().collect()
    }

    /// A primary that goes on from here; the one before is frozen, as if it were dead.
    pub(super) fn restore(self: &Arc<Self>, before: &Primary, with_sockets: bool) -> Primary {
        before.freeze();
        let (state, sockets) = {
            let inner = self.0.lock().unwrap();
            let copies = inner.sockets.iter();
            let copies = copies.map(|(name, fd)| (name.clone(), fd.try_clone().unwrap()));
            (inner.state.clone(), copies.collect())
        };
        let sockets = if with_sockets {
            sockets
        } else {
            BTreeMap::new()
        };
        Primary::restore(1, &state, sockets, Arc::clone(self) as Arc<dyn Keep>).unwrap()
    }
}

pub(super) fn kept() -> (Arc<Held>, Primary) {
    let held = Arc::new(Held::default());
    let primary = Primary::with_keep(0, Arc::clone(&held) as Arc<dyn Keep>);
    (held, primary)
}

pub(super) fn listens(fake: &Fake) {
    fake.worker.message(ClusterMessage::Listening {
        address: Some("127.0.0.1".to_owned()),
        port: Some(12_345),
        address_type: AddressType::Tcp4,
    });
}

#[tokio::test]
async fn a_worker_goes_on_with_its_listener_and_new_ones_get_new_numbers() {
    let (held, before) = kept();
    let fake = Fake::new(&before, Policy::RoundRobin);
    let answer = fake.listen(4);
    listens(&fake);
    let _waiting = connect(&answer);
    let old = fake.connection().await;
    let primary = held.restore(&before, true);
    let _later = connect(&answer);
    let fake = fake.resume(&primary);
    primary.settle();
    assert!(fake.worker.is_listening() && !fake.worker.is_leaving());
    let seq = fake.connection().await;
    assert_eq!(seq >> 32, 1);
    fake.answer(old, false);
    assert_eq!(
        (fake.worker.in_flight(), primary.lost_connections()),
        (1, 1)
    );
    fake.answer(seq, true);
    assert_eq!(
        (fake.worker.in_flight(), primary.lost_connections()),
        (0, 1)
    );
    let other = Fake::new(&primary, Policy::RoundRobin);
    assert_eq!(other.worker.id(), 2);
    assert_eq!(other.listen(0)["sockname"], answer["sockname"]);
    other.query(1, |query| query.index = 1);
    assert_eq!(held.names(), ["l1", "l2"]);
}

#[tokio::test]
async fn nobody_is_told_of_a_listener_before_it_is_kept() {
    let (held, primary) = kept();
    held.0.lock().unwrap().slow = true;
    let (first, second) = (
        Fake::new(&primary, Policy::RoundRobin),
        Fake::new(&primary, Policy::RoundRobin),
    );
    first.ask(1, |_| ());
    second.ask(2, |_| ());
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert!(first.read().is_none() && second.read().is_none());
    assert_eq!(held.names(), ["l1"]);
    let waiting = std::mem::take(&mut held.0.lock().unwrap().waiting);
    for done in waiting {
        done.send(()).unwrap();
    }
    let answers = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            tokio::task::yield_now().await;
            if let Some(answer) = first.read() {
                return [answer, second.read().unwrap()];
            }
        }
    });
    let [answer, other] = answers.await.unwrap();
    assert_eq!((&answer["ack"], &other["ack"]), (&1.into(), &2.into()));
    let _client = connect(&answer);
    first.connection().await;
}

#[tokio::test]
async fn a_query_that_was_not_answered_is_answered_with_the_socket_or_a_new_one() {
    for with_sockets in [true, false] {
        let (held, before) = kept();
        held.0.lock().unwrap().slow = true;
        let fake = Fake::new(&before, Policy::RoundRobin);
        fake.ask(9, |_| ());
        assert!(fake.read().is_none());
        held.0.lock().unwrap().slow = false;
        let primary = held.restore(&before, with_sockets);
        let fake = fake.resume(&primary);
        let answer = fake.read().expect("an answer");
        assert_eq!((&answer["ack"], &answer["errno"]), (&9.into(), &().into()));
        let _client = connect(&answer);
        fake.connection().await;
        // Read again, as it was not taken out of the channel: answered once is enough.
        fake.ask(9, |_| ());
        assert!(fake.read().is_none());
        // Another question for the same is refused as ever.
        assert_eq!(fake.listen(10)["errno"], -17);
    }
}

#[tokio::test]
async fn what_listens_is_not_answered_again() {
    for policy in [Policy::RoundRobin, Policy::Shared] {
        let (held, before) = kept();
        let fake = Fake::new(&before, policy);
        fake.listen(0);
        listens(&fake);
        let fake = fake.resume(&held.restore(&before, true));
        assert!(fake.read().is_none());
    }
}

#[tokio::test]
async fn listeners_whose_workers_are_gone_are_closed() {
    let (held, before) = kept();
    let (dead, living) = (
        Fake::new(&before, Policy::RoundRobin),
        Fake::new(&before, Policy::RoundRobin),
    );
    let shared = dead.listen(0);
    living.listen(0);
    listens(&living);
    let alone = dead.query(1, |query| query.index = 1);
    let primary = held.restore(&before, true);
    // The listeners of the dead one's process, which is this one.
    drop((before, dead));
    let living = living.resume(&primary);
    assert_eq!(held.names(), ["l1", "l2"]);
    primary.settle();
    assert_eq!(held.names(), ["l1"]);
    let port = |answer: &serde_json::Value| {
        u16::try_from(answer["sockname"]["port"].as_u64().unwrap()).unwrap()
    };
    assert!(TcpStream::connect(("127.0.0.1", port(&shared))).is_ok());
    assert!(primary.resume_worker(1, living.sender.clone()).is_none());
    drop(living);
    assert!(held.names().is_empty());
    assert!(TcpStream::connect(("127.0.0.1", port(&shared))).is_err());
    assert!(TcpStream::connect(("127.0.0.1", port(&alone))).is_err());
}

#[tokio::test]
async fn a_worker_that_leaves_is_told_so_once_by_all_daemons_together() {
    let (held, before) = kept();
    let fake = Fake::new(&before, Policy::RoundRobin);
    fake.listen(0);
    fake.worker.disconnect();
    assert_eq!(fake.read().unwrap()["act"], "disconnect");
    let primary = held.restore(&before, true);
    let fake = fake.resume(&primary);
    assert!(fake.worker.is_leaving());
    fake.worker.disconnect();
    fake.ask(1, |_| ());
    assert!(fake.read().is_none());
}

#[test]
fn damaged_states_are_errors() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    for state in ["", "{}", "[]", r#"{"version":1,"last_worker":-1}"#] {
        let keep = Arc::new(NoKeep);
        let restored = Primary::restore(1, state.as_bytes(), BTreeMap::new(), keep);
        assert!(restored.is_err(), "{state}");
    }
}

#[tokio::test]
async fn states_of_the_first_version_are_read_for_ever() {
    let state = include_bytes!("../../tests/fixtures/cluster-v1.json");
    let held = Arc::new(Held::default());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let sockets = BTreeMap::from([("l3".to_owned(), listener.into())]);
    let keep = Arc::clone(&held) as Arc<dyn Keep>;
    let primary = Primary::restore(2, state, sockets, keep).unwrap();
    // What is saved again is the same, so nothing was passed over.
    let saved = String::from_utf8(held.0.lock().unwrap().state.clone()).unwrap();
    assert_eq!(saved, String::from_utf8_lossy(state).trim_end());
    let resume = |id| {
        let (reader, sender, end) = crate::channel::open().unwrap();
        let worker = primary.resume_worker(id, sender.clone()).unwrap();
        Fake::of(worker, end, sender, reader)
    };
    let (serving, asking, leaving) = (resume(5), resume(6), resume(7));
    let answer = asking.read().unwrap();
    assert_eq!(answer["ack"], 4);
    assert_eq!(answer["data"]["keys"][0], 1.5);
    assert_eq!(answer["sockname"]["port"], address.port());
    let _client = connect(&answer);
    assert_eq!(serving.connection().await >> 32, 2);
    assert!(leaving.worker.is_leaving() && leaving.worker.is_listening());
    assert_eq!(Fake::new(&primary, Policy::Shared).worker.id(), 8);
}
