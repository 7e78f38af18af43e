//! `watch_options`: those of chokidar's that mean something here.

use std::{path::PathBuf, time::Duration};

use serde_json::Value;

use crate::process::record::Pm2Env;

/// Between two looks of a watch that polls; chokidar's default.
const INTERVAL: u64 = 100;
const SHORTEST: u64 = 20;
const LONGEST: u64 = 3_600_000;
/// A change is acted on when nothing else has changed for so long.
const QUIET: Duration = Duration::from_millis(100);
/// How long a file must not have grown when it is to be waited for; chokidar's default.
const STABLE: u64 = 2000;

/// How an app's files are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WatchOptions {
    /// Look again and again, so often, where the system does not tell of changes (network file systems).
    pub(super) polling: Option<Duration>,
    /// How long it must be quiet before a change is acted on.
    pub(super) quiet: Duration,
    /// Whether folders are looked into that are symbolic links.
    pub(super) follows_links: bool,
    /// How deep folders are looked into; 0 for the watched one only.
    pub(super) depth: Option<usize>,
    /// Whether paths with `*` are names and not patterns.
    pub(super) is_literal: bool,
    /// What relative paths are relative to, if not the app's folder.
    pub(super) cwd: Option<PathBuf>,
    /// What is ignored, in place of `ignore_watch`.
    pub(super) ignored: Option<Value>,
}

impl WatchOptions {
    /// Reads the attribute; what is missing or makes no sense has its default.
    pub(super) fn of(env: &Pm2Env) -> Self {
        let option = |name: &str| env.get("watch_options").and_then(|all| all.get(name));
        let is_on =
            |name: &str, default: bool| option(name).and_then(Value::as_bool).unwrap_or(default);
        let interval = option("interval").and_then(Value::as_u64);
        let interval = interval.unwrap_or(INTERVAL).clamp(SHORTEST, LONGEST);
        let stable = match option("awaitWriteFinish") {
            Some(Value::Bool(true)) => Some(STABLE),
            Some(Value::Object(how)) => {
                let threshold = how.get("stabilityThreshold").and_then(Value::as_u64);
                Some(threshold.unwrap_or(STABLE).min(LONGEST))
            }
            _ => None,
        };
        let depth = option("depth").and_then(Value::as_u64);
        Self {
            polling: is_on("usePolling", false).then(|| Duration::from_millis(interval)),
            quiet: stable.map_or(QUIET, Duration::from_millis).max(QUIET),
            follows_links: is_on("followSymlinks", true),
            depth: depth.map(|depth| usize::try_from(depth).unwrap_or(usize::MAX)),
            is_literal: is_on("disableGlobbing", false),
            cwd: option("cwd").and_then(Value::as_str).map(PathBuf::from),
            ignored: option("ignored").filter(|value| !value.is_null()).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn options(value: Value) -> WatchOptions {
        WatchOptions::of(json!({ "watch_options": value }).as_object().unwrap())
    }

    #[test]
    fn what_is_missing_or_makes_no_sense_has_chokidars_default() {
        let default = WatchOptions::of(&Pm2Env::new());
        assert_eq!(
            default,
            options(json!({ "interval": 5, "depth": -1, "usePolling": "x" }))
        );
        assert!(default.polling.is_none() && default.follows_links && !default.is_literal);
        assert_eq!((default.depth, default.quiet), (None, QUIET));
    }

    #[test]
    fn each_option_is_read() {
        let read = options(json!({
            "usePolling": true, "interval": 300, "followSymlinks": false, "depth": 2, "disableGlobbing": true,
            "cwd": "/x", "ignored": ["a"], "awaitWriteFinish": { "stabilityThreshold": 500 },
        }));
        assert_eq!(read.polling, Some(Duration::from_millis(300)));
        assert_eq!(
            (read.depth, read.quiet),
            (Some(2), Duration::from_millis(500))
        );
        assert!(!read.follows_links && read.is_literal);
        assert_eq!(
            (read.cwd, read.ignored),
            (Some("/x".into()), Some(json!(["a"])))
        );
        let polling = |value| options(value).polling.map(|interval| interval.as_millis());
        assert_eq!(polling(json!({ "usePolling": true })), Some(100));
        assert_eq!(
            polling(json!({ "usePolling": true, "interval": 0 })),
            Some(20)
        );
        let waiting = options(json!({ "awaitWriteFinish": true }));
        assert_eq!(waiting.quiet, Duration::from_secs(2));
    }
}
