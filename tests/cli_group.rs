//! Commands about many processes at once: `scale`, `save`, `resurrect`, `cleardump`, `flush`.

use std::fs;

use serde_json::Value;

use crate::{
    cli::{fails, home, list, ok, statuses},
    support::homes::TestHome,
};

fn ids(home: &TestHome) -> Vec<u64> {
    let of = |process: &Value| process["pm_id"].as_u64().unwrap();
    list(home).iter().map(of).collect()
}

#[test]
fn scaling() {
    let home = home();
    ok(&home, &["start", "up.sh", "--name", "web"]);
    let out = ok(&home, &["scale", "web", "3"]);
    assert!(out.starts_with("[PM2] Scaling up application\n┌"), "{out}");
    assert_eq!(ids(&home), [0, 1, 2]);
    ok(&home, &["scale", "web", "+1"]);
    let out = ok(&home, &["scale", "web", "-1"]);
    let removed =
        "[PM2] Applying action deleteProcessId on app [web](ids: [ 0 ])\n[PM2] [web](0) ✓\n┌";
    assert!(out.starts_with(removed), "{out}");
    ok(&home, &["scale", "web", "1"]);
    assert_eq!(ids(&home), [3]);
    assert_eq!(
        fails(&home, &["scale", "web", "1"]),
        "[PM2][ERROR] Nothing to do\n"
    );
    assert_eq!(
        fails(&home, &["scale", "none", "1"]),
        "[PM2][ERROR] Application none not found\n"
    );
    assert!(fails(&home, &["scale", "web", "x"]).contains("`+n` or `-n`"));
    assert!(fails(&home, &["scale", "web", "-2"]).contains("only 1 processes"));
    assert!(fails(&home, &["scale", "web"]).contains("<NUMBER>"));
    assert_eq!(ids(&home), [3]);
}

#[test]
fn saving_and_restoring() {
    let home = home();
    let dump = home.home().dump();
    let path = dump.display();
    ok(&home, &["ping"]);
    assert_eq!(
        ok(&home, &["save"]),
        "[PM2] Saving current process list...\n\
         [PM2][WARN] PM2 is not managing any process, skipping save...\n\
         [PM2][WARN] To force saving use: rpm2 save --force\n"
    );
    assert!(!dump.exists());
    let saved =
        format!("[PM2] Saving current process list...\n[PM2] Successfully saved in {path}\n");
    assert_eq!(ok(&home, &["save", "--force"]), saved);
    ok(&home, &["start", "up.sh", "--name", "a"]);
    ok(&home, &["start", "up.sh", "--name", "b"]);
    ok(&home, &["stop", "b"]);
    assert_eq!(ok(&home, &["dump"]), saved);
    ok(&home, &["kill"]);

    let out = ok(&home, &["resurrect"]);
    let script = home.folder().join("up.sh");
    let restored = format!(
        "[PM2] Resurrecting\n[PM2] Restoring processes located in {path}\n{}┌",
        format!("[PM2] Process {} restored\n", script.display()).repeat(2)
    );
    assert!(out.contains(&restored), "{out}");
    let status = |name: &str, status: &str| (name.to_owned(), status.to_owned());
    let expected = [status("a", "online"), status("b", "stopped")];
    assert_eq!(statuses(&home), expected);
    let out = ok(&home, &["resurrect"]);
    assert!(!out.contains("restored"), "{out}");
    assert_eq!(statuses(&home), expected);

    let cleared = format!("[PM2] Successfully created {path}\n");
    assert_eq!(ok(&home, &["cleardump"]), cleared);
    assert_eq!(fs::read_to_string(&dump).unwrap(), "[]");
}

#[test]
fn what_cannot_be_restored() {
    let home = home();
    ok(&home, &["start", "up.sh"]);
    ok(&home, &["save"]);
    let (dump, backup) = (home.home().dump(), home.home().dump_backup());
    let mut saved: Vec<Value> = serde_json::from_slice(&fs::read(&dump).unwrap()).unwrap();
    // One that the daemon refuses does not keep the others from being restored.
    let mut wrong = saved[0].clone();
    wrong["name"] = "wrong".into();
    wrong["pm_out_log_path"] = "/proc/none/out.log".into();
    saved.insert(0, wrong);
    fs::write(&backup, serde_json::to_vec(&saved).unwrap()).unwrap();
    fs::write(&dump, "{broken").unwrap();
    ok(&home, &["delete", "all"]);
    let (code, out, err) = home.command(&["resurrect"]);
    assert_eq!(code, 0, "a boot goes on: {err}");
    let broken = format!(
        "[PM2][ERROR] Failed to parse dump file in {}\n[PM2][ERROR] Error: wrong is not restored: ",
        dump.display()
    );
    assert!(err.starts_with(&broken), "{err}");
    assert!(out.contains("up.sh restored"), "{out}");
    assert!(!dump.exists() && backup.exists());
    assert!(statuses(&home).contains(&("up".to_owned(), "online".to_owned())));

    fs::remove_file(&backup).unwrap();
    let (code, _, err) = home.command(&["resurrect"]);
    let unread = |path: &std::path::Path| {
        format!(
            "[PM2][ERROR] Failed to read dump file in {}\n",
            path.display()
        )
    };
    let none = "[PM2][ERROR] No processes saved; DUMP file doesn't exist\n";
    assert_eq!((code, err), (0, unread(&dump) + &unread(&backup) + none));
}

#[test]
fn emptying_logs() {
    let home = home();
    ok(&home, &["start", "up.sh", "--name", "a"]);
    ok(&home, &["start", "up.sh", "--name", "b"]);
    let log = |name: &str, stream: &str| home.home().logs().join(format!("{name}-{stream}.log"));
    for name in ["a", "b"] {
        fs::write(log(name, "out"), "line\n").unwrap();
    }
    let of = |name: &str| {
        format!(
            "[PM2] Flushing:\n[PM2] {}\n[PM2] {}\n",
            log(name, "out").display(),
            log(name, "error").display()
        )
    };
    let flushed = "[PM2] Logs flushed\n";
    assert_eq!(ok(&home, &["flush", "a"]), of("a") + flushed);
    assert_eq!(fs::read_to_string(log("a", "out")).unwrap(), "");
    assert_eq!(fs::read_to_string(log("b", "out")).unwrap(), "line\n");
    assert_eq!(ok(&home, &["flush", "1"]), of("b") + flushed);
    assert_eq!(fs::read_to_string(log("b", "out")).unwrap(), "");
    assert_eq!(ok(&home, &["flush", "none"]), flushed);
    let daemon = home.home().daemon_log();
    let all = format!("[PM2] Flushing {}\n", daemon.display());
    assert_eq!(ok(&home, &["flush"]), all + &of("a") + &of("b") + flushed);
    assert_eq!(fs::metadata(daemon).unwrap().len(), 0);
}
