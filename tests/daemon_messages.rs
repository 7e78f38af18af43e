//! Messages between clients and apps, through the daemon.

use serde_json::{Value, json, value::to_raw_value};

use crate::support::{
    apps::{fixture, soon},
    homes::{Client, TestHome, event},
};

/// Starts the fixture that answers each message with what it got, and says when it is ready to.
async fn start_echo(client: &Client, mode: &str) {
    let mut bus = client.bus().await;
    let script = fixture("packets.js");
    let app = json!({ "script": script.to_str().unwrap(), "name": "echo", "exec_mode": mode });
    client.ok("start", json!([app])).await;
    event(&mut bus, "echo:ready").await;
}

#[tokio::test]
async fn a_packet_reaches_the_app_whole_and_the_answer_the_bus_in_both_modes() {
    for (mode, process) in [
        (
            "fork",
            json!({ "pm_id": 0, "name": "echo", "namespace": "default" }),
        ),
        (
            "cluster",
            json!({ "pm_id": 0, "name": "echo", "rev": null, "namespace": "default" }),
        ),
    ] {
        let home = TestHome::new();
        let client = home.session();
        start_echo(&client, mode).await;
        let mut bus = client.bus().await;
        let packet = json!({ "type": "t", "data": { "some": "data" }, "topic": true, "more": [1] });
        let mut received = packet.clone();
        received["id"] = json!(0);
        let answer = client.ok("sendDataToProcessId", json!([0, packet])).await;
        assert_eq!(answer, json!({ "success": true, "data": received }));
        let echoed = event(&mut bus, "echo").await;
        assert_eq!((&echoed["data"], &echoed["process"]), (&received, &process));
        assert!(echoed["at"].is_number());
        let answer = client.ok("sendDataToProcessId", json!([received])).await;
        assert_eq!(answer["data"], received);
        assert_eq!(event(&mut bus, "echo").await["data"], received);
    }
}

#[tokio::test]
async fn odd_bodies_arrive_verbatim() {
    let home = TestHome::new();
    let client = home.session();
    start_echo(&client, "fork").await;
    let mut bus = client.session.subscribe();
    soon("the bus", bus.ready()).await;
    client.ok("ping", json!([])).await;
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    for body in [
        r#""\ud800 lone""#,
        r#""nul \u0000 end""#,
        r#"{"__proto__":{"polluted":true}}"#,
        "12345678901234567890",
        "1e400",
        r#""é€😀\u2028""#,
        &deep,
    ] {
        let packet = format!(r#"{{"id":0,"type":"t","topic":true,"data":{body}}}"#);
        let reply = client
            .session
            .call("sendDataToProcessId", &[&packet])
            .await
            .unwrap()
            .unwrap();
        assert!(reply.get().contains(body), "{body}");
        loop {
            let (topic, payload) = soon("the echo", bus.next()).await;
            if topic == "echo" {
                let text = String::from_utf8(payload.to_vec()).unwrap();
                // What JavaScript itself makes of it is the app's doing, not ours.
                let expected = match body {
                    "12345678901234567890" => "12345678901234567000",
                    "1e400" => "null",
                    r#""é€😀\u2028""# => "é€😀\u{2028}",
                    other => other,
                };
                assert!(
                    text.contains(expected),
                    "{body}: {}",
                    &text[..text.len().min(200)]
                );
                break;
            }
        }
    }
}

#[tokio::test]
async fn what_has_no_type_or_data_is_raw() {
    let home = TestHome::new();
    let client = home.session();
    let mut bus = client.bus().await;
    let script = home.write(
        "raw.js",
        "for (const x of ['text', 7, true, null, [1], {a: 1}, {type: 'x'}, {type: '', data: 1}, {type: 'x', data: 0}]) process.send(x)\nsetInterval(() => {}, 1000)",
    );
    client
        .ok("start", json!([{ "script": script, "name": "raw" }]))
        .await;
    for expected in [
        json!("text"),
        json!(7),
        json!(true),
        json!(null),
        json!([1]),
        json!({ "a": 1 }),
        json!({ "type": "x" }),
        json!({ "type": "", "data": 1 }),
        json!({ "type": "x", "data": 0 }),
    ] {
        let message = event(&mut bus, "process:msg").await;
        assert_eq!(message["raw"], expected);
        assert_eq!(
            message["process"],
            json!({ "pm_id": 0, "name": "raw", "namespace": "default" })
        );
    }
}

#[tokio::test]
async fn thousands_of_messages_keep_their_order() {
    let home = TestHome::new();
    let client = home.session();
    start_echo(&client, "fork").await;
    let mut bus = client.bus().await;
    let count = 3000_u64;
    let session = client.session.clone();
    let sending = tokio::spawn(async move {
        for number in 0..count {
            let packet = json!({ "id": 0, "type": "t", "topic": true, "data": number });
            session
                .call(
                    "sendDataToProcessId",
                    &[to_raw_value(&packet).unwrap().get()],
                )
                .await
                .unwrap();
        }
    });
    for number in 0..count {
        assert_eq!(event(&mut bus, "echo").await["data"]["data"], number);
    }
    sending.await.unwrap();
}

#[tokio::test]
async fn the_largest_message_passes_and_a_larger_one_is_refused_on_both_sides() {
    let home = TestHome::new();
    let client = home.session();
    start_echo(&client, "fork").await;
    let mut bus = client.bus().await;
    let packet = |size: usize| {
        format!(
            r#"{{"id":0,"type":"t","topic":true,"data":"{}"}}"#,
            "x".repeat(size)
        )
    };
    let nearly = packet(64 * 1024 * 1024 - 200);
    client
        .session
        .call("sendDataToProcessId", &[&nearly])
        .await
        .unwrap();
    let echoed = event(&mut bus, "echo").await;
    assert_eq!(
        echoed["data"]["data"].as_str().map(str::len),
        Some(64 * 1024 * 1024 - 200)
    );
    let error = client
        .session
        .call("sendDataToProcessId", &[&packet(64 * 1024 * 1024)])
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("over the limit of 67108864 bytes"),
        "{error}"
    );
    // The app's side: a message too large is skipped, everybody is told, and the channel lives on.
    let packet = json!({ "id": 0, "type": "grow", "topic": true, "data": 65 * 1024 * 1024 });
    client.ok("sendDataToProcessId", json!([packet])).await;
    let refused = event(&mut bus, "rpm2:refused").await;
    assert!(
        refused["data"]["size"].as_u64().unwrap() > 65 * 1024 * 1024,
        "{refused}"
    );
    assert!(home.log().contains("over the limit"), "{}", home.log());
    client
        .ok(
            "sendDataToProcessId",
            json!([{ "id": 0, "type": "t", "topic": true, "data": "still here" }]),
        )
        .await;
    assert_eq!(event(&mut bus, "echo").await["data"]["data"], "still here");
}

#[tokio::test]
async fn an_app_that_never_reads_is_bounded_and_the_sender_told() {
    let home = TestHome::new();
    let client = home.session();
    // It holds the channel open and never reads it.
    client.start_shell("deaf", "exec sleep 60", json!({})).await;
    let body = "x".repeat(8 * 1024 * 1024);
    let packet = format!(r#"{{"id":0,"type":"t","topic":true,"data":"{body}"}}"#);
    let mut refused = None;
    for sent in 0..40 {
        if let Err(error) = client.session.call("sendDataToProcessId", &[&packet]).await {
            refused = Some((sent, error.to_string()));
            break;
        }
    }
    let (sent, error) = refused.expect("a bound");
    assert!((8..20).contains(&sent), "{sent}");
    assert!(
        error.contains("does not read") || error.contains("queue"),
        "{error}"
    );
    client.ok("ping", json!([])).await;
    client.ok("stop", json!(["deaf"])).await;
}

#[tokio::test]
async fn a_subscriber_that_never_reads_costs_a_bounded_queue_and_is_told_what_it_missed() {
    let home = TestHome::new();
    let client = home.session();
    let mut deaf = client.bus().await;
    let mut quick = client.bus().await;
    let script = home.write(
        "flood.js",
        "let n = 0; const body = 'x'.repeat(4 * 1024 * 1024); const step = () => n < 40 ? process.send({ type: 'flood', data: { n: n++, body } }, step) : process.send({ type: 'done', data: 1 }); process.on('message', step); process.send({ type: 'up', data: 1 })",
    );
    client
        .ok("start", json!([{ "script": script, "name": "flood" }]))
        .await;
    event(&mut quick, "up").await;
    client
        .ok(
            "sendDataToProcessId",
            json!([{ "id": 0, "type": "go", "topic": true, "data": 1 }]),
        )
        .await;
    for number in 0..40 {
        assert_eq!(event(&mut quick, "flood").await["data"]["n"], number);
    }
    event(&mut quick, "done").await;
    let mut seen = 0;
    let missed = soon("the word of what was missed", async {
        loop {
            let (topic, payload) = deaf.next().await;
            match topic.as_str() {
                "flood" => seen += 1,
                "rpm2:missed" => return serde_json::from_slice::<Value>(&payload).unwrap(),
                _ => {}
            }
        }
    })
    .await;
    assert!(seen < 40, "{seen}");
    // The floods it did not get, and the events after them.
    assert!(
        missed["count"].as_u64().unwrap() >= 40 - seen,
        "{missed} {seen}"
    );
    client
        .ok(
            "sendDataToProcessId",
            json!([{ "id": 0, "type": "go", "topic": true, "data": 1 }]),
        )
        .await;
    event(&mut deaf, "done").await;
}

#[tokio::test]
async fn a_filter_on_the_bus_spares_the_rest() {
    use rpm2::protocol::event::encode_event;
    use std::io::{Read, Write};
    let home = TestHome::new();
    let client = home.session();
    client.ok("ping", json!([])).await;
    let mut socket = std::os::unix::net::UnixStream::connect(home.home().pub_socket()).unwrap();
    socket
        .set_read_timeout(Some(std::time::Duration::from_secs(20)))
        .unwrap();
    let mut frame = bytes::BytesMut::new();
    encode_event("subscribe", &[br#"["log:*"]"#], &mut frame).unwrap();
    socket.write_all(&frame).unwrap();
    let mut other = client.bus().await;
    client
        .start_shell("talker", "echo hello; exec sleep 60", json!({}))
        .await;
    event(&mut other, "log:out").await;
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains("hello") {
        let mut chunk = [0; 4096];
        let count = socket.read(&mut chunk).unwrap();
        text.extend_from_slice(&chunk[..count]);
    }
    let text = String::from_utf8_lossy(&text);
    assert!(
        text.contains("log:PM2") && !text.contains("process:event"),
        "{text}"
    );
}

#[tokio::test]
async fn lines_reach_standard_input_in_fork_mode_only() {
    let home = TestHome::new();
    let client = home.session();
    let mut bus = client.bus().await;
    client
        .start_shell(
            "reader",
            "read line; echo got $line; exec sleep 60",
            json!({}),
        )
        .await;
    let line = json!({ "pm_id": 0, "line": "hello\n" });
    let answer = client
        .session
        .call("sendLineToStdin", &[&line.to_string()])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(serde_json::from_str::<Value>(answer.get()).unwrap(), line);
    assert_eq!(event(&mut bus, "log:out").await["data"], "got hello\n");
    start_echo_in_cluster(&client).await;
    let line = json!({ "pm_id": 1, "line": "x" });
    let error = client
        .session
        .call("sendLineToStdin", &[&line.to_string()])
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Cannot send line to processes in cluster mode"
    );
}

async fn start_echo_in_cluster(client: &Client) {
    let script = fixture("packets.js");
    let app =
        json!({ "script": script.to_str().unwrap(), "name": "worker", "exec_mode": "cluster" });
    client.ok("start", json!([app])).await;
}
