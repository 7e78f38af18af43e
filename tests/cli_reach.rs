//! Commands that reach into an app: `send`, `attach`, `trigger`, `inspect`; and `profile`.

use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
};

use crate::{
    cli::{fails, home, list, ok},
    support::homes::TestHome,
};

const ECHO: &str = "while read -r line; do echo \"got $line\"; done\n";

const ACTS: &str = "
process.on('message', (message) => {
  const { msg = message, opts } = message
  if (msg === 'die') process.exit()
  process.send({ type: 'axm:reply', data: { action_name: msg, return: msg.includes('inspect') ? 'ws://here' : { opts } } })
})
for (const action_name of ['hello', 'die', 'internal:inspect']) process.send({ type: 'axm:action', data: { action_name } })
process.send('ready')
";

fn start_acts(home: &TestHome) {
    home.write("acts.js", ACTS);
    ok(
        home,
        &["start", "acts.js", "--wait-ready", "--no-autorestart"],
    );
}

#[test]
fn lines_for_standard_input() {
    let home = home();
    home.write("echo.sh", ECHO);
    ok(&home, &["start", "echo.sh"]);
    assert!(ok(&home, &["send", "0", "hello"]).starts_with('┌'));
    for name in ["99", "echo"] {
        let text = format!("[PM2][ERROR] Error: Process with ID <{name}> unknown.\n");
        assert_eq!(fails(&home, &["send", name, "x"]), text);
    }
    assert!(fails(&home, &["send", "0"]).contains("<LINE>"));
    assert_eq!(
        fails(&home, &["attach", "99"]),
        "[PM2][ERROR] Process with ID <99> unknown.\n"
    );
    let mut attached = home
        .prepare_command(&["attach", "0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    attached
        .stdin
        .take()
        .unwrap()
        .write_all(b"typed\n")
        .unwrap();
    let output = BufReader::new(attached.stdout.take().unwrap());
    let heard = output.lines().map_while(Result::ok);
    let typed = heard.into_iter().find(|line| line == "got typed");
    assert_eq!(typed.as_deref(), Some("got typed"));
    // The end of the input is not the end of the output.
    assert_eq!(attached.try_wait().unwrap(), None);
    attached.kill().unwrap();
    attached.wait().unwrap();
    let log = String::from_utf8(home.app_log("echo-out.log")).unwrap();
    assert_eq!(log, "got hello\ngot typed\n");
}

#[test]
fn actions() {
    let home = home();
    start_acts(&home);
    assert_eq!(
        ok(&home, &["trigger", "acts", "hello"]),
        "1 processes have received command hello\n[acts:0:default]={}\n"
    );
    assert_eq!(
        ok(&home, &["trigger", "0", "hello", "-x"]),
        "1 processes have received command hello\n[acts:0:default]={\"opts\":\"-x\"}\n"
    );
    let nobody = "Not any process has received a command (offline or unexistent)\n";
    assert_eq!(fails(&home, &["trigger", "none", "hello"]), nobody);
    assert_eq!(fails(&home, &["trigger", "acts", "other"]), nobody);
    assert_eq!(
        fails(&home, &["trigger", "0", "other"]),
        "Action doesn't exist other for acts\n"
    );
    assert_eq!(fails(&home, &["trigger", "9", "other"]), "9 id unknown\n");
    assert!(fails(&home, &["trigger", "acts"]).contains("<ACTION>"));
    // One that ends is not waited for.
    let (code, out, err) = home.command(&["trigger", "acts", "die"]);
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (
            0,
            "1 processes have received command die\n",
            "[PM2][ERROR] acts ended before it replied\n"
        )
    );
    assert_eq!(list(&home)[0]["pm2_env"]["status"], "stopped");
}

#[test]
fn inspectors_and_profiles() {
    let home = home();
    start_acts(&home);
    let out = ok(&home, &["inspect", "acts"]);
    let enabled = "Inspect mode enabled on acts: ws://here\n";
    assert!(out.ends_with(enabled), "{out}");
    let (code, out, err) = home.command(&["inspect", "none"]);
    assert_eq!(
        (code, out.as_str()),
        (1, "Unable to activate inspect mode on none !!!\n")
    );
    assert!(err.starts_with("Not any process"), "{err}");
    for kind in ["profile:cpu", "profile:mem"] {
        assert!(fails(&home, &[kind, "1"]).contains("no V8"));
    }
}
