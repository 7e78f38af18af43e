//! What is done for an order, step by step. Pure.

use serde_json::Value;

use super::target::Target;

/// What is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum Order {
    /// Make the folders and clone.
    Setup,
    /// Bring to a commit: the declared one, or this one.
    Update(Option<String>),
    /// Go so many deployments back.
    Revert(usize),
    /// Print the commit that is deployed.
    Current,
    /// Print the commit before.
    Previous,
    /// Print every deployment.
    List,
    /// Run something there.
    Execute(String),
}

impl Order {
    /// Reads pm2's words; none means an update, a word that is none of them the commit to update to.
    pub(in crate::cli) fn parse(words: &[String]) -> Result<Self, String> {
        let (first, rest) = match words.split_first() {
            Some((first, rest)) => (first.as_str(), rest),
            None => return Ok(Self::Update(None)),
        };
        let argument = || rest.first().map(String::as_str);
        Ok(match first {
            "setup" => Self::Setup,
            "update" => Self::Update(None),
            "revert" | "rollback" => {
                let count = argument().unwrap_or("1");
                let number = count.parse().ok().filter(|count| *count > 0);
                Self::Revert(number.ok_or_else(|| {
                    format!("revert expects a number of deployments, got `{count}`")
                })?)
            }
            "curr" | "current" => Self::Current,
            "prev" | "previous" => Self::Previous,
            "list" => Self::List,
            "exec" | "run" if rest.is_empty() => {
                return Err(format!("{first} expects a command"));
            }
            "exec" | "run" => Self::Execute(rest.join(" ")),
            "ref" => Self::Update(Some(argument().ok_or("ref expects a commit")?.to_owned())),
            commit => Self::Update(Some(commit.to_owned())),
        })
    }
}

/// Where a step is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    Here,
    There,
    /// Nowhere: it is only said.
    Nowhere,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// What it is called when it fails.
    pub name: &'static str,
    /// What is said before it; nothing if empty.
    pub says: String,
    pub place: Where,
    /// Text for a shell.
    pub script: String,
}

fn step(name: &'static str, says: &str, script: String) -> Step {
    Step {
        name,
        says: says.to_owned(),
        place: Where::There,
        script,
    }
}

/// Nothing but a word.
fn said(says: &str) -> Step {
    Step {
        place: Where::Nowhere,
        ..step("", says, String::new())
    }
}

/// The steps of an order.
pub(super) fn steps(target: &Target, order: &Order) -> Vec<Step> {
    let source = quoted(&format!("{}/source", target.path));
    let current = quoted(&format!("{}/current", target.path));
    match order {
        Order::Setup => setup(target, &source, &current),
        Order::Update(commit) => {
            let commit = commit.as_ref().unwrap_or(&target.reference);
            update(target, commit, &source, &current)
        }
        Order::Current => {
            let script = format!("cd {source} && git rev-parse --short HEAD");
            vec![step("curr", "", script)]
        }
        Order::Previous => vec![step("prev", "", earlier(target, 1))],
        Order::Execute(text) => vec![step("exec", "", format!("cd {current} && {text}"))],
        // Their answers are read.
        Order::Revert(_) | Order::List => Vec::new(),
    }
}

/// Prints the commit so many deployments ago.
pub(super) fn earlier(target: &Target, count: usize) -> String {
    let file = quoted(&format!("{}/.deploys", target.path));
    let lines = count.saturating_add(1);
    // With fewer there is nothing to go back to.
    format!("if [ \"$(wc -l < {file})\" -ge {lines} ]; then tail -n {lines} {file} | head -n 1; fi")
}

/// Prints every deployment, oldest first.
pub(super) fn deploys(target: &Target) -> String {
    format!("cat {}", quoted(&format!("{}/.deploys", target.path)))
}

fn setup(target: &Target, source: &str, current: &str) -> Vec<Step> {
    let shared = quoted(&format!("{}/shared", target.path));
    let branch = target
        .reference
        .split_once('/')
        .map_or(target.reference.as_str(), |(_, branch)| branch);
    let depth = if target.is_shallow { "--depth=5 " } else { "" };
    let mut steps = Vec::new();
    if let Some(text) = target.hook("pre-setup") {
        let says = format!("executing pre-setup `{text}`");
        steps.push(step("pre-setup hook", &says, text.to_owned()));
    }
    steps.extend([
        step(
            "setup of the folders",
            "running setup",
            format!("mkdir -p {shared}/logs {shared}/pids {source}"),
        ),
        step(
            "cloning",
            &format!("cloning {}", target.repository),
            format!(
                "git clone {depth}--branch {} -- {} {source}",
                quoted(branch),
                quoted(&target.repository)
            ),
        ),
        step("symlink", "", format!("ln -sfn {source} {current}")),
    ]);
    if let Some(text) = target.hook("post-setup") {
        let says = format!("executing post-setup `{text}`");
        steps.push(step("post-setup hook", &says, after(target, current, text)));
    }
    steps.push(said("setup complete"));
    steps
}

fn update(target: &Target, commit: &str, source: &str, current: &str) -> Vec<Step> {
    let mut steps = vec![said(&format!("deploying {commit}"))];
    if let Some(text) = target.hook("pre-deploy-local") {
        let local = step(
            "pre-deploy-local hook",
            "executing pre-deploy-local",
            text.to_owned(),
        );
        steps.push(Step {
            place: Where::Here,
            ..local
        });
    }
    if let Some(text) = target.hook("pre-deploy") {
        let says = format!("executing pre-deploy `{text}`");
        let script = format!("cd {source} && {text}");
        steps.push(step("pre-deploy hook", &says, script));
    }
    let depth = if target.is_shallow { "--depth=5 " } else { "" };
    let file = quoted(&format!("{}/.deploys", target.path));
    steps.extend([
        step(
            "fetch",
            "fetching updates",
            format!("cd {source} && git fetch {depth}--all --tags"),
        ),
        step(
            "reset",
            &format!("resetting HEAD to {commit}"),
            // `--` would make it a path: what is no commit must not be an option.
            format!(
                "cd {source} && commit=$(git rev-parse --verify --end-of-options {}^{{commit}}) && git reset --hard \"$commit\"",
                quoted(commit)
            ),
        ),
        step("symlink", "", format!("ln -sfn {source} {current}")),
        step(
            "log of deployments",
            "",
            format!("cd {source} && git rev-parse HEAD >> {file}"),
        ),
    ]);
    if let Some(text) = target.hook("post-deploy") {
        let says = format!("executing post-deploy `{text}`");
        steps.push(step(
            "post-deploy hook",
            &says,
            after(target, current, text),
        ));
    }
    steps.push(said(&format!("successfully deployed {commit}")));
    steps
}

/// A hook that runs in what is deployed, with its variables.
fn after(target: &Target, current: &str, text: &str) -> String {
    let shared = quoted(&format!("{}/shared", target.path));
    let mut script = format!("cd {current} && export SHARED={shared}");
    for (name, value) in &target.env {
        let is_name = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_name && !name.is_empty() {
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            script.push_str(&format_args!(" && export {name}={}", quoted(&value)).to_string());
        }
    }
    format!("{script} && {text}")
}

/// A word that a shell takes as it is; a leading `~/` is still the home.
fn quoted(text: &str) -> String {
    match text.strip_prefix("~/") {
        Some(rest) => format!("~/{}", quoted(rest)),
        None => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::target::tests::declared, *};

    fn target() -> Target {
        Target::read(&declared(), "production").unwrap().remove(0)
    }

    fn scripts(order: &Order) -> Vec<String> {
        let steps = steps(&target(), order);
        let told = steps
            .into_iter()
            .filter(|step| step.place != Where::Nowhere);
        told.map(|step| step.script).collect()
    }

    #[test]
    fn words_are_orders() {
        let of = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            Order::parse(&words)
        };
        for (words, order) in [
            (&[][..], Order::Update(None)),
            (&["update"], Order::Update(None)),
            (&["setup"], Order::Setup),
            (&["revert"], Order::Revert(1)),
            (&["revert", "3"], Order::Revert(3)),
            (&["curr"], Order::Current),
            (&["previous"], Order::Previous),
            (&["list"], Order::List),
            (&["exec", "ls", "-l"], Order::Execute("ls -l".to_owned())),
            (&["ref", "v1"], Order::Update(Some("v1".to_owned()))),
            (&["v1.2"], Order::Update(Some("v1.2".to_owned()))),
        ] {
            assert_eq!(of(words), Ok(order), "{words:?}");
        }
        for words in [&["exec"][..], &["revert", "x"], &["revert", "0"], &["ref"]] {
            assert!(of(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn the_steps_of_a_setup() {
        assert_eq!(
            scripts(&Order::Setup),
            [
                "echo pre",
                "mkdir -p '/var/www/it'\\''s/shared'/logs '/var/www/it'\\''s/shared'/pids '/var/www/it'\\''s/source'",
                "git clone --depth=5 --branch 'main' -- 'git@x:y.git' '/var/www/it'\\''s/source'",
                "ln -sfn '/var/www/it'\\''s/source' '/var/www/it'\\''s/current'",
            ]
        );
    }

    #[test]
    fn the_steps_of_an_update() {
        let scripts = scripts(&Order::Update(None));
        assert_eq!(scripts.len(), 5);
        assert!(
            scripts[0].ends_with("git fetch --depth=5 --all --tags"),
            "{scripts:?}"
        );
        assert!(
            scripts[1].contains("--end-of-options 'origin/main'^{commit}"),
            "{scripts:?}"
        );
        assert_eq!(
            scripts[4],
            "cd '/var/www/it'\\''s/current' && export SHARED='/var/www/it'\\''s/shared' && export A='1 2' && make it"
        );
    }

    #[test]
    fn a_home_stays_a_home() {
        assert_eq!(quoted("~/app's"), "~/'app'\\''s'");
        assert_eq!(quoted("a~/b"), "'a~/b'");
    }
}
