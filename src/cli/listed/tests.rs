//! What the list looks like.

use super::*;
use serde_json::json;

fn listed(pm_id: u32, name: &str, status: &str) -> Listed {
    serde_json::from_value(json!({
        "pm_id": pm_id, "name": name, "pid": if status == "online" { 77 } else { 0 },
        "pm2_env": {
            "namespace": "default", "exec_mode": "fork_mode", "status": status, "pm_uptime": 1000, "restart_time": pm_id,
            "username": "root", "watch": false, "pm_err_log_path": "/e", "pm_pid_path": "/p"
        },
        "monit": {"memory": 1_048_576, "cpu": 2.5}
    }))
    .unwrap()
}

#[test]
fn the_wide_list_has_pm2s_columns() {
    let text = wide(&[listed(0, "a", "online"), listed(1, "b", "stopped")], 6000).render(false);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[1],
        "│ id │ name │ namespace   │ version │ mode    │ pid      │ uptime │ ↺    │ status    │ cpu      │ mem      │ user     │ watching │"
    );
    assert_eq!(
        lines[3],
        "│ 0  │ a    │ default     │ N/A     │ fork    │ 77       │ 5s     │ 0    │ online    │ 2.5%     │ 1.0mb    │ root     │ disabled │"
    );
    assert_eq!(
        lines[4],
        "│ 1  │ b    │ default     │ N/A     │ fork    │ 0        │ 0      │ 1    │ stopped   │ 2.5%     │ 1.0mb    │ root     │ disabled │"
    );
}

#[test]
fn modules_have_a_list_of_their_own() {
    let mut module = listed(3, "rotate", "online");
    module.pm2_env.insert("version".into(), "3.0.0".into());
    let text = modules(&[module]).render(false);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[1],
        "│ id │ module                       │ version       │ pid      │ status   │ ↺    │ cpu      │ mem      │ user     │"
    );
    assert_eq!(
        lines[3],
        "│ 3  │ rotate                       │ 3.0.0         │ 77       │ online   │ 3    │ 2.5%     │ 1.0mb    │ root     │"
    );
}

#[test]
fn narrow_lists_fit_narrow_terminals() {
    let processes = [listed(0, "a", "online")];
    assert_eq!(wide(&processes, 0).width(), 130);
    assert_eq!(
        (medium(&processes).width(), small(&processes).width()),
        (65, 45)
    );
}

#[test]
fn the_mini_list_is_lines() {
    assert_eq!(
        mini(&listed(0, "a", "online"), 6000),
        "+--- a\nnamespace : default\nversion : N/A\npid : 77\npm2 id : 0\nstatus : online\nmode : fork\nrestarted : 0\n\
         uptime : 5s\nmemory usage : 1.0mb \nerror log : /e\nwatching : no\nPID file : /p\n"
    );
}

#[test]
fn lists_are_sorted_by_the_field_asked_for() {
    let mut processes = vec![
        listed(0, "b", "online"),
        listed(1, "a", "stopped"),
        listed(2, "c", "online"),
    ];
    for (by, ids) in [
        ("name", ["1", "0", "2"]),
        ("name:desc", ["2", "0", "1"]),
        ("id", ["0", "1", "2"]),
        ("restarts:desc", ["2", "1", "0"]),
    ] {
        sort(&mut processes, by);
        let found: Vec<String> = processes.iter().map(Listed::id).collect();
        assert_eq!(found, ids, "{by}");
    }
}
