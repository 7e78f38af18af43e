//! What apps print: files and events, nothing lost.

use std::fs;

use serde_json::json;

use crate::support::{
    apps::eventually,
    homes::{TestHome, event},
};

#[tokio::test]
async fn output_and_errors_go_to_their_files_and_onto_the_bus() {
    let home = TestHome::new();
    let client = home.session();
    let mut bus = client.bus().await;
    client
        .start_shell(
            "app",
            "echo out; sleep 0.05; echo err >&2; exec sleep 60",
            json!({}),
        )
        .await;
    let out = event(&mut bus, "log:out").await;
    assert_eq!(out["data"], "out\n");
    assert_eq!(
        out["process"],
        json!({ "pm_id": 0, "name": "app", "rev": null, "namespace": "default" })
    );
    assert_eq!(event(&mut bus, "log:err").await["data"], "err\n");
    assert_eq!(
        (home.app_log("app-out.log"), home.app_log("app-error.log")),
        (b"out\n".to_vec(), b"err\n".to_vec())
    );
}

#[tokio::test]
async fn last_words_partial_lines_and_binary_output_are_kept() {
    let home = TestHome::new();
    let client = home.session();
    let script = r"printf 'no newline'; printf '\377\000\376' >&2; kill -9 $$";
    client
        .start_shell("dying", script, json!({ "autorestart": false }))
        .await;
    client
        .until("stopped", 0, |process| {
            process["pm2_env"]["status"] == "stopped"
        })
        .await;
    assert_eq!(home.app_log("dying-out.log"), b"no newline");
    assert_eq!(home.app_log("dying-error.log"), b"\xff\x00\xfe");
}

#[tokio::test]
async fn a_large_output_right_before_the_end_is_complete() {
    let home = TestHome::new();
    let client = home.session();
    let mut bus = client.bus().await;
    let script = "seq 1 200000; exit 0";
    client
        .start_shell("burst", script, json!({ "autorestart": false }))
        .await;
    client
        .until("stopped", 0, |process| {
            process["pm2_env"]["status"] == "stopped"
        })
        .await;
    let expected = (1..=200_000).fold(String::new(), |text, number| {
        text + &number.to_string() + "\n"
    });
    assert!(home.app_log("burst-out.log") == expected.as_bytes());
    let mut heard = String::new();
    while heard.len() < expected.len() {
        heard.push_str(event(&mut bus, "log:out").await["data"].as_str().unwrap());
    }
    assert!(heard == expected);
}

#[tokio::test]
async fn a_character_cut_by_the_pipe_is_whole_in_the_event() {
    let home = TestHome::new();
    let client = home.session();
    let mut bus = client.bus().await;
    let script = r"printf 'caf\303'; sleep 0.1; printf '\251\n'; exec sleep 60";
    client.start_shell("app", script, json!({})).await;
    let mut heard = String::new();
    while !heard.ends_with('\n') {
        heard.push_str(event(&mut bus, "log:out").await["data"].as_str().unwrap());
    }
    assert_eq!(heard, "café\n");
    assert_eq!(home.app_log("app-out.log"), "café\n".as_bytes());
}

#[tokio::test]
async fn dates_json_and_both_in_one_file() {
    let home = TestHome::new();
    let client = home.session();
    let both = home.folder().join("both.log");
    let more = json!({ "time": true, "log_file": both.to_str().unwrap() });
    client
        .start_shell(
            "dated",
            "echo one; echo two; sleep 0.05; echo bad >&2; exec sleep 60",
            more,
        )
        .await;
    eventually("the lines", || {
        fs::read_to_string(&both).is_ok_and(|text| text.lines().count() == 3)
    })
    .await;
    let out = String::from_utf8(home.app_log("dated-out.log")).unwrap();
    for (line, word) in out.lines().zip(["one", "two"]) {
        let (date, text) = line.split_once(": ").unwrap();
        assert!(date.len() == 19 && date.as_bytes()[10] == b'T', "{date}");
        assert_eq!(text, word);
    }
    client
        .start_shell(
            "json",
            "echo text; exec sleep 60",
            json!({ "log_type": "json" }),
        )
        .await;
    eventually("the line", || home.app_log("json-out.log").ends_with(b"\n")).await;
    let line: serde_json::Value = serde_json::from_slice(&home.app_log("json-out.log")).unwrap();
    assert_eq!(
        (&line["message"], &line["app_name"], &line["type"]),
        (&json!("text\n"), &json!("json"), &json!("out"))
    );
}

#[tokio::test]
async fn logs_can_be_moved_away_and_reopened() {
    let home = TestHome::new();
    let client = home.session();
    let script = "trap 'echo more' HUP; echo up; while :; do sleep 0.02; done";
    client.start_shell("app", script, json!({})).await;
    let file = home.home().logs().join("app-out.log");
    eventually("the first line", || {
        fs::read(&file).is_ok_and(|text| text == b"up\n")
    })
    .await;
    fs::rename(&file, home.folder().join("old.log")).unwrap();
    client.session.call("reloadLogs", &["{}"]).await.unwrap();
    client
        .ok("sendSignalToProcessId", json!(["SIGHUP", 0]))
        .await;
    eventually("the second line", || {
        fs::read(&file).is_ok_and(|text| text == b"more\n")
    })
    .await;
    assert_eq!(fs::read(home.folder().join("old.log")).unwrap(), b"up\n");
}

#[tokio::test]
async fn disabled_logs_make_no_files_but_events() {
    let home = TestHome::new();
    let client = home.session();
    let mut bus = client.bus().await;
    client
        .start_shell(
            "quiet",
            "echo out; exec sleep 60",
            json!({ "disable_logs": true }),
        )
        .await;
    assert_eq!(event(&mut bus, "log:out").await["data"], "out\n");
    assert!(fs::read_dir(home.home().logs()).unwrap().next().is_none());
}

#[tokio::test]
async fn a_program_that_honours_backpressure_is_never_stalled_in_either_mode() {
    let home = TestHome::new();
    let client = home.session();
    let script = home.write(
        "pressure.js",
        "let n = 0; const go = () => { while (n < 20000) { n++; if (!process.stdout.write('line ' + n + '\\n')) return process.stdout.once('drain', go) } process.send({ type: 'written', data: n }) }; go()",
    );
    for mode in ["fork", "cluster"] {
        let mut bus = client.bus().await;
        client.ok("start", json!([{ "script": script, "name": mode, "exec_mode": mode, "merge_logs": true, "autorestart": false }])).await;
        event(&mut bus, "written").await;
        let name = format!("{mode}-out.log");
        eventually("all lines", || {
            home.app_log(&name).ends_with(b"line 20000\n")
        })
        .await;
    }
}
