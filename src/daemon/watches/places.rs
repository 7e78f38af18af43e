//! Where to watch for a rule.

use std::{
    collections::HashSet,
    fs::{self, DirEntry},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::process::WatchRule;

/// The folders to watch for a root: itself and all below it that are not ignored; for a file or what is not there yet,
/// the nearest folder above it, since editors replace files. And what symbolic links lead to, if they are followed.
pub(super) fn places_of(root: &Path, rule: &WatchRule) -> Vec<PathBuf> {
    if !root.is_dir() {
        let above = root.ancestors().skip(1).find(|folder| folder.is_dir());
        return above.map(Path::to_owned).into_iter().collect();
    }
    let mut folders = vec![root.to_owned()];
    let mut files = Vec::new();
    // A link may lead to a folder above it.
    let mut seen: HashSet<(u64, u64)> = identity(root).into_iter().collect();
    let mut next = 0;
    while let Some(folder) = folders.get(next) {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.path();
            match kind(&entry, rule.follows_links()) {
                Some(Kind::Folder)
                    if rule.enters(&path) && identity(&path).is_some_and(|id| seen.insert(id)) =>
                {
                    found.push(path);
                }
                Some(Kind::LinkToFile) if rule.concerns(&path) => files.push(path),
                _ => {}
            }
        }
        folders.extend(found);
        next += 1;
    }
    folders.extend(files);
    folders
}

/// Whether a path is behind a symbolic link that the rule does not follow: another app's rule may.
pub(super) fn is_behind_link(path: &Path, rule: &WatchRule) -> bool {
    if rule.follows_links() {
        return false;
    }
    let is_link = |folder: &Path| {
        fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.file_type().is_symlink())
    };
    let mut roots = rule.roots().filter(|root| path.starts_with(root));
    roots.any(|root| {
        let between = path.ancestors().skip(1).take_while(|above| *above != root);
        between.filter(|above| above.starts_with(root)).any(is_link)
    })
}

enum Kind {
    Folder,
    /// A change of what it leads to is no change of the folder that it is in.
    LinkToFile,
}

fn kind(entry: &DirEntry, follows_links: bool) -> Option<Kind> {
    let kind = entry.file_type().ok()?;
    if kind.is_dir() {
        return Some(Kind::Folder);
    }
    if !kind.is_symlink() || !follows_links {
        return None;
    }
    let target = fs::metadata(entry.path()).ok()?;
    Some(if target.is_dir() {
        Kind::Folder
    } else {
        Kind::LinkToFile
    })
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn places(folder: &Path, watch: Value, options: Value) -> Vec<String> {
        let env = json!({
            "pm_cwd": folder.to_str().unwrap(), "watch": watch, "ignore_watch": ["ignored"], "watch_options": options,
        });
        let rule = WatchRule::of(env.as_object().unwrap()).unwrap();
        let found = rule.roots().flat_map(|root| places_of(root, &rule));
        let name = |path: PathBuf| {
            path.strip_prefix(folder)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        let mut names: Vec<String> = found.map(name).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn ignored_folders_and_circles_are_not_entered() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("src/deep/deeper")).unwrap();
        fs::create_dir_all(at("ignored/x")).unwrap();
        std::os::unix::fs::symlink(folder.path(), at("src/up")).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::create_dir(elsewhere.path().join("in")).unwrap();
        fs::write(elsewhere.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), at("link")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path().join("file"), at("to-file")).unwrap();
        let none = json!({});
        assert_eq!(
            places(folder.path(), json!(true), none.clone()),
            [
                "",
                "link",
                "link/in",
                "src",
                "src/deep",
                "src/deep/deeper",
                "to-file"
            ]
        );
        assert_eq!(
            places(
                folder.path(),
                json!(true),
                json!({ "followSymlinks": false, "depth": 2 })
            ),
            ["", "src", "src/deep"]
        );
        assert_eq!(
            places(folder.path(), json!(["src/*.js"]), none.clone()),
            ["src"]
        );
        assert_eq!(
            places(folder.path(), json!(["src/none/x/y.js"]), none),
            ["src"]
        );
    }
}
