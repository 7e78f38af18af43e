//! Which changes of files concern an app: a pure rule made of `watch` and `ignore_watch`.

use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde_json::Value;

use super::record::Pm2Env;

/// What an app watches and what not.
#[derive(Debug, Clone)]
pub struct WatchRule {
    cwd: PathBuf,
    roots: Vec<PathBuf>,
    ignored: GlobSet,
    /// Names that are ignored wherever they stand.
    names: Vec<String>,
}

impl WatchRule {
    /// Reads the attributes; `None` if the app does not watch.
    pub fn of(env: &Pm2Env) -> Option<Self> {
        let cwd = PathBuf::from(env.get("pm_cwd").and_then(Value::as_str)?);
        let roots = match env.get("watch")? {
            Value::Bool(true) => vec![cwd.clone()],
            Value::String(text) if text == "true" => vec![cwd.clone()],
            Value::String(text) if !text.is_empty() && text != "false" => vec![resolve(&cwd, text)],
            Value::Array(list) => list
                .iter()
                .filter_map(Value::as_str)
                .map(|path| resolve(&cwd, path))
                .collect(),
            _ => return None,
        };
        let patterns = texts(env.get("ignore_watch"));
        let mut ignored = GlobSetBuilder::new();
        for pattern in &patterns {
            let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
            for pattern in [
                pattern.to_owned(),
                cwd.join(pattern).to_string_lossy().into_owned(),
            ] {
                // A pattern that is no glob is then only a name or a path.
                if let Ok(glob) = GlobBuilder::new(&pattern).literal_separator(true).build() {
                    ignored.add(glob);
                }
            }
        }
        let names = patterns
            .into_iter()
            .filter(|pattern| !pattern.contains('/'))
            .collect();
        let ignored = ignored.build().unwrap_or_default();
        Some(Self {
            cwd,
            roots,
            ignored,
            names,
        })
        .filter(|rule| !rule.roots.is_empty())
    }

    /// The files and folders that are watched.
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// Whether a change of `path` restarts the app.
    pub fn concerns(&self, path: &Path) -> bool {
        self.roots.iter().any(|root| path.starts_with(root)) && !self.ignores(path)
    }

    /// Whether a folder below a root is looked into at all.
    pub fn enters(&self, folder: &Path) -> bool {
        !self.ignores(folder)
    }

    /// Whether `path`, or a folder above it and below the root, is ignored. Without `ignore_watch`: dot files and
    /// `node_modules`.
    fn ignores(&self, path: &Path) -> bool {
        let Some(root) = self.roots.iter().find(|root| path.starts_with(root)) else {
            return false;
        };
        let mut at = root.clone();
        let below = path.strip_prefix(root).unwrap_or(Path::new(""));
        below.components().any(|component| {
            at.push(component);
            let Component::Normal(name) = component else {
                return false;
            };
            let name = name.to_string_lossy();
            let default = self.names.is_empty() && self.ignored.is_empty();
            let relative = at.strip_prefix(&self.cwd).unwrap_or(&at);
            (default && (name.starts_with('.') || name == "node_modules"))
                || self.names.iter().any(|ignored| *ignored == name)
                || self.ignored.is_match(relative)
                || self.ignored.is_match(&at)
        })
    }
}

fn resolve(cwd: &Path, path: &str) -> PathBuf {
    let joined = cwd.join(path);
    joined
        .components()
        .filter(|component| *component != Component::CurDir)
        .collect()
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(watch: Value, ignore: Value) -> Option<WatchRule> {
        let env = json!({ "pm_cwd": "/app", "watch": watch, "ignore_watch": ignore });
        WatchRule::of(env.as_object().unwrap())
    }

    #[test]
    fn an_app_that_does_not_watch_has_no_rule() {
        for watch in [
            json!(false),
            json!(null),
            json!("false"),
            json!(""),
            json!([]),
        ] {
            assert!(rule(watch.clone(), json!(null)).is_none(), "{watch}");
        }
    }

    #[test]
    fn the_table_of_concerns() {
        let ignoring = json!(["logs", "*.tmp", "src/generated", "**/*.map", "/abs/x"]);
        let table = [
            (json!(true), json!(null), "/app/a.js", true),
            (json!(true), json!(null), "/app/.git/HEAD", false),
            (
                json!(true),
                json!(null),
                "/app/lib/node_modules/x/index.js",
                false,
            ),
            (json!(true), json!(null), "/other/a.js", false),
            (
                json!(["pm2-slave.js"]),
                json!(null),
                "/app/pm2-slave.js",
                true,
            ),
            (
                json!(["./pm2-slave.js"]),
                json!(null),
                "/app/pm2-slave.js",
                true,
            ),
            (
                json!(["pm2-slave.js"]),
                json!(null),
                "/app/pm2-slave.js.swp",
                false,
            ),
            (json!("src"), json!(null), "/app/src/deep/a.js", true),
            (json!("src"), json!(null), "/app/a.js", false),
            (json!(true), ignoring.clone(), "/app/logs/out", false),
            (json!(true), ignoring.clone(), "/app/deep/logs/out", false),
            (json!(true), ignoring.clone(), "/app/x.tmp", false),
            (
                json!(true),
                ignoring.clone(),
                "/app/src/generated/a.js",
                false,
            ),
            (json!(true), ignoring.clone(), "/app/src/a.js.map", false),
            (json!(true), ignoring.clone(), "/app/src/a.js", true),
            (json!(true), ignoring, "/app/.env", true),
            (json!(["/abs"]), json!(["/abs/x"]), "/abs/x/y", false),
        ];
        for (watch, ignore, path, expected) in table {
            let rule = rule(watch.clone(), ignore.clone()).unwrap();
            assert_eq!(
                rule.concerns(Path::new(path)),
                expected,
                "{watch} {ignore} {path}"
            );
        }
    }
}
