//! The keeper outlives its daemons: apps, descriptors and exits reach the next one.

use std::fs;

use nix::sys::signal::Signal;
use rpm2::sys::{proc, usage};
use serde_json::json;

use crate::support::{
    homes::binary,
    kept::{Kept, wait_for_three_descriptors, wait_until},
};

#[test]
fn apps_start_and_their_exits_are_told() {
    let (_kept, mut daemon) = Kept::started();
    assert_eq!(daemon.hello["generation"], 0);
    let names: Vec<_> = daemon.hello["kept"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["pub", "rpc"]);
    let pid = daemon.spawn("p0", "exit 7", &[]);
    let exit = daemon.event("exit");
    assert_eq!(
        (&exit["key"], &exit["pid"], &exit["exit"]),
        (&json!("p0"), &json!(pid), &json!("code 7"))
    );
    daemon.spawn("p1", "kill -9 $$", &[]);
    assert_eq!(daemon.event("exit")["exit"], "SIGKILL");
}

#[test]
fn what_failed_and_why_comes_back_and_keeps_nothing() {
    let (kept, mut daemon) = Kept::started();
    daemon.ask("keep", json!("p0/out"));
    let missing = json!({ "key": "p0", "path": "/nonexistent", "keep": ["p0/out", "p0/err"] });
    let answer = daemon.ask("spawn", missing);
    assert_eq!(
        (&answer["step"], &answer["errno"]),
        (&json!("Exec"), &json!(2))
    );
    let nowhere = json!({ "key": "p0", "cwd": "/nonexistent" });
    assert_eq!(daemon.ask("spawn", nowhere)["step"], "Directory");
    daemon.kill();
    let next = kept.daemon();
    let names: Vec<_> = next.hello["kept"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["p0/out", "pub", "rpc"]);
    assert_eq!(next.hello["exits"], json!([]));
}

#[test]
fn a_descriptor_of_an_app_is_copied_and_of_no_other_process() {
    let (kept, mut daemon) = Kept::started();
    let pid = daemon.spawn("p0", "exec sleep 300 9</etc/passwd", &[]);
    wait_until("the copy", || {
        let answer = daemon.ask("copy", json!({ "pid": pid, "number": 9 }));
        answer["is"] == "/etc/passwd"
    });
    let missing = daemon.ask("copy", json!({ "pid": pid, "number": 99 }));
    assert_eq!(missing["errno"], nix::libc::EBADF);
    let stranger = json!({ "pid": kept.keeper_pid(), "number": 0 });
    assert_eq!(daemon.ask("copy", stranger)["errno"], nix::libc::ESRCH);
}

#[test]
fn the_next_daemon_is_handed_everything() {
    let (kept, mut daemon) = Kept::started();
    let keeper = kept.keeper_pid();
    let lives = daemon.spawn("p0", "exec sleep 300", &["p0/out", "p0/channel"]);
    let ends = daemon.spawn("p1", "exec sleep 300", &["p1/out"]);
    let told = daemon.spawn("p2", "exit 4", &[]);
    assert_eq!(daemon.event("exit")["pid"], told);
    let forgotten = daemon.spawn("p3", "exit 5", &["p3/out", "p30/out"]);
    assert_eq!(daemon.event("exit")["pid"], forgotten);
    daemon.ask("acknowledge", json!(forgotten));
    daemon.ask("forget", json!("p3"));
    daemon.ask("settle", json!(null));

    // While there is no daemon an app ends.
    kept.break_daemons(true);
    daemon.kill();
    proc::signal(ends, Signal::SIGKILL).unwrap();
    wait_until("the reaping", || !proc::exists(ends));
    kept.break_daemons(false);

    let mut next = kept.daemon();
    assert!(next.hello["generation"].as_u64().unwrap() >= 1);
    assert_eq!(kept.keeper_pid(), keeper);
    let expected = json!({
        "p0/channel": "p0/channel", "p0/out": "p0/out", "p1/out": "p1/out", "p30/out": "p30/out", "pub": "", "rpc": "",
    });
    assert_eq!(next.hello["kept"], expected);
    assert_eq!(next.hello["alive"], json!([{ "key": "p0", "pid": lives }]));
    let exits: Vec<_> = next.hello["exits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|exit| (exit["key"].clone(), exit["exit"].clone()))
        .collect();
    // In the order in which they ended; the one that was told but not acknowledged is told again.
    assert_eq!(
        exits,
        [
            (json!("p2"), json!("code 4")),
            (json!("p1"), json!("SIGKILL"))
        ]
    );
    proc::signal(lives, Signal::SIGTERM).unwrap();
    assert_eq!(next.event("exit")["exit"], "SIGTERM");
}

#[test]
fn a_daemon_that_was_told_everything_leaves_nothing_to_tell() {
    let (kept, mut daemon) = Kept::started();
    let pid = daemon.spawn("p0", "exit 1", &[]);
    daemon.event("exit");
    daemon.kill();
    let mut second = kept.daemon();
    assert_eq!(second.hello["generation"], 1);
    assert_eq!(second.hello["exits"][0]["pid"], pid);
    assert!(second.hello["exits"][0]["at_ms"].as_i64().unwrap() > 1_600_000_000_000);
    second.ask("acknowledge", json!(pid));
    second.ask("settle", json!(null));
    second.kill();
    assert_eq!(kept.daemon().hello["exits"], json!([]));
}

#[test]
fn an_app_whose_daemon_dies_while_it_is_started_is_in_the_inventory() {
    let (kept, mut daemon) = Kept::started();
    kept.signal(Signal::SIGSTOP);
    let app = json!({ "key": "p0", "script": "exec sleep 300", "keep": ["p0/out"] });
    daemon.tell("spawn_and_die", app);
    let zombie = format!("/proc/{}/stat", daemon.pid());
    wait_until("the daemon's death", || {
        fs::read_to_string(&zombie).unwrap().contains(") Z ")
    });
    kept.signal(Signal::SIGCONT);
    let next = kept.daemon();
    assert_eq!(next.hello["alive"][0]["key"], "p0");
    assert_eq!(next.hello["kept"]["p0/out"], "p0/out");
}

#[test]
fn a_daemon_that_does_not_read_misses_no_exit() {
    let (_kept, mut daemon) = Kept::started();
    let pids: Vec<i32> = (0..400)
        .map(|n| daemon.spawn(&format!("p{n}"), "exec sleep 300", &[]))
        .collect();
    proc::signal(daemon.pid(), Signal::SIGSTOP).unwrap();
    for pid in &pids {
        proc::signal(*pid, Signal::SIGKILL).unwrap();
    }
    // The socket holds fewer exits than these.
    wait_until("the reaping", || pids.iter().all(|pid| !proc::exists(*pid)));
    proc::signal(daemon.pid(), Signal::SIGCONT).unwrap();
    let mut told: Vec<i64> = pids
        .iter()
        .map(|_| daemon.event("exit")["pid"].as_i64().unwrap())
        .collect();
    told.sort_unstable();
    let mut expected: Vec<i64> = pids.into_iter().map(i64::from).collect();
    expected.sort_unstable();
    assert_eq!(told, expected);
}

#[test]
fn an_environment_larger_than_any_message_arrives() {
    let (kept, mut daemon) = Kept::started();
    let file = kept.folder().join("count");
    let script = format!("env | grep -c '^BALLAST_' > {}", file.display());
    let app = json!({ "key": "p0", "script": script, "ballast": 300, "path": "/bin/sh" });
    assert!(daemon.ask("spawn", app)["pid"].is_i64());
    assert_eq!(daemon.event("exit")["exit"], "code 0");
    assert_eq!(fs::read_to_string(file).unwrap(), "300\n");
}

#[test]
fn two_hundred_apps_and_more_descriptors_than_a_message_takes_come_back() {
    let (kept, mut daemon) = Kept::started();
    let pids: Vec<i32> = (0..200)
        .map(|n| {
            let (out, err) = (format!("p{n}/out"), format!("p{n}/err"));
            daemon.spawn(&format!("p{n}"), "exec sleep 300", &[&out, &err])
        })
        .collect();
    daemon.kill();
    let next = kept.daemon();
    let names = next.hello["kept"].as_object().unwrap();
    assert_eq!(names.len(), 402);
    for n in 0..200 {
        // Each name has its own descriptor, not another's.
        let out = format!("p{n}/out");
        assert_eq!(names[&out], json!(out));
    }
    let mut alive: Vec<i64> = next.hello["alive"]
        .as_array()
        .unwrap()
        .iter()
        .map(|app| app["pid"].as_i64().unwrap())
        .collect();
    alive.sort_unstable();
    let mut expected: Vec<i64> = pids.iter().map(|pid| i64::from(*pid)).collect();
    expected.sort_unstable();
    assert_eq!(alive, expected);
}

#[test]
fn apps_have_no_descriptor_of_the_keeper() {
    let (kept, mut daemon) = Kept::started();
    daemon.ask("keep", json!("p9/out"));
    let pid = daemon.spawn("p0", "exec sleep 300", &["p0/out"]);
    wait_for_three_descriptors(pid);
    assert!(usage::descendants(kept.keeper_pid()).contains(&pid));
}

#[test]
fn a_hundred_apps_cost_the_keeper_less_than_half_a_mebibyte_and_no_wake_up() {
    let (kept, mut daemon) = Kept::started();
    for n in 0..100 {
        let (out, err) = (format!("p{n}/out"), format!("p{n}/err"));
        daemon.spawn(&format!("p{n}"), "exec sleep 300", &[&out, &err]);
    }
    let app = json!({ "key": "big", "script": "", "ballast": 300 });
    daemon.ask("spawn", app);
    daemon.event("exit");
    let maps = fs::read_to_string(format!("/proc/{}/smaps", kept.keeper_pid())).unwrap();
    // Without what the loader relocates in the executable: in a debug build, as this is, that is a multiple of what
    // it is in a release.
    let executable = binary().display().to_string();
    let (mut is_counted, mut private) = (true, 0);
    for line in maps.lines() {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next()) {
            // Not `Private_Dirty`: it counts the pages of files that are not on disk yet.
            (Some("Anonymous:"), Some(kib)) if is_counted => private += kib.parse::<u64>().unwrap(),
            (Some(name), _) if !name.ends_with(':') => is_counted = !line.ends_with(&executable),
            _ => {}
        }
    }
    println!("keeper with 100 apps: {private} KiB of its own");
    assert!(private < 512, "{private} KiB");

    let switches = || {
        let status = fs::read_to_string(format!("/proc/{}/status", kept.keeper_pid())).unwrap();
        let mut lines = status.lines();
        let found = lines.find(|line| line.starts_with("voluntary_ctxt_switches"));
        found.unwrap().to_owned()
    };
    // It sleeps as soon as it has answered.
    let mut before = switches();
    wait_until("an idle keeper", || {
        std::thread::sleep(std::time::Duration::from_millis(100));
        let now = switches();
        std::mem::replace(&mut before, now.clone()) == now
    });
}
