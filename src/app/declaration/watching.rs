//! What of `watch_options` and `ignore_watch` is accepted and does nothing: who writes it must know.

use serde_json::{Map, Value};

use super::Warning;
use crate::app::nearest::nearest;

/// chokidar's options that are acted on, and what each must be.
const ACTED_ON: [(&str, Kind); 8] = [
    ("usePolling", Kind::Switch),
    ("interval", Kind::Number),
    ("followSymlinks", Kind::Switch),
    ("depth", Kind::Number),
    ("disableGlobbing", Kind::Switch),
    ("awaitWriteFinish", Kind::SwitchOrMap),
    ("cwd", Kind::Text),
    ("ignored", Kind::Texts),
];

/// chokidar's options without any effect here, and why.
const WITHOUT_EFFECT: [(&str, &str); 7] = [
    (
        "ignoreInitial",
        "files that are there already never restart an app",
    ),
    (
        "atomic",
        "changes that follow each other at once always count as one",
    ),
    ("binaryInterval", "`interval` is for all files"),
    ("alwaysStat", "nobody sees it"),
    (
        "ignorePermissionErrors",
        "what cannot be watched is said in the log, and the rest is watched",
    ),
    ("useFsEvents", "the system's own way is always used"),
    ("persistent", "the daemon runs anyway"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Switch,
    Number,
    Text,
    Texts,
    SwitchOrMap,
}

impl Kind {
    fn is(self, value: &Value) -> bool {
        match self {
            Self::Switch => value.is_boolean(),
            Self::Number => value.is_u64(),
            Self::Text => value.is_string(),
            Self::Texts => match value {
                Value::Array(list) => list.iter().all(Value::is_string),
                value => value.is_string(),
            },
            Self::SwitchOrMap => value.is_boolean() || value.is_object(),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Switch => "true or false",
            Self::Number => "a whole number, 0 or more",
            Self::Text => "a text",
            Self::Texts => "a text or a list of texts",
            Self::SwitchOrMap => "true, false or { stabilityThreshold: <milliseconds> }",
        }
    }
}

/// What the author of these attributes should be told.
pub(super) fn warnings(attributes: &Map<String, Value>) -> Vec<Warning> {
    let options = attributes.get("watch_options").and_then(Value::as_object);
    let options = options
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
        .filter_map(|(name, value)| of_option(name, value));
    let patterns = ["watch", "ignore_watch"]
        .into_iter()
        .filter_map(|name| Some((name, attributes.get(name)?)))
        .flat_map(|(name, value)| of_patterns(name, value));
    options.chain(patterns).map(Warning::Watching).collect()
}

fn of_option(name: &str, value: &Value) -> Option<String> {
    if let Some((_, kind)) = ACTED_ON.iter().find(|(known, _)| *known == name) {
        return (!kind.is(value)).then(|| {
            let expected = kind.expected();
            format!("\"watch_options.{name}\" is ignored: it is {value}, expected {expected}")
        });
    }
    let without = WITHOUT_EFFECT.iter().find(|(known, _)| *known == name);
    if let Some((_, why)) = without {
        return Some(format!("\"watch_options.{name}\" has no effect: {why}"));
    }
    let known = ACTED_ON.iter().map(|(known, _)| *known);
    let hint = nearest(name, known).map_or_else(String::new, |nearest| {
        format!(", did you mean \"{nearest}\"?")
    });
    Some(format!("Unknown \"watch_options.{name}\" is ignored{hint}"))
}

fn of_patterns(attribute: &str, value: &Value) -> Vec<String> {
    let patterns = match value {
        Value::Array(list) => list.iter().collect(),
        value => vec![value],
    };
    let of = |value: &Value| {
        match value {
        Value::String(pattern) => ["!(", "?(", "*("]
            .iter()
            .find(|group| pattern.contains(**group))
            .map(|group| {
                format!("\"{attribute}\" pattern \"{pattern}\" matches nothing: `{group}...)` is not understood, write `{{a,b}}` or several patterns")
            }),
        // What a regular expression becomes on its way as JSON.
        Value::Object(map) if map.is_empty() => Some(format!(
            "\"{attribute}\" has an entry that is no text and is ignored: write a regular expression as text, \"\\\\.map$\""
        )),
        _ => None,
    }
    };
    patterns.into_iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(attributes: Value) -> Vec<String> {
        let warnings = warnings(attributes.as_object().unwrap());
        warnings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_works_is_not_talked_about() {
        let options = json!({
            "usePolling": true, "interval": 100, "followSymlinks": false, "depth": 0, "awaitWriteFinish": {},
            "ignored": ["a"], "cwd": "x", "disableGlobbing": true, "atomic": null,
        });
        let none: Vec<String> = Vec::new();
        assert_eq!(
            told(json!({ "watch_options": options, "ignore_watch": ["**/*.map", "\\.map$"] })),
            none
        );
        assert_eq!(told(json!({ "watch": true })), none);
    }

    #[test]
    fn what_does_nothing_is_named_with_the_reason() {
        let table = [
            (
                json!({ "watch_options": { "ignoreInitial": false } }),
                "\"watch_options.ignoreInitial\" has no effect: files",
            ),
            (
                json!({ "watch_options": { "usepolling": true } }),
                "Unknown \"watch_options.usepolling\" is ignored, did you mean \"usePolling\"?",
            ),
            (
                json!({ "watch_options": { "nonsense": 1 } }),
                "Unknown \"watch_options.nonsense\" is ignored",
            ),
            (
                json!({ "watch_options": { "depth": "x" } }),
                "\"watch_options.depth\" is ignored: it is \"x\", expected a whole number",
            ),
            (
                json!({ "ignore_watch": ["!(src)"] }),
                "\"ignore_watch\" pattern \"!(src)\" matches nothing",
            ),
            (
                json!({ "ignore_watch": [{}] }),
                "\"ignore_watch\" has an entry that is no text",
            ),
        ];
        for (attributes, expected) in table {
            let [told] = &told(attributes.clone())[..] else {
                panic!("{attributes}")
            };
            assert!(told.starts_with(expected), "{told}");
        }
    }
}
