//! `ecosystem`, `slist`, `report`, `pull`, `backward`, `forward`.

use std::fs;

use serde_json::Value;

use crate::{
    cli::{fails, home, list, ok},
    support::git::git,
};

#[test]
fn a_file_to_begin_with() {
    let home = home();
    let path = home.folder().join("ecosystem.config.js");
    let made = format!("File {} generated\n", path.display());
    for args in [&["init"][..], &["ecosystem", "simple"]] {
        assert_eq!(ok(&home, args), made);
        let error = fails(&home, &["init"]);
        assert!(error.contains("exists already"), "{error}");
        home.write("app.js", "setInterval(() => {}, 1000)");
        ok(&home, &["start", "--only", "app1"]);
        assert_eq!(list(&home)[0]["name"], "app1");
        ok(&home, &["delete", "all"]);
        fs::remove_file(&path).unwrap();
    }
    assert!(fails(&home, &["init", "large"]).contains("`large`"));
}

#[test]
fn what_the_machine_has() {
    let home = home();
    ok(&home, &["ping"]);
    let metrics: Value = serde_json::from_str(&ok(&home, &["slist"])).unwrap();
    assert!(metrics["RAM Total"]["value"].as_u64().unwrap() > 0);
    let cpu = metrics["CPU Usage"]["value"].as_f64().unwrap();
    assert!((0.0..=100.0).contains(&cpu), "{cpu}");
    let tree = ok(&home, &["sysinfos", "--tree"]);
    assert!(tree.starts_with("├─ CPU Usage\n│  ├─ value: "), "{tree}");
}

#[test]
fn a_report_has_daemon_command_machine_list_and_log() {
    let home = home();
    ok(&home, &["start", "up.sh", "--name", "reported"]);
    let report = ok(&home, &["report"]);
    let version = format!("rpm2 version         : {}\n", env!("CARGO_PKG_VERSION"));
    for part in [
        version.as_str(),
        "apps                 : 1\n",
        "totalmem             : ",
        "│ reported    │",
        "App [reported:0] online",
    ] {
        assert!(report.contains(part), "{part} in\n{report}");
    }
}

#[test]
fn an_app_goes_to_another_commit() {
    let home = home();
    let (origin, clone) = (home.folder().join("origin"), home.folder().join("clone"));
    fs::create_dir(&origin).unwrap();
    let commit = |text: &str| {
        fs::write(
            origin.join("app.sh"),
            format!("echo {text}\nexec sleep 1000\n"),
        )
        .unwrap();
        git(&origin, &["add", "."]);
        git(&origin, &["commit", "-qm", text]);
        git(&origin, &["rev-parse", "HEAD"])
    };
    git(&origin, &["init", "-qb", "main"]);
    let first = commit("one");
    git(&origin, &["clone", "-q", ".", clone.to_str().unwrap()]);
    let app = format!(
        r#"{{"script": "app.sh", "cwd": "{}", "post_update": ["echo updated > told"]}}"#,
        clone.display()
    );
    home.write("apps.json", &app);
    ok(&home, &["start", "apps.json"]);

    let unchanged = "[PM2] Already up-to-date or an error occured for app: app\n";
    assert!(ok(&home, &["pull", "app"]).ends_with(unchanged));
    let second = commit("two");
    let out = ok(&home, &["pull", "app"]);
    let updated = format!(
        "[PM2] Updating repository for process name app\n[PM2] Process successfully updated app\n\
         [PM2] Current commit {second}\n"
    );
    assert!(
        out.starts_with(&updated) && out.ends_with("[PM2] [app](0) ✓\n"),
        "{out}"
    );
    assert_eq!(fs::read_to_string(clone.join("told")).unwrap(), "updated\n");
    assert_eq!(list(&home)[0]["pm2_env"]["restart_time"], 1);
    assert!(ok(&home, &["backward", "0"]).contains(&format!("Current commit {first}\n")));
    assert!(ok(&home, &["forward", "app"]).contains(&format!("Current commit {second}\n")));
    assert!(ok(&home, &["forward", "app"]).ends_with(unchanged));
    assert!(
        ok(&home, &["pull", "app", &first[..8]]).contains(&format!("Current commit {first}\n"))
    );
    assert_eq!(list(&home)[0]["pm2_env"]["restart_time"], 4);

    fs::write(clone.join("app.sh"), "mine").unwrap();
    assert!(fails(&home, &["pull", "app"]).contains("not committed"));
    assert_eq!(fs::read_to_string(clone.join("app.sh")).unwrap(), "mine");
    assert_eq!(
        fails(&home, &["pull", "none"]),
        "No processes with this name or id : none\n"
    );
}
