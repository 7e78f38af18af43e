//! `startup`, `unstartup`, and the word to systemd.

use std::{
    fs, os::unix::fs::PermissionsExt, os::unix::net::UnixDatagram, path::Path, time::Duration,
};

use crate::{
    cli::{fails, home, ok},
    support::homes::TestHome,
};

fn startup(home: &TestHome, verb: &str, platform: &str) -> String {
    let root = home.folder().join("root");
    let root = root.to_str().unwrap();
    ok(
        home,
        &[
            verb,
            platform,
            "-u",
            "www",
            "--hp",
            "/home/www",
            "--root",
            root,
        ],
    )
}

/// A folder of programs that tell that an init system is there.
fn tools(home: &TestHome, names: &[&str]) -> String {
    let folder = home.folder().join("tools");
    fs::create_dir_all(&folder).unwrap();
    for name in names {
        let path = folder.join(name);
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder.to_str().unwrap().to_owned()
}

#[test]
fn services_are_written_and_removed() {
    let home = home();
    let root = home.folder().join("root");
    for (platform, file, command) in [
        (
            "systemd",
            "etc/systemd/system/rpm2-www.service",
            "systemctl enable rpm2-www",
        ),
        (
            "openrc",
            "etc/init.d/rpm2-www",
            "rc-update add rpm2-www default",
        ),
        (
            "launchd",
            "Library/LaunchDaemons/rpm2-www.plist",
            "launchctl load -w /Library/LaunchDaemons/rpm2-www.plist",
        ),
    ] {
        let path = root.join(file);
        let out = startup(&home, "startup", platform);
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("/home/www/.rpm2") && text.contains("resurrect"),
            "{text}"
        );
        for line in [
            format!("Platform {platform}"),
            format!("/{file}"),
            format!("[PM2] Writing init configuration in {}", path.display()),
            "$ rpm2 save".to_owned(),
            format!("$ rpm2 unstartup {platform}"),
        ] {
            assert!(out.lines().any(|found| found == line), "{line} in\n{out}");
        }
        assert!(out.contains(&format!("'{command}' ]")), "{out}");
        assert!(out.contains(&text), "{out}");
        let out = startup(&home, "unstartup", platform);
        assert!(out.ends_with("[PM2] Init file disabled.\n"), "{out}");
        assert!(!path.exists());
        startup(&home, "unstartup", platform);
    }
    assert!(!home.home().root().exists(), "no daemon is needed");
}

#[test]
fn the_init_system_is_found() {
    let home = home();
    let root = home.folder().join("root");
    let args = [
        "startup",
        "--root",
        root.to_str().unwrap(),
        "--service-name",
        "own",
    ];
    let folder = tools(&home, &["rc-update"]);
    let (code, out, err) = home.command_with_env(&args, &[("PATH", &folder)]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.starts_with("[PM2] Init System found: openrc\n"),
        "{out}"
    );
    let script = fs::read_to_string(root.join("etc/init.d/own")).unwrap();
    assert!(script.contains(&format!("RPM2_HOME='{}'", home.home().root().display())));
    let (code, out, _) = home.command_with_env(
        &["startup", "systemd", "--root", root.to_str().unwrap()],
        &[("PATH", &folder)],
    );
    assert!(
        code == 0 && out.contains(" rpm2 detected openrc but you precised systemd\n"),
        "{out}"
    );
    let (code, _, err) = home.command_with_env(&args, &[("PATH", "/none")]);
    assert_eq!(code, 1);
    assert_eq!(
        err,
        "[PM2][ERROR] Init system not found: name one of systemd, openrc, launchd\n"
    );
}

#[test]
fn what_cannot_be_a_service() {
    let home = home();
    let root = home.folder().to_str().unwrap().to_owned();
    let refused = |args: &[&str]| fails(&home, &[&["startup"], args, &["--root", &root]].concat());
    assert!(refused(&["upstart"]).contains("expected one of systemd, openrc, launchd"));
    assert!(refused(&["systemd", "--service-name", "../x"]).contains("its name `../x`"));
    assert!(refused(&["systemd", "-u", "nobody-of-this-name"]).contains("cannot be found"));
}

#[test]
fn who_is_not_root_is_told_what_to_run() {
    let home = home();
    // The tests may run as root: the command then has to be somebody else's.
    let mut command = home.prepare_command(&["startup", "systemd"]);
    if nix::unistd::Uid::current().is_root() {
        use std::os::unix::process::CommandExt;
        fs::set_permissions(home.folder(), fs::Permissions::from_mode(0o755)).unwrap();
        let copy = home.folder().join("rpm2");
        fs::copy(crate::support::homes::binary(), &copy).unwrap();
        command = std::process::Command::new(copy);
        command
            .args(["startup", "systemd"])
            .uid(65534)
            .current_dir("/");
    }
    command
        .env("RPM2_HOME", "")
        .env_remove("PM2_HOME")
        .env("HOME", "/home/me")
        .env("PATH", "/none");
    let output = command.output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{out}");
    let (first, rest) = out.split_once('\n').unwrap();
    assert_eq!(
        first,
        "[PM2] To setup the Startup Script, copy/paste the following command:"
    );
    assert!(rest.starts_with("sudo env PATH=$PATH"), "{rest}");
    assert!(
        rest.contains(" startup systemd -u ") && rest.ends_with(" --hp /home/me\n"),
        "{rest}"
    );
}

#[test]
fn systemd_is_told_when_the_processes_are_up() {
    let home = home();
    ok(&home, &["start", "up.sh"]);
    ok(&home, &["save"]);
    ok(&home, &["kill"]);
    let path = home.folder().join("notify");
    let systemd = UnixDatagram::bind(&path).unwrap();
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap())];
    let (code, out, err) = home.command_with_env(&["resurrect"], &variables);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    systemd
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut text = [0; 128];
    let count = systemd.recv(&mut text).unwrap();
    let keeper = home.keeper_pid().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&text[..count]),
        format!("READY=1\nMAINPID={keeper}\n")
    );
    for pid in [keeper, home.daemon_pid().unwrap()] {
        let environment =
            fs::read(Path::new("/proc").join(pid.to_string()).join("environ")).unwrap();
        let environment = String::from_utf8_lossy(&environment);
        assert!(!environment.contains("NOTIFY_SOCKET"), "{environment}");
    }
    let (code, _, err) = home.command_with_env(&["resurrect"], &[("NOTIFY_SOCKET", "/none/x")]);
    assert!(code == 1 && err.contains("cannot tell systemd"), "{err}");
}
