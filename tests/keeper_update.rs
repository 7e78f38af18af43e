//! The keeper goes on as another executable.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nix::sys::signal::Signal;
use rpm2::sys::proc;
use serde_json::json;

use crate::support::{
    homes::binary,
    kept::{Daemon, Kept, wait_for_three_descriptors, wait_until},
};

fn executable(pid: i32) -> PathBuf {
    fs::read_link(format!("/proc/{pid}/exe")).unwrap()
}

fn parent(pid: i32) -> i32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    line.unwrap().trim().parse().unwrap()
}

fn copy_of_the_binary(kept: &Kept) -> PathBuf {
    let path = kept.folder().join("rpm2-new");
    fs::copy(binary(), &path).unwrap();
    path
}

fn update(daemon: &mut Daemon, path: &Path) -> serde_json::Value {
    daemon.ask("update", json!(path.to_str().unwrap()))
}

#[test]
fn apps_descriptors_and_exits_survive_an_update() {
    let (kept, mut daemon) = Kept::started();
    let keeper = kept.keeper_pid();
    let app = daemon.spawn("p0", "exec sleep 300", &["p0/out"]);
    let ended = daemon.spawn("p1", "exit 6", &[]);
    daemon.event("exit");
    let new = copy_of_the_binary(&kept);
    assert_eq!(update(&mut daemon, &new)["ok"], true);
    let mut next = kept.daemon();
    assert_ne!(next.pid(), daemon.pid());
    assert_eq!(executable(keeper), new);
    assert_eq!((parent(app), parent(next.pid())), (keeper, keeper));
    assert_eq!(next.hello["generation"], 1);
    assert_eq!(
        next.hello["kept"],
        json!({ "p0/out": "p0/out", "pub": "", "rpc": "" })
    );
    assert_eq!(next.hello["alive"], json!([{ "key": "p0", "pid": app }]));
    let exit = &next.hello["exits"][0];
    assert_eq!(
        (&exit["pid"], &exit["exit"]),
        (&json!(ended), &json!("code 6"))
    );
    // It still reaps, starts, keeps to itself what is its own, and holds the home.
    proc::signal(app, Signal::SIGKILL).unwrap();
    assert_eq!(next.event("exit")["exit"], "SIGKILL");
    let later = next.spawn("p2", "exec sleep 300", &[]);
    wait_for_three_descriptors(later);
    assert_eq!(kept.launch(), "busy\n");
}

#[test]
fn an_update_to_what_is_no_keeper_fails_and_changes_nothing() {
    let (kept, mut daemon) = Kept::started();
    let keeper = kept.keeper_pid();
    let app = daemon.spawn("p0", "exec sleep 300", &["p0/out"]);
    let before = executable(keeper);
    let answer = update(&mut daemon, Path::new("/nonexistent"));
    assert_eq!(answer["errno"], 2);
    let answer = update(&mut daemon, Path::new("/bin/true"));
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains("cannot take over"),
        "{answer}"
    );
    assert_eq!(executable(keeper), before);
    let later = daemon.spawn("p1", "exec sleep 300", &[]);
    wait_for_three_descriptors(later);
    daemon.kill();
    let next = kept.daemon();
    assert_eq!(next.hello["alive"][0]["pid"], app);
    assert_eq!(next.hello["kept"]["p0/out"], "p0/out");
}

#[test]
fn an_update_whose_daemon_does_not_come_up_is_undone() {
    let kept = Kept::new();
    let old = kept.folder().join("rpm2-old");
    fs::copy(binary(), &old).unwrap();
    assert!(kept.launch_with(&old).contains("ready"));
    let mut daemon = kept.daemon();
    let keeper = kept.keeper_pid();
    let app = daemon.spawn("p0", "exec sleep 300", &["p0/out"]);
    let new = copy_of_the_binary(&kept);
    // As a package manager does it: the old file is gone when it is needed again.
    fs::remove_file(&old).unwrap();
    kept.break_daemons(true);
    assert_eq!(update(&mut daemon, &new)["ok"], true);
    wait_until("the way back", || {
        executable(keeper)
            .to_str()
            .unwrap()
            .starts_with(old.to_str().unwrap())
    });
    assert!(kept.log().contains("going back to"), "{}", kept.log());
    kept.break_daemons(false);
    let mut next = kept.daemon();
    assert_eq!(next.hello["alive"], json!([{ "key": "p0", "pid": app }]));
    assert_eq!(next.hello["kept"]["p0/out"], "p0/out");
    assert_eq!(parent(app), keeper);
    let later = next.spawn("p1", "exec sleep 300", &[]);
    wait_for_three_descriptors(later);
}

#[test]
fn an_app_that_ends_during_the_update_is_not_lost() {
    let (kept, mut daemon) = Kept::started();
    let new = copy_of_the_binary(&kept);
    let pids: Vec<i32> = (0..20)
        .map(|n| daemon.spawn(&format!("p{n}"), &format!("sleep 0.0{n}; exit {n}"), &[]))
        .collect();
    assert_eq!(update(&mut daemon, &new)["ok"], true);
    let mut next = kept.daemon();
    wait_until("all exits", || pids.iter().all(|pid| !proc::exists(*pid)));
    next.ask("settle", json!(null));
    next.kill();
    let last = kept.daemon();
    let exits = last.hello["exits"].as_array().unwrap();
    for (n, pid) in pids.iter().enumerate() {
        let exit = exits.iter().find(|exit| exit["pid"] == *pid);
        assert_eq!(exit.unwrap()["exit"], format!("code {n}"), "{pid}");
    }
}
