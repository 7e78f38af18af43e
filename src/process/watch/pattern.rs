//! Globs over paths.

use std::path::{Path, PathBuf};

use globset::{Glob, GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};

/// Characters that make a path a pattern.
const MAGIC: [char; 7] = ['*', '?', '[', ']', '{', '}', '('];

/// The glob that a text means; `None` if it is none.
fn glob(text: &str) -> Option<Glob> {
    // `+(a|b)` and `@(a|b)` are `{a,b}` here.
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, group)) = rest.split_once("+(").or_else(|| rest.split_once("@(")) {
        let Some((names, after)) = group.split_once(')') else {
            break;
        };
        plain.push_str(before);
        plain.push('{');
        plain.push_str(&names.replace('|', ","));
        plain.push('}');
        rest = after;
    }
    plain.push_str(rest);
    let built = GlobBuilder::new(&plain).literal_separator(true).build();
    built.ok()
}

/// Globs as they are, and below `cwd`. What is no glob matches nothing.
pub(super) fn set<'a>(patterns: impl Iterator<Item = &'a str>, cwd: &Path) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
        let below = cwd.join(pattern);
        for pattern in [pattern, &*below.to_string_lossy()] {
            if let Some(glob) = glob(pattern) {
                set.add(glob);
            }
        }
    }
    set.build().unwrap_or_default()
}

/// Something that is watched.
#[derive(Debug, Clone)]
pub(super) struct Root {
    /// The path as it is written.
    path: PathBuf,
    /// The folder that a pattern begins in.
    folder: PathBuf,
    pattern: Option<GlobMatcher>,
    /// How deep below that folder something can match.
    depth: Option<usize>,
}

impl Root {
    /// Reads a path, or a pattern unless it is to be taken literally.
    pub(super) fn of(text: &str, cwd: &Path, is_literal: bool) -> Self {
        let path: PathBuf = cwd.join(text).components().collect();
        let written = path.to_string_lossy().into_owned();
        let pattern = Some(&written)
            .filter(|written| !is_literal && written.contains(MAGIC))
            .and_then(|written| glob(written))
            .map(|glob| glob.compile_matcher());
        let mut folder = PathBuf::new();
        if pattern.is_some() {
            let parts = path.components();
            folder.extend(
                parts.take_while(|part| !part.as_os_str().to_string_lossy().contains(MAGIC)),
            );
        } else {
            folder.clone_from(&path);
        }
        let below = path.components().count() - folder.components().count();
        let depth = (pattern.is_some() && !written.contains("**")).then(|| below.saturating_sub(1));
        Self {
            path,
            folder,
            pattern,
            depth,
        }
    }

    /// Where watching begins.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How deep it goes at most.
    pub(super) fn depth(&self) -> Option<usize> {
        self.depth
    }

    /// Whether `path` is what is watched, or below it. A name that looks like a pattern is also itself.
    pub(super) fn has(&self, path: &Path) -> bool {
        match &self.pattern {
            Some(pattern) => pattern.is_match(path) || path == self.path,
            None => path.starts_with(&self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_roots() {
        let table = [
            ("src", "/app/src/deep/a.js", true),
            ("./src", "/app/src/a.js", true),
            ("../other", "/app/../other/a.js", true),
            ("", "/app/a.js", true),
            (".", "/app/a.js", true),
            ("/abs", "/abs/x", true),
            ("src/*.js", "/app/src/a.js", true),
            ("src/*.js", "/app/src/deep/a.js", false),
            ("src/*", "/app/src/deep/a.js", false),
            ("**/*.js", "/app/a.js", true),
            ("**/*.js", "/app/x/y/a.js", true),
            ("/app/src/*.js", "/app/src/a.js", true),
            ("{src,logs}/*.js", "/app/logs/a.js", true),
            ("{src,logs}/*.js", "/app/deep/a.js", false),
            ("[id].js", "/app/[id].js", true),
            ("[id].js", "/app/i.js", true),
        ];
        for (text, path, expected) in table {
            let root = Root::of(text, Path::new("/app"), false);
            assert_eq!(root.has(Path::new(path)), expected, "{text} {path}");
        }
    }

    #[test]
    fn a_pattern_is_looked_for_where_it_can_match() {
        let root = |text: &str| {
            let root = Root::of(text, Path::new("/app"), false);
            (root.folder.to_string_lossy().into_owned(), root.depth)
        };
        assert_eq!(root("src/*.js"), ("/app/src".into(), Some(0)));
        assert_eq!(root("src/*/x/*.js"), ("/app/src".into(), Some(2)));
        assert_eq!(root("src/**/*.js"), ("/app/src".into(), None));
        assert_eq!(root("*.js"), ("/app".into(), Some(0)));
        assert_eq!(root("src"), ("/app/src".into(), None));
        let literal = Root::of("src/*.js", Path::new("/app"), true);
        assert!(
            literal.has(Path::new("/app/src/*.js")) && !literal.has(Path::new("/app/src/a.js"))
        );
    }
}
