//! At rest: what daemon and keeper give back.
#![cfg(target_os = "linux")]

use std::fs;

use serde_json::json;

use crate::support::{
    apps::eventually,
    homes::{TestHome, binary},
};

/// KiB of the daemon's and the keeper's own code that are in memory.
fn code_in_memory(home: &TestHome) -> u64 {
    let executable = fs::canonicalize(binary()).unwrap();
    let code_of = |pid: i32| {
        let maps = fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
        let ours = format!(" {}", executable.display());
        let mut lines = maps.lines();
        lines.find(|line| line.contains(" r-xp ") && line.ends_with(&ours));
        let resident = lines.find_map(|line| line.strip_prefix("Rss:")).unwrap();
        let number = resident.trim().trim_end_matches(" kB");
        number.parse::<u64>().unwrap()
    };
    code_of(home.daemon_pid().unwrap()) + code_of(home.keeper_pid().unwrap())
}

#[tokio::test]
async fn at_rest_it_gives_back_what_it_needed_though_clients_stay_connected() {
    let home = TestHome::new();
    let client = home.session();
    for _ in 0..2 {
        // Each time: not only what the start of the daemon needed.
        client.start_shell("app", "exec sleep 60", json!({})).await;
        let at_work = code_in_memory(&home);
        eventually("rest", || code_in_memory(&home) < at_work / 2).await;
        client.ok("delete", json!(["all"])).await;
    }
}
