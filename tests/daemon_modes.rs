//! Fork and cluster mode, on every Node.

use serde_json::{Value, json};

use crate::support::{
    apps::nodes,
    homes::{TestHome, event},
    web::{get, server},
};

#[tokio::test]
async fn instances_are_numbered_and_share_a_port() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write("web.js", &server("process.env.NODE_APP_INSTANCE"));
    let mut bus = client.bus().await;
    client
        .ok(
            "start",
            json!([{ "script": script, "name": "web", "instances": 2 }]),
        )
        .await;
    let first = event(&mut bus, "port").await["data"].as_u64().unwrap();
    assert_eq!(event(&mut bus, "port").await["data"], first);
    let first = u16::try_from(first).unwrap();
    let mut answers: Vec<String> = (0..4).map(|_| get(first)).collect();
    answers.sort();
    assert_eq!(answers, ["0", "0", "1", "1"]);
    let list = client.ok("list", json!([])).await;
    let numbers: Vec<&Value> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["pm2_env"]["NODE_APP_INSTANCE"])
        .collect();
    assert_eq!(numbers, [&json!(0), &json!(1)]);
    client.ok("delete", json!([0])).await;
    client
        .ok(
            "start",
            json!([{ "script": script, "name": "other", "instances": 1 }]),
        )
        .await;
    assert_eq!(client.process(2).await["pm2_env"]["NODE_APP_INSTANCE"], 0);
}

#[tokio::test]
async fn every_node_talks_and_serves_in_both_modes() {
    let home = TestHome::new();
    let client = home.session();
    let echo = "process.on('message', (packet) => process.send({ type: 'echo', data: [process.version, packet.data] }))
";
    let script = home.write("both.js", &(echo.to_owned() + &server("process.version")));
    for (number, node) in nodes().iter().enumerate() {
        for mode in ["fork", "cluster"] {
            let mut bus = client.bus().await;
            let name = format!("{mode}-{number}");
            let app = json!({ "script": script, "name": name, "exec_mode": mode, "interpreter": node.to_str().unwrap() });
            let started = client.ok("start", json!([app])).await;
            let pm_id = started[0]["pm2_env"]["pm_id"].clone();
            let port = event(&mut bus, "port").await["data"].as_u64().unwrap();
            let version = get(u16::try_from(port).unwrap());
            let packet = json!({ "id": pm_id, "type": "t", "topic": true, "data": name });
            client.ok("sendDataToProcessId", json!([packet])).await;
            assert_eq!(
                event(&mut bus, "echo").await["data"],
                json!([version, name])
            );
        }
    }
}

#[tokio::test]
async fn a_clusters_workers_stay_in_the_keepers_session_as_in_pm2s() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write("idle.js", "setInterval(() => {}, 1000)");
    for mode in ["fork", "cluster"] {
        let app = json!({ "script": script, "name": mode, "exec_mode": mode });
        client.ok("start", json!([app])).await;
    }
    let pid = async |pm_id| {
        let pid = client.process(pm_id).await["pid"].as_i64().unwrap();
        nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap())
    };
    let keeper = nix::unistd::Pid::from_raw(home.keeper_pid().unwrap());
    let session = |pid| nix::unistd::getsid(Some(pid)).unwrap();
    let (fork, worker) = (pid(0).await, pid(1).await);
    assert_eq!((session(fork), session(worker)), (fork, session(keeper)));
    assert_eq!(nix::unistd::getpgid(Some(worker)).unwrap(), worker);
}

#[tokio::test]
async fn after_the_word_of_a_kill_nothing_is_restarted() {
    let home = TestHome::new();
    let client = home.session();
    let script = "trap 'exit 1' HUP; echo up; while :; do sleep 0.02; done";
    let mut bus = client.bus().await;
    client
        .start_shell("app", script, json!({ "treekill": false }))
        .await;
    assert_eq!(event(&mut bus, "log:out").await["data"], "up\n");
    client.session.tell("notifyKillPM2", "{}").await.unwrap();
    client
        .ok("sendSignalToProcessId", json!(["SIGHUP", 0]))
        .await;
    let ended = client
        .until("the end", 0, |process| process["pid"] == 0)
        .await;
    let env = &ended["pm2_env"];
    assert_eq!(
        (&env["status"], &env["restart_time"]),
        (&json!("stopped"), &json!(0))
    );
}
