//! Which changes of files concern an app: a pure rule made of `watch`, `ignore_watch` and `watch_options`.

mod ignored;
mod options;
mod pattern;

use std::{path::Path, time::Duration};

use serde_json::Value;

use self::{ignored::Ignored, options::WatchOptions, pattern::Root};
use super::record::Pm2Env;

/// What an app watches and what not.
#[derive(Debug, Clone)]
pub struct WatchRule {
    roots: Vec<Root>,
    ignored: Ignored,
    /// What `watch` itself takes out, with a `!` before it.
    excluded: Option<Ignored>,
    options: WatchOptions,
}

impl WatchRule {
    /// Reads the attributes; `None` if the app does not watch.
    pub fn of(env: &Pm2Env) -> Option<Self> {
        let app = Path::new(env.get("pm_cwd").and_then(Value::as_str)?);
        let options = WatchOptions::of(env);
        let cwd = match &options.cwd {
            Some(cwd) => app.join(cwd),
            None => app.to_owned(),
        };
        let watched = match env.get("watch")? {
            Value::Bool(true) => vec!["."],
            Value::String(text) if text == "true" => vec!["."],
            Value::String(text) if !text.is_empty() && text != "false" => vec![text.as_str()],
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            _ => return None,
        };
        let (excluded, watched): (Vec<&str>, Vec<&str>) =
            watched.into_iter().partition(|path| path.starts_with('!'));
        let root = |text: &str| Root::of(text, &cwd, options.is_literal);
        let roots: Vec<Root> = watched.into_iter().map(root).collect();
        let excluded: Vec<Value> = excluded.iter().map(|path| path[1..].into()).collect();
        let ignored = options.ignored.as_ref().or(env.get("ignore_watch"));
        let rule = Self {
            ignored: Ignored::of(ignored, &cwd),
            excluded: (!excluded.is_empty()).then(|| Ignored::of(Some(&excluded.into()), &cwd)),
            roots,
            options,
        };
        Some(rule).filter(|rule| !rule.roots.is_empty())
    }

    /// The files and folders that watching begins with.
    pub fn roots(&self) -> impl Iterator<Item = &Path> {
        self.roots.iter().map(Root::folder)
    }

    /// Whether a change of `path` restarts the app.
    pub fn concerns(&self, path: &Path) -> bool {
        let of = |root: &&Root| root.has(path) && self.is_within_depth(path, root);
        let Some(root) = self.roots.iter().find(of) else {
            return false;
        };
        !self.ignores(path, root.folder())
    }

    /// Whether a folder below a root is looked into at all.
    pub fn enters(&self, folder: &Path) -> bool {
        self.roots.iter().any(|root| {
            let inside = folder.join("x");
            folder.starts_with(root.folder())
                && self.is_within_depth(&inside, root)
                && !self.ignores(folder, root.folder())
        })
    }

    /// Whether folders are looked into that are symbolic links.
    pub fn follows_links(&self) -> bool {
        self.options.follows_links
    }

    /// How often to look, if the system is not to be relied on to tell.
    pub fn polling(&self) -> Option<Duration> {
        self.options.polling
    }

    /// How long it must be quiet before a change is acted on.
    pub fn quiet(&self) -> Duration {
        self.options.quiet
    }

    fn ignores(&self, path: &Path, root: &Path) -> bool {
        let excluded = self.excluded.as_ref();
        self.ignored.has(path, root) || excluded.is_some_and(|excluded| excluded.has(path, root))
    }

    fn is_within_depth(&self, path: &Path, root: &Root) -> bool {
        let Ok(below) = path.strip_prefix(root.folder()) else {
            return false;
        };
        let folders = below.components().count().saturating_sub(1);
        let limits = [self.options.depth, root.depth()];
        limits.into_iter().flatten().all(|limit| folders <= limit)
    }
}

/// A path as messages show it: relative to the app's folder if it is in it.
pub fn shown<'a>(path: &'a Path, env: &Pm2Env) -> &'a Path {
    let cwd = env.get("pm_cwd").and_then(Value::as_str);
    cwd.and_then(|cwd| path.strip_prefix(cwd).ok())
        .unwrap_or(path)
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
            (json!(true), ignoring.clone(), "/app/deep/logs/out", true),
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
            (json!(["src"]), json!(["sub"]), "/app/src/sub/a.js", true),
            (
                json!(["src"]),
                json!(["src/sub"]),
                "/app/src/sub/a.js",
                false,
            ),
            (json!([".hidden"]), json!(null), "/app/.hidden/f", true),
            (
                json!(["src", "!src/sub"]),
                json!(null),
                "/app/src/sub/f.js",
                false,
            ),
            (
                json!(["src", "!src/sub"]),
                json!(null),
                "/app/src/f.js",
                true,
            ),
            (
                json!(["src/**/*.js", "!**/f.js"]),
                json!(null),
                "/app/src/sub/f.js",
                false,
            ),
            (json!(["**/*"]), json!(["logs"]), "/app/.hidden/f", true),
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

    #[test]
    fn options_limit_what_is_watched() {
        let rule = |watch: Value, options: Value| {
            let env = json!({ "pm_cwd": "/app", "watch": watch, "watch_options": options });
            WatchRule::of(env.as_object().unwrap()).unwrap()
        };
        let shallow = rule(json!(true), json!({ "depth": 1 }));
        let table = [
            ("/app/x", true),
            ("/app/src/a", true),
            ("/app/deep/a/b", false),
        ];
        for (path, expected) in table {
            assert_eq!(shallow.concerns(Path::new(path)), expected, "{path}");
        }
        assert!(shallow.enters(Path::new("/app/src")) && !shallow.enters(Path::new("/app/src/a")));
        let elsewhere = rule(json!(["sub"]), json!({ "cwd": "src" }));
        assert!(elsewhere.concerns(Path::new("/app/src/sub/a")));
        assert!(!elsewhere.concerns(Path::new("/app/sub/a")));
        let ignoring = rule(json!(true), json!({ "ignored": "src" }));
        assert!(!ignoring.concerns(Path::new("/app/src/a")));
        assert!(ignoring.concerns(Path::new("/app/.hidden")));
        let pattern = rule(json!(["src/*.js"]), json!({}));
        assert!(
            pattern.enters(Path::new("/app/src")) && !pattern.enters(Path::new("/app/src/sub"))
        );
    }
}
