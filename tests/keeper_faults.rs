//! What goes wrong around the keeper: daemons that fail, signals, homes that are taken.

use std::{fs, os::unix::fs::PermissionsExt, os::unix::net::UnixListener};

use nix::sys::signal::Signal;
use rpm2::sys::proc;
use serde_json::json;

use crate::support::kept::{Kept, wait_until};

#[test]
fn a_first_daemon_that_fails_tells_the_launcher_and_leaves_nothing() {
    let kept = Kept::new();
    kept.daemon_script("echo no room for me; exit 1");
    assert_eq!(kept.launch(), "no room for me\n");
    kept.wait_until_left();
    assert!(!kept.home().down_file().exists());
}

#[test]
fn a_daemon_that_cannot_be_executed_is_explained() {
    let kept = Kept::new();
    fs::remove_file(kept.folder().join("daemon.sh")).unwrap();
    let said = kept.launch();
    assert!(said.contains("cannot execute"), "{said}");
    kept.wait_until_left();
}

#[test]
fn a_home_has_one_keeper_and_its_files_are_private() {
    let (kept, _daemon) = Kept::started();
    assert_eq!(kept.launch(), "busy\n");
    let home = kept.home();
    for path in [home.rpc_socket(), home.pub_socket(), home.pid_file()] {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    let cwd = fs::read_link(format!("/proc/{}/cwd", kept.keeper_pid())).unwrap();
    assert_eq!(cwd.to_str(), Some("/"));
}

#[test]
fn a_foreign_daemon_is_left_alone_and_a_dead_ones_sockets_are_replaced() {
    let kept = Kept::new();
    kept.home().create().unwrap();
    let foreign = UnixListener::bind(kept.home().pub_socket()).unwrap();
    assert_eq!(kept.launch(), "busy\n");
    assert!(kept.home().pub_socket().exists());
    drop(foreign);
    assert!(kept.launch().contains("ready"));
}

#[test]
fn daemons_that_die_again_and_again_are_reported_until_one_serves() {
    let (kept, mut daemon) = Kept::started();
    let app = daemon.spawn("p0", "exec sleep 300", &["p0/out"]);
    kept.break_daemons(true);
    daemon.kill();
    let down = kept.home().down_file();
    let mut text = String::new();
    wait_until("the third failure", || {
        text = fs::read_to_string(&down).unwrap_or_default();
        text.contains("3 times in a row") || text.contains("4 times in a row")
    });
    assert_eq!(text.lines().count(), 1);
    for part in ["exit code 3", "next try in ", "pm2.log"] {
        assert!(text.contains(part), "{text}");
    }
    let mode = fs::metadata(&down).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let log = kept.log();
    assert!(log.contains("signal SIGKILL"), "{log}");
    assert!(log.contains(text.trim_end()), "{log}");
    // The last words of a daemon after the first are in the log.
    assert!(log.contains("broken by the test"), "{log}");
    kept.break_daemons(false);
    let mut next = kept.daemon();
    next.ask("settle", json!(null));
    assert!(!down.exists());
    assert_eq!(next.hello["alive"][0]["pid"], app);
}

#[test]
fn signals_are_the_daemons_and_it_ends_everything_in_its_own_way() {
    let (kept, mut daemon) = Kept::started();
    kept.signal(Signal::SIGUSR2);
    assert_eq!(daemon.event("signal")["name"], "SIGUSR2");
    kept.signal(Signal::SIGHUP);
    kept.signal(Signal::SIGTERM);
    assert_eq!(daemon.event("signal")["name"], "SIGTERM");
    assert!(kept.home().pid_file().exists());
    let answer = daemon.ask("finish", json!(null));
    assert_eq!(answer["ok"], true);
    for path in [kept.home().rpc_socket(), kept.home().pid_file()] {
        assert!(!path.exists(), "{}", path.display());
    }
    kept.wait_until_left();
}

#[test]
fn asked_twice_the_keeper_ends_everything_itself() {
    let (kept, mut daemon) = Kept::started();
    let app = daemon.spawn("p0", "exec sleep 300", &[]);
    kept.signal(Signal::SIGTERM);
    daemon.event("signal");
    assert!(proc::exists(app));
    kept.signal(Signal::SIGTERM);
    kept.wait_until_left();
    assert!(!proc::exists(app));
    assert!(!proc::exists(daemon.pid()));
}

#[test]
fn without_a_daemon_the_keeper_ends_the_apps_and_kills_those_that_will_not() {
    let (kept, mut daemon) = Kept::started();
    let ready = kept.folder().join("deaf");
    let obedient = daemon.spawn("p0", "exec sleep 300", &[]);
    let script = format!(
        "trap '' INT; : > {}; while :; do sleep 300; done",
        ready.display()
    );
    let deaf = daemon.spawn("p1", &script, &[]);
    wait_until("the trap", || ready.exists());
    kept.break_daemons(true);
    daemon.kill();
    wait_until("the pause between two tries", || {
        kept.home().down_file().exists()
    });
    let asked = std::time::Instant::now();
    kept.signal(Signal::SIGTERM);
    kept.wait_until_left();
    assert!(asked.elapsed().as_millis() >= 1600, "{:?}", asked.elapsed());
    for pid in [obedient, deaf] {
        assert!(!proc::exists(pid));
    }
    assert!(!kept.home().down_file().exists());
}

#[test]
fn nonsense_of_a_daemon_is_survived() {
    let (kept, mut daemon) = Kept::started();
    let keeper = kept.keeper_pid();
    for bytes in [
        json!([0]),
        json!([9, 9, 9, 9, 9, 9, 9, 9, 9, 9]),
        // A newer version, an unknown kind, a memory file and a descriptor that are not there.
        json!([2, 3, 0, 0, 0, 0, 0, 0, 0, 0]),
        json!([1, 99, 0, 0, 0, 0, 0, 0, 0, 0]),
        json!([1, 3, 1, 0, 0, 0, 0, 0, 0, 0]),
        json!([1, 4, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 65]),
        json!([1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255]),
        json!(vec![1; 40_000]),
    ] {
        daemon.ask("garbage", bytes);
        assert_eq!(daemon.ask("settle", json!(null))["ok"], true);
    }
    assert_eq!(kept.keeper_pid(), keeper);
    daemon.spawn("p0", "exec sleep 300", &[]);
}

#[test]
fn without_descriptors_or_processes_left_nothing_kept_is_lost() {
    let (kept, mut daemon) = Kept::started();
    let app = daemon.spawn("p0", "exec sleep 300", &["p0/out"]);
    // The app's handle, which went with the answer, is closed behind it.
    daemon.ask("settle", json!(null));
    let keeper = kept.keeper_pid();
    let is_free = |number: &usize| !fs::exists(format!("/proc/{keeper}/fd/{number}")).unwrap();
    let lowest_free = (0..65_536).find(is_free).unwrap();
    let limit = |count: usize| {
        let limits = format!("--nofile={count}:");
        let status = std::process::Command::new("prlimit")
            .args(["--pid", &keeper.to_string(), &limits])
            .status();
        assert!(status.unwrap().success());
    };
    limit(lowest_free);
    let emfile = json!(nix::errno::Errno::EMFILE as i32);
    assert_eq!(daemon.ask("keep", json!("p1/out"))["errno"], emfile);
    let spawn = json!({ "key": "p1", "script": "", "keep": ["p1/out"] });
    assert_eq!(daemon.ask("spawn", spawn)["errno"], emfile);
    let big = json!({ "key": "p1", "script": "", "ballast": 300 });
    assert_eq!(daemon.ask("spawn", big)["errno"], emfile);
    limit(4096);
    daemon.kill();
    let next = kept.daemon();
    assert_eq!(next.hello["alive"], json!([{ "key": "p0", "pid": app }]));
    let names: Vec<_> = next.hello["kept"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["p0/out", "pub", "rpc"]);
}

#[test]
fn a_daemon_without_a_keeper_is_told_who_starts_it() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let error = runtime
        .block_on(rpm2::keeper::Keeper::connect())
        .unwrap_err()
        .to_string();
    assert!(error.contains("rpm2 keeper"), "{error}");
}
