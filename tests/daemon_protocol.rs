//! What the daemon does with bytes from strangers: it answers or closes, and everyone else is served.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use bytes::BytesMut;
use rpm2::protocol::{
    call,
    frame::{FrameCodec, encode},
    message::Pair,
};
use serde_json::{Value, json};
use tokio_util::codec::Decoder;

use crate::support::homes::{TestHome, event};

/// A raw connection.
struct Raw {
    socket: UnixStream,
    buffer: BytesMut,
}

impl Raw {
    fn open(home: &TestHome) -> Self {
        let socket = UnixStream::connect(home.home().rpc_socket()).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Self {
            socket,
            buffer: BytesMut::new(),
        }
    }

    /// Sends a message of raw arguments.
    fn send(&mut self, arguments: &[&[u8]]) {
        let pieces: Vec<[&[u8]; 1]> = arguments.iter().map(|argument| [*argument]).collect();
        let views: Vec<&[&[u8]]> = pieces.iter().map(|piece| &piece[..]).collect();
        let mut frame = BytesMut::new();
        encode(&views, &mut frame).unwrap();
        self.socket.write_all(&frame).unwrap();
    }

    /// The next reply: its JSON and its id.
    fn reply(&mut self) -> (Value, String) {
        let mut codec = FrameCodec::new();
        loop {
            if let Some(frame) = codec.decode(&mut self.buffer).unwrap() {
                let pair = Pair::try_from(frame).unwrap();
                let (body, id) = call::open(&pair).unwrap();
                return (serde_json::from_slice(&body).unwrap(), id.to_owned());
            }
            let mut chunk = [0; 8192];
            let count = self.socket.read(&mut chunk).unwrap();
            assert!(count > 0, "closed instead of a reply");
            self.buffer.extend_from_slice(&chunk[..count]);
        }
    }

    fn ask(&mut self, body: &str) -> Value {
        self.send(&[format!("j:{body}").as_bytes(), b"s:9:1"]);
        let (reply, id) = self.reply();
        assert_eq!(id, "9:1");
        reply
    }

    fn assert_closed(&mut self) {
        match self.socket.read(&mut [0; 16]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("not closed: {other:?}"),
        }
    }
}

#[tokio::test]
async fn calls_that_come_together_are_answered_one_by_one_and_their_messages_keep_their_order() {
    let home = TestHome::new();
    let client = home.session();
    let mut bus = client.bus().await;
    let script = home.write(
        "echo.js",
        "process.on('message', ({ data }) => process.send({ type: 'echo', data: [process.env.name, data] })); \
         process.send({ type: 'up', data: 1 })",
    );
    for name in ["a", "b"] {
        client
            .ok("start", json!([{ "script": script, "name": name }]))
            .await;
        event(&mut bus, "up").await;
    }
    let mut raw = Raw::open(&home);
    let mut together = BytesMut::new();
    // The third process is none, and `getMonitorData` is answered at once, too; the last call is not.
    for number in 0..300 {
        let packet = json!({ "id": number % 3, "topic": "t", "data": number }).to_string();
        let id = format!("1:{number}");
        call::encode_request("sendDataToProcessId", &[&packet], &id, &mut together).unwrap();
    }
    call::encode_request("getMonitorData", &["{}"], "1:300", &mut together).unwrap();
    call::encode_request("getSystemData", &["{}"], "1:301", &mut together).unwrap();
    raw.socket.write_all(&together).unwrap();
    for number in 0..302 {
        let (reply, id) = raw.reply();
        assert_eq!(id, format!("1:{number}"));
        assert_eq!(
            reply.get("error").is_some(),
            number < 300 && number % 3 == 2,
            "{reply}"
        );
    }
    let mut heard: [Vec<i64>; 2] = Default::default();
    while heard[0].len() + heard[1].len() < 200 {
        let echo = event(&mut bus, "echo").await;
        let from = usize::from(echo["data"][0] == "b");
        heard[from].push(echo["data"][1].as_i64().unwrap());
    }
    for (from, heard) in (0..).zip(&heard) {
        assert_eq!(
            *heard,
            (0..100).map(|turn| turn * 3 + from).collect::<Vec<i64>>()
        );
    }
}

#[tokio::test]
async fn requests_are_checked_in_pm2s_order() {
    let home = TestHome::new();
    home.session().ok("ping", json!([])).await;
    let mut raw = Raw::open(&home);
    let table = [
        ("{}", json!(".method required")),
        (
            r#"{"type":"call","method":"nope","args":[]}"#,
            json!("method \"nope\" does not exist"),
        ),
        (
            r#"{"type":"call","method":"nope"}"#,
            json!("method \"nope\" does not exist"),
        ),
        (
            r#"{"type":"call","method":"ping"}"#,
            json!(".args required"),
        ),
    ];
    for (body, error) in table {
        assert_eq!(raw.ask(body)["error"], error, "{body}");
    }
    assert_eq!(
        raw.ask(r#"{"type":"anything","method":"ping","args":[{}]}"#),
        json!({ "args": [{ "msg": "pong" }] })
    );
    assert_eq!(
        raw.ask(r#"{"type":"call","method":"ping","args":[]}"#),
        json!({ "args": [{ "msg": "pong" }] })
    );
    let methods = raw.ask(r#"{"type":"methods"}"#);
    assert_eq!(methods["methods"]["prepare"]["name"], "prepare");
    assert!(methods["methods"]["sendDataToProcessId"]["params"].is_array());
}

#[tokio::test]
async fn unknown_ids_get_pm2s_words() {
    let home = TestHome::new();
    home.session().ok("ping", json!([])).await;
    let mut raw = Raw::open(&home);
    let table = [
        ("startProcessId", json!(77), "77 id unknown"),
        ("stopProcessId", json!(77), "77 : id unknown"),
        (
            "restartProcessId",
            json!({ "id": 77 }),
            "God db process id unknown",
        ),
        (
            "restartProcessId",
            json!({}),
            "opts.id not passed to restartProcessId",
        ),
        ("deleteProcessId", json!(77), "77 : id unknown"),
        ("duplicateProcessId", json!(77), "77 id unknown"),
        ("resetMetaProcessId", json!(77), "77 id unknown"),
        (
            "sendDataToProcessId",
            json!({ "id": 77, "data": 1 }),
            "ID, DATA or TOPIC field is missing",
        ),
        (
            "sendDataToProcessId",
            json!({ "id": 77, "data": 1, "topic": "" }),
            "ID, DATA or TOPIC field is missing",
        ),
        (
            "sendDataToProcessId",
            json!({ "id": 77, "data": null, "topic": "t" }),
            "Process with ID <77> unknown.",
        ),
        (
            "sendLineToStdin",
            json!({ "pm_id": 77 }),
            "pm_id or line field missing",
        ),
        (
            "sendLineToStdin",
            json!({ "pm_id": 77, "line": "x" }),
            "Process with ID <77> unknown.",
        ),
        (
            "sendSignalToProcessId",
            json!({ "process_id": 77, "signal": "SIGHUP" }),
            "77 id unknown",
        ),
        (
            "sendSignalToProcessName",
            json!({ "process_name": "x", "signal": "SIGHUP" }),
            "Unknown process name",
        ),
        (
            "msgProcess",
            json!({ "msg": "x" }),
            "method requires name or id field",
        ),
        (
            "msgProcess",
            json!({ "id": 77, "msg": "x" }),
            "77 id unknown",
        ),
        ("notifyByProcessId", json!({}), "process id missing"),
        (
            "notifyByProcessId",
            json!({ "id": 77 }),
            "process id doesnt exists",
        ),
        ("monitor", json!(77), "Unknown pm_id"),
    ];
    for (method, argument, error) in table {
        let body = json!({ "type": "call", "method": method, "args": [argument] }).to_string();
        assert_eq!(raw.ask(&body)["error"], error, "{method} {argument}");
    }
    let body =
        json!({ "type": "call", "method": "msgProcess", "args": [{ "name": "x", "msg": "y" }] })
            .to_string();
    assert_eq!(
        raw.ask(&body)["args"][0],
        json!({ "process_count": 0, "success": true })
    );
}

#[tokio::test]
async fn nonsense_closes_that_connection_and_no_other() {
    let home = TestHome::new();
    let client = home.session();
    client.ok("ping", json!([])).await;
    let nonsense: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &[0x21, 0, 0, 0, 2, b'j', b':'],
        &[0x12, 0xff, 0xff, 0xff, 0xff, b'j'],
        &[0x1f; 64],
        b"\x12\x00\x00\x00\x05j:{{{\x00\x00\x00\x03s:1",
    ];
    let mut witness = Raw::open(&home);
    for bytes in nonsense {
        let mut raw = Raw::open(&home);
        raw.socket.write_all(bytes).unwrap();
        raw.socket.shutdown(std::net::Shutdown::Write).unwrap();
        raw.assert_closed();
        assert_eq!(
            witness.ask(r#"{"method":"ping","args":[{}]}"#)["args"][0]["msg"],
            "pong"
        );
    }
    for arguments in [
        &[b"j:{}".as_slice()][..],
        &[b"s:x", b"s:1:1"],
        &[b"j:{}", b"blob"],
        &[],
    ] {
        let mut raw = Raw::open(&home);
        raw.send(arguments);
        raw.assert_closed();
    }
    assert!(
        home.log().contains("closed the connection of a client"),
        "{}",
        home.log()
    );
    client.ok("ping", json!([])).await;
}

#[tokio::test]
async fn half_a_frame_and_silence_harm_nobody() {
    let home = TestHome::new();
    let client = home.session();
    client.ok("ping", json!([])).await;
    let mut half = Raw::open(&home);
    half.socket
        .write_all(&[0x12, 0, 0, 0, 50, b'j', b':', b'{'])
        .unwrap();
    let _silent = Raw::open(&home);
    client.ok("ping", json!([])).await;
    drop(half);
    client.ok("ping", json!([])).await;
}

#[tokio::test]
async fn two_hundred_clients_at_once_are_all_served() {
    let home = TestHome::new();
    home.session().ok("ping", json!([])).await;
    let mut clients: Vec<Raw> = (0..200).map(|_| Raw::open(&home)).collect();
    for client in &mut clients {
        for _ in 0..3 {
            client.send(&[br#"j:{"method":"ping","args":[{}]}"#, b"s:1:1"]);
        }
    }
    for client in &mut clients {
        for _ in 0..3 {
            assert_eq!(client.reply().0["args"][0]["msg"], "pong");
        }
    }
}

#[tokio::test]
async fn odd_arguments_are_answered_not_obeyed() {
    let home = TestHome::new();
    home.session().ok("ping", json!([])).await;
    let mut raw = Raw::open(&home);
    for argument in [
        "null",
        "[]",
        "-1",
        "1e99",
        "\"x\"",
        "{}",
        "[[[]]]",
        "{\"id\":{}}",
        "{\"env\":7}",
        "true",
    ] {
        for method in [
            "prepare",
            "startProcessId",
            "stopProcessId",
            "restartProcessId",
            "deleteProcessId",
            "duplicateProcessId",
            "sendDataToProcessId",
            "sendLineToStdin",
            "sendSignalToProcessId",
            "notifyByProcessId",
            "startWatch",
            "msgProcess",
        ] {
            let reply = raw.ask(&format!(r#"{{"method":"{method}","args":[{argument}]}}"#));
            assert!(reply["error"].is_string(), "{method} {argument}: {reply}");
        }
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let reply = raw.ask(&format!(r#"{{"method":"stopProcessId","args":[{deep}]}}"#));
    assert!(reply["error"].is_string());
}

#[tokio::test]
async fn what_prepare_lacks_is_named() {
    let home = TestHome::new();
    let client = home.session();
    let error = client
        .session
        .call("prepare", &[r#"{"name":"x","env":{}}"#])
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("pm_exec_path") && error.contains("pm_cwd"),
        "{error}"
    );
    assert_eq!(client.ok("list", json!([])).await, json!([]));
}
