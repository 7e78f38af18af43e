//! What is not watched: patterns over paths, as `ignore_watch` has them.

use std::path::{Path, PathBuf};

use globset::GlobSet;
use regex_lite::Regex;
use serde_json::Value;

use super::pattern;

/// Paths that are ignored, with all that is below them.
#[derive(Debug, Clone)]
pub(super) struct Ignored {
    /// What relative patterns are relative to.
    cwd: PathBuf,
    /// Dot files and `node_modules`, where nothing else is said.
    by_default: bool,
    globs: GlobSet,
    /// What a `!` before a pattern takes out again.
    exceptions: GlobSet,
    expressions: Vec<Regex>,
    /// `node_modules` at any depth: whoever ignores it means all of them.
    modules: bool,
}

impl Ignored {
    /// Reads `ignore_watch`, or what is in its place.
    pub(super) fn of(value: Option<&Value>, cwd: &Path) -> Self {
        let patterns = match value {
            Some(Value::String(text)) => vec![text.as_str()],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let (exceptions, ignored): (Vec<&str>, Vec<&str>) = patterns
            .into_iter()
            .partition(|pattern| pattern.starts_with('!') && !pattern.starts_with("!("));
        let exceptions = exceptions.iter().map(|pattern| &pattern[1..]);
        Self {
            cwd: cwd.to_owned(),
            by_default: value.is_none_or(Value::is_null),
            globs: pattern::set(ignored.iter().copied(), cwd),
            exceptions: pattern::set(exceptions, cwd),
            expressions: ignored
                .iter()
                .filter(|pattern| is_expression(pattern))
                .filter_map(|pattern| Regex::new(pattern).ok())
                .collect(),
            modules: ignored
                .iter()
                .any(|pattern| pattern.trim_matches(['.', '/']) == "node_modules"),
        }
    }

    /// Whether `path`, or a folder above it and below `root`, is ignored.
    pub(super) fn has(&self, path: &Path, root: &Path) -> bool {
        let below = path.strip_prefix(root).unwrap_or(Path::new(""));
        let mut at = root.to_owned();
        below.iter().any(|name| {
            at.push(name);
            self.has_itself(&at, &name.to_string_lossy())
        })
    }

    fn has_itself(&self, path: &Path, name: &str) -> bool {
        if self.by_default {
            return name.starts_with('.') || name == "node_modules";
        }
        let relative = path.strip_prefix(&self.cwd).unwrap_or(path);
        let in_set = |set: &GlobSet| set.is_match(relative) || set.is_match(path);
        let text = path.to_string_lossy();
        let ignored = (self.modules && name == "node_modules")
            || in_set(&self.globs)
            || self
                .expressions
                .iter()
                .any(|expression| expression.is_match(&text));
        ignored && !in_set(&self.exceptions)
    }
}

/// Whether a pattern is meant as a regular expression, as pm2's documentation has them (`[\/\\]\./`), though as a glob
/// it would match nothing.
fn is_expression(pattern: &str) -> bool {
    pattern.contains('\\') || pattern.starts_with('^') || pattern.ends_with('$')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_table_of_patterns() {
        let expressions = json!(["[\\/\\\\]\\./", "\\.map$", "node_modules"]);
        let table = [
            (json!(null), "/app/.git/HEAD", true),
            (json!(null), "/app/lib/node_modules/x", true),
            (json!(null), "/app/logs/x", false),
            (json!([]), "/app/.git/HEAD", false),
            (json!("logs"), "/app/logs/deep/x", true),
            (json!("logs"), "/app/.env", false),
            (json!(["logs"]), "/app/src/logs/x", false),
            (json!(["./logs"]), "/app/logs/x", true),
            (json!(["logs/"]), "/app/logs/x", true),
            (json!(["logs/*"]), "/app/logs/x", true),
            (json!(["/app/logs"]), "/app/logs/x", true),
            (json!(["lo"]), "/app/logs/x", false),
            (
                json!(["node_modules"]),
                "/app/packages/a/node_modules/x",
                true,
            ),
            (json!(["*.tmp"]), "/app/x.tmp", true),
            (json!(["*.tmp"]), "/app/deep/x.tmp", false),
            (json!(["**/*.tmp"]), "/app/deep/x.tmp", true),
            (json!(["**/*.{tmp,map}"]), "/app/x.map", true),
            (json!(["**/a"]), "/app/deep/a/b/c", true),
            (json!(["deep/**"]), "/app/deep/a/b", true),
            (json!(["**/.*"]), "/app/src/.cache/x", true),
            (json!([".*"]), "/app/.cache/x", true),
            (json!(["?.map", "src/?.js"]), "/app/src/a.js", true),
            (json!(["+(logs|deep)"]), "/app/deep/x", true),
            (json!(["@(logs|deep)/*.log"]), "/app/logs/x.log", true),
            (json!(["**/*.tmp", "!keep.tmp"]), "/app/keep.tmp", false),
            (json!(["**/*.tmp", "!keep.tmp"]), "/app/x.tmp", true),
            (json!(["deep/**", "!deep/a/b"]), "/app/deep/a/b", true),
            (expressions.clone(), "/app/.git/HEAD", false),
            (json!(["[\\/\\\\]\\."]), "/app/.git/HEAD", true),
            (expressions.clone(), "/app/src/a.js.map", true),
            (expressions, "/app/src/a.js", false),
        ];
        for (value, path, expected) in table {
            let ignored = Ignored::of(Some(&value), Path::new("/app"));
            let found = ignored.has(Path::new(path), Path::new("/app"));
            assert_eq!(found, expected, "{value} {path}");
        }
    }
}
