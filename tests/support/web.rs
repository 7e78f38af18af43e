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

/// A connection that is kept from one request to the next.
pub(crate) struct Kept(TcpStream);

impl Kept {
    /// Connects.
    pub(crate) fn to(port: u16) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let patience = Some(Duration::from_secs(20));
        socket.set_read_timeout(patience).unwrap();
        Self(socket)
    }

    /// One request: the body of its answer, or why there is none.
    pub(crate) fn get(&mut self) -> std::io::Result<String> {
        self.0.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
        let mut text = String::new();
        let mut buffer = [0; 4096];
        while !text.ends_with("\r\n0\r\n\r\n") && !is_whole(&text) {
            match self.0.read(&mut buffer)? {
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                count => text += &String::from_utf8_lossy(&buffer[..count]),
            }
        }
        Ok(text
            .rsplit("\r\n\r\n")
            .next()
            .unwrap_or_default()
            .to_owned())
    }
}

/// Whether an answer has as much of a body as it says.
fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let mut lines = head.lines();
    lines.any(|line| line.to_ascii_lowercase() == format!("content-length: {}", body.len()))
}
