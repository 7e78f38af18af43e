//! `get`, `set`, `multiset`, `unset`, `conf`: lines, the file and exit codes.

use std::fs;

use crate::cli::{fails, home, list, ok};

#[test]
fn settings_are_set_shown_and_removed() {
    let home = home();
    assert_eq!(ok(&home, &["set", "a", "1"]), "$ rpm2 set a 1\n");
    let changed = "[PM2] Setting changed\nModule: mod\n$ rpm2 set mod:key -v\n";
    assert_eq!(ok(&home, &["set", "mod:key", "-v"]), changed);
    let module = "Module: mod\n$ rpm2 set mod:key -v\n";
    let flat = "$ rpm2 set a 1\n";
    let advice = "Modules configuration. Copy/Paste line to edit values.\n";
    for all in ["get", "conf"] {
        assert_eq!(ok(&home, &[all]), flat.to_owned() + module);
    }
    assert_eq!(ok(&home, &["get", "a"]), flat.to_owned() + advice);
    assert_eq!(ok(&home, &["config", "mod"]), module.to_owned() + advice);
    assert_eq!(
        ok(&home, &["get", "mod.key"]),
        "Value for module mod key key: -v\n"
    );
    let more = "Module: m\n$ rpm2 set m:y 2\n";
    assert_eq!(
        ok(&home, &["multiset", "m:y 2 left"]),
        flat.to_owned() + module + more
    );
    assert_eq!(ok(&home, &["unset", "mod"]), flat.to_owned() + more);
    assert_eq!(ok(&home, &["unset", "none"]), flat.to_owned() + more);
    assert_eq!(
        fs::read_to_string(home.home().module_conf()).unwrap(),
        "{\n    \"a\": \"1\",\n    \"m\": {\n        \"y\": \"2\"\n    }\n}"
    );
    assert_eq!(home.daemon_pid(), None, "none of these needs a daemon");
}

#[test]
fn an_app_of_the_name_is_restarted() {
    let home = home();
    ok(&home, &["start", "up.sh", "--name", "web"]);
    let out = ok(&home, &["conf", "web:LEVEL", "debug"]);
    assert!(
        out.contains("[PM2] Module web restarted\n[PM2] Setting changed\n"),
        "{out}"
    );
    let env = &list(&home)[0]["pm2_env"];
    assert_eq!(env["env"]["LEVEL"], "debug");
    assert_eq!(env["restart_time"], 1);
}

#[test]
fn what_cannot_be_set() {
    let home = home();
    let error = |text: &str| format!("[PM2][ERROR] {text}\n");
    assert_eq!(fails(&home, &["get", "none"]), error("none is not set"));
    assert_eq!(
        fails(&home, &["set", "key"]),
        error("set expects a value: rpm2 set key <value>")
    );
    assert!(fails(&home, &["set"]).contains("rpm2 set <key> <value>"));
    assert!(fails(&home, &["set", "a:", "1"]).contains("got `a:`"));
    assert!(fails(&home, &["unset"]).contains("<KEY>"));
    home.home().create().unwrap();
    fs::write(home.home().module_conf(), "{broken").unwrap();
    assert!(fails(&home, &["set", "a", "1"]).contains("mend it"));
    assert_eq!(
        fs::read_to_string(home.home().module_conf()).unwrap(),
        "{broken"
    );
}
