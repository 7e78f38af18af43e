//! Text taken apart: argument strings, paths, names for files.

use std::path::{Component, Path, PathBuf};

/// Splits an argument string at white space as pm2 does: a quoted word loses its quotes, quotes within a word
/// (`a="b c"`) stay, there are no escapes, empty words vanish.
pub(super) fn split_arguments(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, after) = next_word(rest);
        if !word.is_empty() {
            words.push(word.to_owned());
        }
        rest = after.trim_start();
    }
    words
}

fn next_word(text: &str) -> (&str, &str) {
    if let Some((inside, after)) = quoted(text) {
        return (inside, after);
    }
    let mut end = 0;
    while let Some(next) = text[end..].chars().next() {
        if next.is_whitespace() {
            break;
        }
        end = match quoted(&text[end..]) {
            Some((_, after)) if end > 0 => text.len() - after.len(),
            _ => end + next.len_utf8(),
        };
    }
    text.split_at(end)
}

/// What is between the quotes `text` begins with, and what comes after them.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    text[1..].split_once(quote)
}

/// `path` seen from `base`, without `.` and `..`; nothing is looked up.
pub(super) fn resolve(base: &Path, path: impl AsRef<Path>) -> PathBuf {
    let mut resolved = PathBuf::new();
    for part in base.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                resolved.pop();
            }
            other => resolved.push(other),
        }
    }
    resolved
}

/// `path` with a leading `~` replaced by the home of the user.
pub(super) fn expand_home(path: &str, home: Option<&str>) -> PathBuf {
    match (path.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            PathBuf::from(format!("{home}{rest}"))
        }
        _ => PathBuf::from(path),
    }
}

/// The part of a path after the last `/`, without its extension; a leading dot begins no extension.
pub(super) fn base_name(path: &str) -> &str {
    let base = path.trim_end_matches('/');
    let base = base.rsplit_once('/').map_or(base, |(_, base)| base);
    match base.rfind('.') {
        Some(dot) if dot > 0 => &base[..dot],
        _ => base,
    }
}

/// An app's name as file names have it: every character but letters, digits, `.`, `-` and `\` becomes `-`.
pub fn file_name(name: &str) -> String {
    // JavaScript counts UTF-16 units: a character outside the basic plane becomes two.
    name.encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'\\') => {
                char::from(byte)
            }
            _ => '-',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_split_as_pm2_splits_them() {
        let cases: [(&str, &[&str]); 9] = [
            ("a b  c ", &["a", "b", "c"]),
            ("a \"c d\" 'q r'", &["a", "c d", "q r"]),
            ("e=\"x y\" f", &["e=\"x y\"", "f"]),
            (
                "a='b c'd e\"f\"g \"x\"\"y\"",
                &["a='b c'd", "e\"f\"g", "x", "y"],
            ),
            (
                "\"a b\"c 'it\"s' \"unclosed x",
                &["a b", "c", "it\"s", "\"unclosed", "x"],
            ),
            ("\"\" a", &["a"]),
            (
                "a\\ b c\nd $HOME `x`",
                &["a\\", "b", "c", "d", "$HOME", "`x`"],
            ),
            ("", &[]),
            ("é 'ü ö'", &["é", "ü ö"]),
        ];
        for (text, words) in cases {
            assert_eq!(split_arguments(text), words, "{text}");
        }
    }

    #[test]
    fn paths_are_resolved_without_looking() {
        let from = |path| resolve(Path::new("/a/b"), path).display().to_string();
        assert_eq!(from("../c/./d.js"), "/a/c/d.js");
        assert_eq!(from("/x/../../y"), "/y");
        assert_eq!(from("."), "/a/b");
    }

    #[test]
    fn only_a_tilde_alone_or_before_a_slash_is_the_home() {
        let expand = |path| expand_home(path, Some("/h")).display().to_string();
        assert_eq!(expand("~/x"), "/h/x");
        assert_eq!(expand("~"), "/h");
        assert_eq!(expand("~x"), "~x");
        assert_eq!(expand("a/~"), "a/~");
    }

    #[test]
    fn names_come_from_paths_and_go_into_file_names() {
        for (path, name) in [
            ("./a.b.js", "a.b"),
            ("/x/.env", ".env"),
            ("echo a/b c.d", "b c"),
            ("noext", "noext"),
        ] {
            assert_eq!(base_name(path), name);
        }
        assert_eq!(file_name("my app/ü_1"), "my-app---1");
        assert_eq!(file_name("a\\b.c-1"), "a\\b.c-1");
        assert_eq!(file_name("😀"), "--");
    }
}
