//! `deploy`, with an ssh that goes no farther than a shell here.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::json;

use crate::{
    cli::home,
    support::{git::git, homes::TestHome},
};

/// Notes its arguments and runs the last one.
const SSH: &str = "#!/bin/sh
echo \"$@\" >> \"$(dirname \"$0\")/log\"
for script; do :; done
exec /bin/sh -c \"$script\"
";

struct Deployment {
    home: TestHome,
    path: String,
}

impl Deployment {
    fn new() -> Self {
        let home = home();
        let tools = home.folder().join("tools");
        fs::create_dir(&tools).unwrap();
        fs::write(tools.join("ssh"), SSH).unwrap();
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(tools.join("ssh"), executable).unwrap();
        let origin = home.folder().join("origin");
        fs::create_dir(&origin).unwrap();
        git(&origin, &["init", "-qb", "main"]);
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", tools.display());
        let declared = json!({ "apps": [], "deploy": { "production": {
            "user": "me", "host": ["one", "two"], "ssh_options": "BatchMode=yes", "ref": "origin/main", "repo": origin,
            "path": home.folder().join("there"), "env": { "LEVEL": "a b" }, "pre-setup": "echo before",
            "pre-deploy-local": "pwd > local", "post-deploy": "echo \"$LEVEL\" > $SHARED/level; cat file"
        } } });
        home.write("ecosystem.json", &declared.to_string());
        Self { home, path }
    }

    fn commit(&self, text: &str) -> String {
        let origin = self.home.folder().join("origin");
        fs::write(origin.join("file"), format!("{text}\n")).unwrap();
        git(&origin, &["add", "."]);
        git(&origin, &["commit", "-qm", text]);
        git(&origin, &["rev-parse", "HEAD"])
    }

    fn run(&self, words: &[&str]) -> (i32, String, String) {
        let args = [&["deploy"], words].concat();
        self.home.command_with_env(&args, &[("PATH", &self.path)])
    }

    #[track_caller]
    fn ok(&self, words: &[&str]) -> String {
        let (code, out, err) = self.run(words);
        assert_eq!(code, 0, "{words:?}: {out}{err}");
        out
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.home.folder().join(name)).unwrap_or_default()
    }
}

/// One host's environment of its own.
fn one_host(deployment: &Deployment) {
    let text = deployment.read("ecosystem.json");
    let text = text.replace(r#"["one","two"]"#, r#""one""#);
    deployment.home.write("ecosystem.json", &text);
}

#[test]
fn set_up_updated_gone_back_and_asked() {
    let deployment = Deployment::new();
    one_host(&deployment);
    let first = deployment.commit("first");
    let out = deployment.ok(&["ecosystem.json", "production", "setup"]);
    let begins = "--> Deploying to production environment\n--> on host one\n  ○ executing pre-setup `echo before`\nbefore\n";
    assert!(
        out.starts_with(begins) && out.ends_with("  ○ setup complete\n--> Success\n"),
        "{out}"
    );
    let ssh = deployment.read("tools/log");
    assert!(
        ssh.starts_with("-o BatchMode=yes -- me@one echo before\n"),
        "{ssh}"
    );

    let out = deployment.ok(&["production"]);
    assert!(
        out.contains("\nfirst\n")
            && out.ends_with("successfully deployed origin/main\n--> Success\n"),
        "{out}"
    );
    assert_eq!(deployment.read("there/shared/level"), "a b\n");
    let here = format!("{}\n", deployment.home.folder().display());
    assert_eq!(deployment.read("local"), here);

    let second = deployment.commit("second");
    assert!(
        deployment
            .ok(&["production", "update"])
            .contains("\nsecond\n")
    );
    assert!(
        deployment
            .ok(&["production", "curr"])
            .contains(&second[..7])
    );
    assert!(deployment.ok(&["production", "prev"]).contains(&first));
    let list = deployment.ok(&["production", "list"]);
    assert!(
        list.contains(&format!("0\t{second}\n1\t{first}\n")),
        "{list}"
    );
    let out = deployment.ok(&["production", "revert", "1"]);
    assert!(
        out.contains("○ reverting 1 deploy(s)\n") && out.contains("\nfirst\n"),
        "{out}"
    );
    assert!(
        deployment
            .ok(&["production", &second[..8]])
            .contains("\nsecond\n")
    );
    assert!(
        deployment
            .ok(&["production", "exec", "cat file"])
            .contains("\nsecond\n")
    );
    assert!(
        !deployment.home.home().root().exists(),
        "no daemon is needed"
    );
}

#[test]
fn what_fails_ends_it_there() {
    let deployment = Deployment::new();
    deployment.commit("first");
    let (code, out, err) = deployment.run(&["ecosystem.json", "production", "update"]);
    assert_eq!(code, 1, "{out}");
    assert!(err.contains("[PM2][ERROR] fetch failed"), "{err}");
    assert!(!out.contains("on host two"), "{out}");
    let (_, out, _) = deployment.run(&["production", "exec", "true"]);
    assert!(!out.contains("--> Success"), "{out}");
}

#[test]
fn mistakes_are_told() {
    let deployment = Deployment::new();
    for (words, part) in [
        (&["none"][..], "none environment is not defined"),
        (&["production", "exec"], "exec expects a command"),
        (&["production", "revert", "x"], "got `x`"),
        (&["none.json", "production"], "File none.json not found"),
        (&["ecosystem.json"], "expects an environment"),
    ] {
        let (code, out, err) = deployment.run(words);
        assert!(code == 1 && err.contains(part), "{words:?}: {out}{err}");
    }
    deployment.home.write("bare.json", r#"{"apps": []}"#);
    let (_, _, err) = deployment.run(&["bare.json", "production"]);
    assert!(err.contains("has no `deploy`"), "{err}");
    // What is not pushed would be missed there.
    git(deployment.home.folder(), &["init", "-q"]);
    git(deployment.home.folder(), &["add", "ecosystem.json"]);
    let (code, _, err) = deployment.run(&["production"]);
    assert!(code == 1 && err.contains("push your changes"), "{err}");
    let (_, _, err) = deployment.run(&["production", "--force"]);
    assert!(err.contains("fetch failed"), "{err}");
}
