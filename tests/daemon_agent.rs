//! The agent in Node apps, from the daemon's side. What it does in an app is tried in `__test__/agent-*.test.js`.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use nix::{sys::signal::Signal, unistd::Uid};
use rpm2::sys::proc;
use serde_json::{Value, json};

use crate::support::{
    apps::{eventually, nodes},
    homes::{Client, TestHome, binary, event, gone},
};

const ACTIONS: [&str; 5] = [
    "km:heapdump",
    "km:cpu:profiling:start",
    "km:cpu:profiling:stop",
    "km:heap:sampling:start",
    "km:heap:sampling:stop",
];

/// An app that does nothing, and says what it was started with.
const IDLE: &str = "const { argv, execArgv } = process
process.send({ type: 'seen', data: [argv.length, execArgv, 'RPM2_AGENT' in process.env] })
setInterval(() => {}, 1e6)";

fn actions(process: &Value) -> Vec<&str> {
    let actions = process["pm2_env"]["axm_actions"].as_array();
    let names = actions.into_iter().flatten();
    names
        .filter_map(|action| action["action_name"].as_str())
        .collect()
}

/// What the system knows of how a process was started. Its title is in place of its arguments once it has one.
fn started_with(process: &Value, what: &str) -> String {
    let bytes = fs::read(format!("/proc/{}/{what}", process["pid"])).unwrap();
    String::from_utf8_lossy(&bytes).replace('\0', "\n")
}

/// The home's copy of the agent.
fn copy(home: &TestHome) -> Option<PathBuf> {
    let mut files = fs::read_dir(home.home().root()).unwrap().flatten();
    files
        .find(|file| file.file_name().to_string_lossy().starts_with("agent-"))
        .map(|file| file.path())
}

async fn with_agent(client: &Client, pm_id: u32) -> Value {
    client
        .until("the agent's word", pm_id, |process| {
            actions(process) == ACTIONS
        })
        .await
}

#[tokio::test]
async fn every_node_has_it_in_both_modes_unless_pmx_is_off() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write("idle.js", IDLE);
    let mut bus = client.bus().await;
    let mut pm_id = 0;
    for node in nodes() {
        for (mode, pmx) in [
            ("fork", true),
            ("cluster", true),
            ("fork", false),
            ("cluster", false),
        ] {
            let app = json!({
                "script": script, "name": format!("app{pm_id}"), "exec_mode": mode, "pmx": pmx, "interpreter": node,
            });
            client.ok("start", json!([app])).await;
            assert_eq!(event(&mut bus, "seen").await["data"], json!([2, [], false]));
            if pmx {
                let process = with_agent(&client, pm_id).await;
                let env = &process["pm2_env"];
                assert_eq!(env["axm_options"]["module_name"], format!("app{pm_id}"));
                let version = env["node_version"].as_str().unwrap();
                assert!(version.split('.').count() == 3, "{version}");
                assert!(started_with(&process, "environ").contains("\nRPM2_AGENT=1\n"));
                assert!(started_with(&process, "cmdline").starts_with(&format!("node {script}\n")));
                assert_eq!(env.get("RPM2_AGENT"), None);
            } else {
                let process = client.process(pm_id).await;
                assert_eq!(actions(&process), [""; 0]);
                assert!(!started_with(&process, "environ").contains("RPM2_AGENT"));
                let line = started_with(&process, "cmdline");
                assert!(
                    line.ends_with(&format!("\n{script}\n")) && !line.contains("-r"),
                    "{line}"
                );
            }
            pm_id += 1;
        }
    }
    let file = copy(&home).unwrap();
    assert_eq!(
        fs::metadata(file).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[tokio::test]
async fn other_programs_are_without_it() {
    let home = TestHome::new();
    let client = home.session();
    // Also if whoever starts it has the variable.
    client
        .start_shell(
            "shell",
            "exec sleep 60",
            json!({ "env": { "RPM2_AGENT": "1" } }),
        )
        .await;
    let process = client.process(0).await;
    assert!(!started_with(&process, "environ").contains("RPM2_AGENT=1"));
    assert_eq!(copy(&home), None);
}

#[tokio::test]
async fn what_an_app_said_of_itself_goes_with_its_run() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write(
        "says.js",
        "if (process.env.restart_time === '0') {
          process.send({ type: 'axm:monitor', data: { Own: { value: 1 } } })
          process.send({ type: 'axm:action', data: { action_name: 'own', arity: 0 } })
          process.send({ type: 'axm:option:configuration', data: { own: true } })
        }
        setInterval(() => {}, 1e6)",
    );
    client
        .ok("start", json!([{ "script": script, "pmx": false }]))
        .await;
    let said = |process: &Value| {
        let env = &process["pm2_env"];
        json!([env["axm_monitor"], env["axm_actions"], env["axm_options"]])
    };
    let all =
        json!([{ "Own": { "value": 1 } }, [{ "action_name": "own", "arity": 0 }], { "own": true }]);
    client
        .until("all of it", 0, |process| said(process) == all)
        .await;
    client.ok("stop", json!([0])).await;
    let left = json!([{}, [], { "own": true }]);
    assert_eq!(said(&client.process(0).await), left);
    client.ok("restart", json!([0])).await;
    assert_eq!(said(&client.process(0).await), json!([{}, [], {}]));
}

#[tokio::test]
async fn an_app_with_nothing_left_to_do_ends() {
    let home = TestHome::new();
    let client = home.session();
    // A worker of a cluster never does, with or without us: Node listens for the end of its channel.
    let ways = [("fork", "1"), ("cluster", "process.disconnect()")];
    for (pm_id, (mode, end)) in ways.into_iter().enumerate() {
        let text =
            format!("setTimeout(() => {{ process.send({{ type: 'done', data: 1 }}); {end} }}, 50)");
        let script = home.write(&format!("{mode}.js"), &text);
        let app =
            json!({ "script": script, "name": mode, "exec_mode": mode, "autorestart": false });
        client.ok("start", json!([app])).await;
        let ended = client
            .until("the end", u32::try_from(pm_id).unwrap(), |process| {
                process["pm2_env"]["status"] == "stopped"
            })
            .await;
        assert_eq!(ended["pm2_env"]["exit_code"], 0);
    }
}

#[tokio::test]
async fn an_exception_is_told_after_the_last_words_and_before_the_exit() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write(
        "breaks.js",
        "setTimeout(() => { throw new Error('broken') }, 50)\n",
    );
    for mode in ["fork", "cluster"] {
        let mut bus = client.bus().await;
        let app =
            json!({ "script": script, "name": mode, "exec_mode": mode, "autorestart": false });
        client.ok("start", json!([app])).await;
        let mut words = String::new();
        let exception = loop {
            let (topic, payload) = crate::support::apps::soon("an exception", bus.next()).await;
            let payload: Value = serde_json::from_slice(&payload).unwrap();
            match &topic[..] {
                "log:err" => words.push_str(payload["data"].as_str().unwrap()),
                "process:exception" => break payload,
                "process:event" => assert_ne!(payload["event"], "exit"),
                _ => {}
            }
        };
        assert!(words.contains("Error: broken\n    at "), "{words}");
        assert_eq!(exception["data"]["message"], "broken");
        assert_eq!(exception["process"]["name"], mode);
        assert_eq!(event(&mut bus, "process:event").await["event"], "exit");
    }
}

#[tokio::test]
async fn the_next_daemon_goes_on_with_it() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write("idle.js", IDLE);
    client
        .ok("start", json!([{ "script": script, "name": "app" }]))
        .await;
    let figures = |process: &Value| process["pm2_env"]["axm_monitor"]["Heap Size"].is_object();
    client.until("figures", 0, figures).await;
    let old = home.daemon_pid().unwrap();
    proc::signal(old, Signal::SIGKILL).unwrap();
    gone(old.into()).await;
    eventually("another daemon", || {
        home.daemon_pid().is_some_and(|pid| pid != old)
    })
    .await;
    client.until("figures again", 0, figures).await;
    with_agent(&client, 0).await;
    let mut bus = client.bus().await;
    let call = json!({ "id": 0, "msg": "km:cpu:profiling:stop" }).to_string();
    client.session.call("msgProcess", &[&call]).await.unwrap();
    let reply = event(&mut bus, "axm:reply").await;
    assert_eq!(reply["data"]["action_name"], "km:cpu:profiling:stop");
    assert_eq!(reply["data"]["return"]["success"], false);
    assert_eq!(reply["process"]["name"], "app");
}

#[tokio::test]
async fn an_action_of_the_apps_own_is_done_by_the_app() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write(
        "own.js",
        "process.on('message', (call) => process.send({ type: 'called', data: call }))
        process.send({ type: 'axm:action', data: { action_name: 'km:heapdump', arity: 0 } })
        process.send({ type: 'announced', data: true })",
    );
    let mut bus = client.bus().await;
    client.ok("start", json!([{ "script": script }])).await;
    event(&mut bus, "announced").await;
    with_agent(&client, 0).await;
    for (call, expected) in [
        (
            json!({ "id": 0, "msg": "km:heapdump" }),
            json!("km:heapdump"),
        ),
        (
            json!({ "id": 0, "msg": "km:heapdump", "opts": { "a": 1 } }),
            json!({ "id": 0, "msg": "km:heapdump", "opts": { "a": 1 } }),
        ),
    ] {
        let call = call.to_string();
        client.session.call("msgProcess", &[&call]).await.unwrap();
        assert_eq!(event(&mut bus, "called").await["data"], expected);
    }
}

#[tokio::test]
async fn a_file_that_was_changed_is_not_run_and_one_that_cannot_be_written_stops_no_app() {
    let home = TestHome::new();
    let outside = home.folder().join("rpm2");
    fs::copy(binary(), &outside).unwrap();
    let client = home.session_of(&outside);
    let script = home.write("idle.js", IDLE);
    let app = json!({ "script": script, "name": "app" });
    client.ok("start", json!([app])).await;
    with_agent(&client, 0).await;
    client.ok("delete", json!(["all"])).await;
    let file = copy(&home).unwrap();
    let text = fs::read(&file).unwrap();
    fs::write(&file, "process.exit(7)").unwrap();
    client.ok("start", json!([app])).await;
    with_agent(&client, 0).await;
    assert!(fs::read(&file).unwrap() == text);
    client.ok("delete", json!(["all"])).await;
    fs::remove_file(&file).unwrap();
    fs::create_dir_all(file.join("in the way")).unwrap();
    let mut bus = client.bus().await;
    client.ok("start", json!([app])).await;
    assert_eq!(event(&mut bus, "seen").await["data"], json!([2, [], false]));
    assert_eq!(actions(&client.process(0).await), [""; 0]);
    let log = home.log();
    assert!(
        log.contains("App [app] is started without the agent: "),
        "{log}"
    );
}

#[tokio::test]
async fn an_app_of_another_user_has_it_too() {
    let home = TestHome::new();
    let client = home.session();
    fs::set_permissions(home.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    let script = home.write("idle.js", IDLE);
    let app = json!({ "script": script, "name": "app", "uid": 65534, "gid": 65534, "cwd": "/" });
    if Uid::effective().is_root() {
        client.ok("start", json!([app])).await;
        let process = with_agent(&client, 0).await;
        let status = started_with(&process, "status");
        assert!(status.contains("Uid:\t65534\t"), "{status}");
    } else {
        let error = client.refused("start", json!([app])).await;
        assert!(error.contains("root"), "{error}");
    }
}

#[tokio::test]
async fn an_exception_of_an_app_that_takes_long_to_end_is_told_meanwhile() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write(
        "slow.js",
        "process.on('exit', () => { for (;;); })
        const line = (data) => process.send({ cmd: 'NODE_RPM2', act: 'exception', data })
        process.send({ type: 'begun', data: true })
        for (let number = 0; number < 3; number++) line({ number })
        throw new Error('broken')",
    );
    let mut bus = client.bus().await;
    client
        .ok("start", json!([{ "script": script, "name": "slow" }]))
        .await;
    event(&mut bus, "begun").await;
    for number in 0..3 {
        assert_eq!(
            event(&mut bus, "process:exception").await["data"]["number"],
            number
        );
    }
    let last = event(&mut bus, "process:exception").await;
    assert_eq!(last["data"]["message"], "broken");
    assert_eq!(client.process(0).await["pm2_env"]["status"], "online");
}
