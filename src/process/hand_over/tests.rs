//! What is seen of a worker's connections, with programs of the shell as workers.

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

use super::*;

/// A process that runs a script of the shell, until it is dropped.
struct Worker(Child);

impl Worker {
    fn running(script: &str) -> Self {
        let mut shell = Command::new("sh");
        let shell = shell.args(["-c", script]).stdin(Stdio::piped());
        Self(shell.spawn().unwrap())
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap()
    }

    fn until(&self, asleep: bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while usage::is_asleep(self.pid()) != asleep {
            assert!(Instant::now() < deadline, "asleep: {asleep}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_request_is_unheard_only_once_the_deaf_worker_has_slept() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    let (socket, _) = listener.accept().unwrap();
    let busy = Worker::running("while :; do :; done");
    busy.until(false);
    let connection = Connection {
        number: 0,
        inode: 0,
        served: Served::Port(address.port()),
    };
    let mut kept = Kept {
        pid: busy.pid(),
        held: vec![Held::new(connection, socket.into())],
        has_slept: false,
    };
    kept.deafen();
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    kept.look();
    assert!(kept.held[0].sight.is_unsettled());
    // What was read before is read then.
    let waiting = Worker::running("read line");
    drop(busy);
    kept.pid = waiting.pid();
    waiting.until(true);
    kept.look();
    assert_eq!(kept.held[0].sight, Sight::Requested);
}
