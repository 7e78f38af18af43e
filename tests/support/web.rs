//! A small web server as an app, and its visitors.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

/// A server on a port of the system's choice, which it says as an event `port`; its answer is the value of `answer`.
pub(crate) fn server(answer: &str) -> String {
    format!(
        "require('http').createServer((q, r) => r.end(String({answer}))).listen(0, function () {{ process.send({{ type: 'port', data: this.address().port }}) }})\n"
    )
}

/// A connection that has sent its request.
pub(crate) fn ask(port: u16) -> TcpStream {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    socket.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    socket
}

/// The body of the answer.
pub(crate) fn answer(mut socket: TcpStream) -> String {
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    text.rsplit("\r\n").next().unwrap().to_owned()
}

/// The body that a server of this port answers with.
pub(crate) fn get(port: u16) -> String {
    answer(ask(port))
}
