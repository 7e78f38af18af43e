//! Node's IPC channel, against real Node programs.

use std::{io::Read, os::fd::OwnedFd, sync::Arc, time::Instant};

use rpm2::{
    channel::{self, ChannelError, ChannelEvent, HANDLE_LINE_LIMIT, HandleType, QUEUE_LIMIT},
    protocol::MESSAGE_LIMIT,
};
use serde_json::json;

use crate::support::apps::{Said, Start, nodes, soon};

#[tokio::test]
async fn bodies_arrive_byte_for_byte() {
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    let bodies = [
        r#""\ud800 alone, \udfff""#,
        r#""\u0000 and NUL\u0000""#,
        r#"{"a":[1,-0.5,1e+300,null,true,{}],"é":"日本 🦀"}"#,
        "123",
        "\"\"",
        "false",
        &deep,
    ];
    for node in nodes() {
        let mut app = Start::new(&node, "echo.js").app();
        assert_eq!(app.text().await, "\"ready\"");
        for body in bodies {
            app.send(body);
            assert_eq!(app.text().await, body);
        }
        // Written on several lines, which the channel must not be.
        app.channel.send(&[b"{\"a\":\n", b"1\n", b"}\n"]).unwrap();
        assert_eq!(app.text().await, r#"{"a":1}"#);
    }
}

#[tokio::test]
async fn what_an_app_writes_passes_verbatim_and_what_is_not_json_is_told() {
    let node = &nodes()[0];
    let lines: &[u8] =
        b"{\"n\": 123456789012345678901234567890}\nnonsense\n\n\"\xff\"\n\"\\ud800\"\n";
    let lines = base64(lines);
    let variables = [("RAW_FD", "3"), ("LINES", lines.as_str())];
    let mut app = Start::new(node, "raw.js").with(&variables).app();
    assert_eq!(app.text().await, r#"{"n": 123456789012345678901234567890}"#);
    for expected in ["nonsense", "", "\"\u{fffd}\""] {
        match app.next().await {
            Said::Event(ChannelEvent::NotJson { preview }) => assert_eq!(preview, expected),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(app.text().await, r#""\ud800""#);
    app.closed().await;
    assert_eq!(app.channel.send(&[b"1"]), Err(ChannelError::Closed));
    assert!(!app.channel.is_open());
}

#[tokio::test]
async fn twenty_thousand_messages_each_way_in_order() {
    const COUNT: usize = 20_000;
    for node in nodes() {
        let mut app = Start::new(&node, "count.js").app();
        app.text().await;
        let start = Instant::now();
        app.send(&json!({ "send": COUNT }).to_string());
        for n in 0..COUNT {
            app.send(&json!({ "n": n, "of": COUNT }).to_string());
        }
        for n in 0..COUNT {
            assert_eq!(app.text().await, format!(r#"{{"n":{n}}}"#));
        }
        assert_eq!(app.json().await, json!({ "received": COUNT }));
        println!("{COUNT} messages each way in {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn the_largest_message_passes_and_a_larger_one_is_refused_or_skipped() {
    for node in nodes() {
        let mut app = Start::new(&node, "large.js").app();
        app.text().await;
        let text = vec![b'x'; MESSAGE_LIMIT - 2];
        app.channel.send(&[b"\"", &text, b"\""]).unwrap();
        assert_eq!(
            app.json().await,
            json!({ "length": text.len(), "last": "x" })
        );
        assert_eq!(
            app.channel.send(&[b"\"x", &text, b"\""]),
            Err(ChannelError::TooLarge {
                size: MESSAGE_LIMIT + 1,
                limit: MESSAGE_LIMIT
            })
        );
        app.send(&json!({ "size": MESSAGE_LIMIT - 2 }).to_string());
        assert_eq!(app.text().await.len(), MESSAGE_LIMIT);
        app.send(&json!({ "size": MESSAGE_LIMIT }).to_string());
        match app.next().await {
            Said::Event(ChannelEvent::TooLarge { size, limit }) => {
                assert_eq!((size, limit), (MESSAGE_LIMIT + 2, MESSAGE_LIMIT));
            }
            other => panic!("{other:?}"),
        }
        app.send("\"still here\"");
        assert_eq!(app.json().await, json!({ "length": 10, "last": "e" }));
    }
}

#[tokio::test]
async fn an_app_that_never_reads_costs_a_bounded_queue() {
    let mut app = Start::new(&nodes()[0], "deaf.js").app();
    app.text().await;
    let body = [&b"\""[..], &b"x".repeat(1 << 20), b"\""].concat();
    let mut taken = 0;
    let refusal = loop {
        match app.channel.send(&[&body]) {
            Ok(()) => taken += body.len(),
            Err(error) => break error,
        }
        assert!(taken < 2 * QUEUE_LIMIT);
    };
    match refusal {
        ChannelError::Full { queued, limit } => {
            assert_eq!(limit, QUEUE_LIMIT);
            assert_eq!(queued, app.channel.queued_bytes());
            assert!(queued <= limit && queued + body.len() > limit);
        }
        other => panic!("{other:?}"),
    }
    assert!(app.channel.is_open());
    app.kill();
    app.closed().await;
    assert_eq!(app.channel.queued_bytes(), 0);
    assert_eq!(app.channel.send(&[b"1"]), Err(ChannelError::Closed));
}

#[tokio::test]
async fn an_apps_own_socket_is_acknowledged_and_its_message_delivered() {
    for node in nodes() {
        let mut app = Start::new(&node, "handle.js").app();
        assert_eq!(app.text().await, r#"{"with":"socket"}"#);
        assert_eq!(app.text().await, r#"{"after":1}"#);
        assert_eq!(app.text().await, r#"{"after":2}"#);
    }
}

#[tokio::test]
async fn closing_delivers_what_was_sent_and_then_the_end() {
    for node in nodes() {
        let mut app = Start::new(&node, "disconnect.js").app();
        app.text().await;
        for n in 0..1000 {
            app.send(&n.to_string());
        }
        app.channel.close();
        assert_eq!(app.channel.send(&[b"1"]), Err(ChannelError::Closed));
        app.closed().await;
        let mut output = app.output.try_clone().unwrap();
        let text = soon(
            "the app's output",
            tokio::task::spawn_blocking(move || {
                let mut text = String::new();
                output.read_to_string(&mut text).unwrap();
                text
            }),
        );
        let text = text.await.unwrap();
        assert_eq!(text.lines().count(), 1001);
        assert!(text.ends_with("message 999\ndisconnect\n"));
    }
}

#[tokio::test]
async fn a_socket_is_refused_with_a_line_that_could_go_in_two_pieces() {
    let (_reader, sender, _childs) = channel::open().unwrap();
    let (fd, _) = rpm2::sys::descriptor::pipe().unwrap();
    let fd: Arc<OwnedFd> = Arc::new(fd);
    let message = [b"\"", &vec![b'x'; HANDLE_LINE_LIMIT][..], b"\""].concat();
    assert!(matches!(
        sender.send_handle(HandleType::Net, &message, fd),
        Err(ChannelError::TooLarge {
            limit: HANDLE_LINE_LIMIT,
            ..
        })
    ));
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let value = (0..3).fold(0_usize, |value, index| {
                value << 8 | usize::from(*chunk.get(index).unwrap_or(&0))
            });
            (0..4).map(move |index| {
                if index > chunk.len() {
                    '='
                } else {
                    char::from(DIGITS[value >> (18 - 6 * index) & 63])
                }
            })
        })
        .collect()
}
