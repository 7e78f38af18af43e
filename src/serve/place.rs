//! What a request's path means in the folder that is served.

use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode_str;

/// The place of a path, which may not exist: inside of `root` whatever the path is. `None` if it leads outside, or is
/// no path.
pub(super) fn place(root: &Path, path: &str) -> Option<PathBuf> {
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    let inside = decoded.strip_prefix('/')?;
    if inside.contains(['\0', '\\']) {
        return None;
    }
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    let inside = Path::new(inside);
    inside.components().all(is_plain).then(|| root.join(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_outside() {
        let found = |path: &str| place(Path::new("/root"), path);
        for (path, expected) in [
            ("/", "/root/"),
            ("/a%20b/c", "/root/a b/c"),
            ("/a//b/./c", "/root/a/b/c"),
            ("/%E2%82%AC", "/root/€"),
            ("/...", "/root/..."),
        ] {
            assert_eq!(found(path).as_deref(), Some(Path::new(expected)), "{path}");
        }
        for path in [
            "",
            "relative",
            "/..",
            "/../",
            "/a/../../b",
            "/a/..",
            "/%2e%2e/",
            "/..%2f",
            "//etc/passwd",
            "/%2fetc/passwd",
            "/%00",
            "/%ff",
            "/..\\x",
        ] {
            assert_eq!(found(path), None, "{path}");
        }
    }
}
