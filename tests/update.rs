//! `update`: another build goes on with every app, or the old one does.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use nix::sys::signal::Signal;
use rpm2::sys::proc;
use serde_json::{Value, json};

use crate::support::{
    apps::{eventually, fixture, soon},
    homes::{Client, TestHome, binary, event},
};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const NEXT: &str = "9.9.9";

/// A copy of the executable in which one text is another of the same length.
fn patched(home: &TestHome, name: &str, old: &str, new: &str) -> PathBuf {
    assert_eq!(old.len(), new.len());
    let mut bytes = fs::read(binary()).unwrap();
    let places: Vec<usize> = memchr::memmem::find_iter(&bytes, old.as_bytes()).collect();
    assert!(!places.is_empty(), "{old} is not in the executable");
    for place in places {
        bytes[place..place + new.len()].copy_from_slice(new.as_bytes());
    }
    let path = home.folder().join(name);
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// The next version.
fn next_build(home: &TestHome) -> PathBuf {
    assert_eq!(VERSION.len(), NEXT.len());
    let mark = |version: &str| format!("rpm2 version {version}");
    patched(home, "rpm2-next", &mark(VERSION), &mark(NEXT))
}

/// Runs `update` of an executable: exit code and everything said.
async fn update_by(home: &TestHome, binary: &Path) -> (i32, String) {
    let mut command = Command::new(binary);
    command
        .arg("update")
        .env("RPM2_HOME", home.home().root())
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = soon("the update", output).await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    (output.status.code().unwrap(), said)
}

async fn version(client: &Client) -> Value {
    let report = client.session.call("getReport", &["{}"]).await;
    let report: Value = serde_json::from_str(report.unwrap().unwrap().get()).unwrap();
    report["rpm2_version"].clone()
}

/// What must not change of each process.
async fn essence(client: &Client) -> Vec<Value> {
    let list = client.ok("list", json!([])).await;
    let of = |process: &Value| {
        let env = &process["pm2_env"];
        json!([
            process["pid"],
            process["pm_id"],
            process["name"],
            env["status"],
            env["restart_time"],
            env["pm_uptime"]
        ])
    };
    list.as_array().unwrap().iter().map(of).collect()
}

fn request(socket: &mut TcpStream) -> std::io::Result<String> {
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    socket.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")?;
    let mut text = String::new();
    let mut byte = [0];
    while !text.contains("\r\n\r\n") || text.ends_with("\r\n\r\n") {
        socket.read_exact(&mut byte)?;
        text.push(char::from(byte[0]));
    }
    Ok(text.split_off(text.len() - 1))
}

#[tokio::test]
async fn apps_connections_channels_and_logs_go_on_under_the_next_version() {
    let home = TestHome::new();
    let client = home.session();
    let mut bus = client.bus().await;
    let script = fixture("packets.js");
    let echo = json!([{ "script": script.to_str().unwrap(), "name": "echo" }]);
    client.ok("start", echo).await;
    event(&mut bus, "echo:ready").await;
    let web = home.write(
        "web.js",
        "const id = require('cluster').worker.id; require('http').createServer((q, r) => r.end(String(id))).listen(0, function () { process.send({ type: 'port', data: this.address().port }) })",
    );
    client
        .ok(
            "start",
            json!([{ "script": web, "name": "web", "instances": 2 }]),
        )
        .await;
    let port = u16::try_from(event(&mut bus, "port").await["data"].as_u64().unwrap()).unwrap();
    let count = home.write(
        "count.js",
        "let n = 0; setInterval(() => { console.log('line ' + n); process.send({ type: 'n', data: { n } }); n++ }, 1)",
    );
    client
        .ok("start", json!([{ "script": count, "name": "count" }]))
        .await;
    assert_eq!(event(&mut bus, "n").await["data"]["n"], 0);
    let mut lasting = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let served_by = request(&mut lasting).unwrap();
    let (done, served) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let visitors = {
        let (done, served) = (Arc::clone(&done), Arc::clone(&served));
        tokio::task::spawn_blocking(move || {
            while !done.load(Ordering::Relaxed) {
                let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
                request(&mut socket).expect("an answer to every visitor");
                served.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    eventually("a visitor", || served.load(Ordering::Relaxed) > 0).await;
    let (before, keeper) = (essence(&client).await, home.keeper_pid());
    let (daemon, next) = (home.daemon_pid().unwrap(), next_build(&home));

    // One that reads all the time, and comes back.
    let (heard, mut events) = tokio::sync::mpsc::unbounded_channel();
    let listening = tokio::spawn(async move {
        loop {
            let _ = heard.send(bus.next().await);
        }
    });
    let (code, said) = update_by(&home, &next).await;
    assert!(
        said.contains(&format!("{VERSION} -> {NEXT}; 4 apps")),
        "{said}"
    );
    assert_eq!(code, 0);
    assert_eq!(version(&client).await, NEXT);
    assert_eq!(
        (essence(&client).await, home.keeper_pid()),
        (before, keeper)
    );
    let new_daemon = home.daemon_pid().unwrap();
    assert_ne!(new_daemon, daemon);
    for pid in [keeper.unwrap(), new_daemon] {
        assert_eq!(fs::read_link(format!("/proc/{pid}/exe")).unwrap(), next);
    }
    assert_eq!(request(&mut lasting).unwrap(), served_by);
    let visits = served.load(Ordering::Relaxed);
    eventually("visitors after the update", || {
        served.load(Ordering::Relaxed) > visits + 10
    })
    .await;
    done.store(true, Ordering::Relaxed);
    soon("the last visitor", visitors).await.unwrap();
    let packet = json!({ "id": 0, "type": "t", "topic": true, "data": "hello" });
    client.ok("sendDataToProcessId", json!([packet])).await;
    // Not one message was lost, none came twice.
    let (mut expected, mut echoed) = (1, false);
    while expected < 1000 || !echoed {
        let (topic, payload) = soon("an event", events.recv()).await.unwrap();
        let payload: Value = serde_json::from_slice(&payload).unwrap();
        match &*topic {
            "n" => {
                assert_eq!(payload["data"]["n"], expected);
                expected += 1;
            }
            "echo" => echoed = payload["data"]["data"] == "hello",
            _ => {}
        }
    }
    let text = String::from_utf8(home.app_log("count-out.log")).unwrap();
    for (n, line) in text.lines().take(900).enumerate() {
        assert_eq!(line, format!("line {n}"));
    }
    assert!(!home.log().contains("lost"), "{}", home.log());
    listening.abort();
    // And back again, through the module's verb.
    let done = client.ok("update", json!([])).await;
    assert_eq!(done, json!({ "success": true }));
    assert_eq!(version(&client).await, VERSION);
}

#[tokio::test]
async fn what_waits_for_an_app_is_given_out_and_calls_under_way_are_answered() {
    let home = TestHome::new();
    let client = home.session();
    let mut bus = client.bus().await;
    let script = home.write(
        "take.js",
        "let n = 0; process.on('message', (packet) => { if (packet.data.n !== n++) process.exit(9); if (n === 60) process.send({ type: 'all', data: { n } }) }); process.send({ type: 'up', data: 1 })",
    );
    client
        .ok("start", json!([{ "script": script, "name": "take" }]))
        .await;
    event(&mut bus, "up").await;
    let slow = "trap 'sleep 0.5; exit 0' INT; echo set; while :; do sleep 0.02; done";
    client
        .start_shell("slow", slow, json!({ "treekill": false }))
        .await;
    eventually("the trap", || home.app_log("slow-out.log") == b"set\n").await;
    let app = i32::try_from(client.process(0).await["pid"].as_i64().unwrap()).unwrap();
    proc::signal(app, Signal::SIGSTOP).unwrap();
    for n in 0..60 {
        let data = json!({ "n": n, "pad": "x".repeat(60_000) });
        let packet = json!({ "id": 0, "type": "t", "topic": true, "data": data });
        client.ok("sendDataToProcessId", json!([packet])).await;
    }
    let stopping = {
        let session = client.session.clone();
        tokio::spawn(async move { session.call("stopProcessId", &["1"]).await })
    };
    client
        .until("stopping", 1, |process| {
            process["pm2_env"]["status"] == "stopping"
        })
        .await;
    let next = next_build(&home);
    let update = update_by(&home, &next);
    let going_on = async {
        soon("the stop's answer", stopping).await.unwrap().unwrap();
        proc::signal(app, Signal::SIGCONT).unwrap();
    };
    let ((code, said), ()) = tokio::join!(update, going_on);
    assert_eq!(code, 0, "{said}");
    assert_eq!(event(&mut bus, "all").await["data"]["n"], 60);
    let process = client.process(0).await;
    assert_eq!(
        (&process["pid"], &process["pm2_env"]["restart_time"]),
        (&json!(app), &json!(0))
    );
    assert_eq!(client.process(1).await["pm2_env"]["status"], "stopped");
    assert_eq!(version(&client).await, NEXT);
}

#[tokio::test]
async fn calls_made_meanwhile_succeed_and_take_effect_once() {
    let home = TestHome::new();
    let client = home.session();
    let mut bus = client.bus().await;
    let script = home.write(
        "take.js",
        "const seen = []; process.on('message', ({ data }) => { seen.push(data.n); if (data.last) process.send({ type: 'seen', data: seen }) }); process.send({ type: 'up', data: 1 })",
    );
    client
        .ok("start", json!([{ "script": script, "name": "take" }]))
        .await;
    event(&mut bus, "up").await;
    let next = next_build(&home);
    let done = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicUsize::new(0));
    // Each of these has several calls on its way at any time.
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (client, done, count) = (home.session(), Arc::clone(&done), Arc::clone(&count));
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    let calls = (0..4).map(|_| {
                        let n = count.fetch_add(1, Ordering::Relaxed);
                        let packet =
                            json!({ "id": 0, "type": "t", "topic": true, "data": { "n": n } });
                        let session = client.session.clone();
                        tokio::spawn(async move {
                            session
                                .call("sendDataToProcessId", &[&packet.to_string()])
                                .await
                        })
                    });
                    for call in calls.collect::<Vec<_>>() {
                        call.await.unwrap().expect("an answer to every call");
                    }
                }
            })
        })
        .collect();
    for round in 0..4 {
        let build = if round % 2 == 0 {
            next.clone()
        } else {
            binary()
        };
        let before = count.load(Ordering::Relaxed);
        eventually("calls", || count.load(Ordering::Relaxed) > before + 50).await;
        let (code, said) = update_by(&home, &build).await;
        assert_eq!(code, 0, "{said}");
    }
    done.store(true, Ordering::Relaxed);
    for caller in callers {
        soon("the last calls", caller).await.unwrap();
    }
    let mut bus = client.bus().await;
    let last = json!({ "id": 0, "type": "t", "topic": true, "data": { "n": -1, "last": true } });
    client.ok("sendDataToProcessId", json!([last])).await;
    let seen = event(&mut bus, "seen").await;
    let mut seen: Vec<i64> = serde_json::from_value(seen["data"].clone()).unwrap();
    seen.sort_unstable();
    let sent = i64::try_from(count.load(Ordering::Relaxed)).unwrap();
    assert!(seen.into_iter().eq(-1..sent));
}

#[tokio::test]
async fn a_failed_update_says_why_and_the_old_version_serves_on() {
    let home = TestHome::new();
    let client = home.session();
    client.start_shell("app", "exec sleep 60", json!({})).await;
    let (before, daemon) = (essence(&client).await, home.daemon_pid());
    for (path, reason) in [
        ("/bin/true", "cannot take over"),
        ("/nonexistent", "No such file"),
        ("/etc/passwd", "Permission denied"),
    ] {
        let other = home.session_of(Path::new(path));
        let error = other.refused("update", json!([])).await;
        assert!(
            error.contains(reason) && error.contains(path) && error.contains(VERSION),
            "{error}"
        );
        assert_eq!(
            (essence(&client).await, home.daemon_pid()),
            (before.clone(), daemon)
        );
    }
    // It can take over, but its daemon cannot write its file.
    let broken = patched(&home, "broken", "module_conf.json", "module/conf.json");
    let (code, said) = update_by(&home, &broken).await;
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("does not come up") && said.contains("module/conf.json"),
        "{said}"
    );
    assert_eq!(
        (essence(&client).await, version(&client).await),
        (before, json!(VERSION))
    );
    assert_eq!(
        fs::read_link(format!("/proc/{}/exe", home.keeper_pid().unwrap())).unwrap(),
        binary()
    );
    client.ok("restart", json!(["app"])).await;
}
