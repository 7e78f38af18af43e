//! Where the agent's file is. Its text is part of this executable, so that there always is one, whatever becomes of
//! the package; Node needs it as a file, which must stay where it is as long as apps run with it: each new worker
//! thread of theirs reads it again. So it is the home's own copy that apps are started with, and it is never removed.

use std::{
    fs::{self, OpenOptions},
    hash::{DefaultHasher, Hasher},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use nix::unistd::Uid;

use super::access::can_read;
use crate::sys::spawn::Owner;

/// The agent.
const TEXT: &str = include_str!("../../../agent/agent.js");

/// Where root, who alone can start apps for others, leaves a copy that others can read. Nobody else can write there.
const SHARED: &str = "/run/rpm2";

/// The places that the agent's file can be in.
#[derive(Debug, Clone)]
pub struct AgentFile {
    own: PathBuf,
    shared: PathBuf,
    /// The package's, seen from the executable.
    packaged: Option<PathBuf>,
}

impl AgentFile {
    /// The places for a daemon whose home is `root`.
    pub fn new(root: &Path) -> Self {
        let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        let packaged = std::env::current_exe().ok().and_then(|executable| {
            // <package>/npm/<platform>/rpm2
            let package = executable.ancestors().nth(3)?;
            Some(package.join("agent/agent.js"))
        });
        // Node takes this ending for what it is, whatever a package.json above it says.
        let name = format!("agent-{:016x}.cjs", hash(TEXT));
        Self {
            own: root.join(&name),
            shared: Path::new(SHARED).join(name),
            packaged,
        }
    }

    /// A file with the agent's text that the app's user can read, `None` being our own; it is written where it is
    /// missing or says something else.
    pub(in crate::process) fn ready(&self, user: Option<&Owner>) -> Result<PathBuf, String> {
        let other = user.filter(|user| user.uid != Uid::effective().as_raw() && user.uid != 0);
        let written = match other {
            None => write_if_needed(&self.own, 0o600).map(|()| &self.own),
            Some(user) => make_shared_folder(&self.shared)
                .and_then(|()| write_if_needed(&self.shared, 0o644))
                .map(|()| &self.shared)
                .and_then(|path| readable(path, user)),
        };
        written
            .cloned()
            .or_else(|error| self.packaged(other).ok_or(error))
            .map_err(|error| {
                let place = if other.is_some() {
                    &self.shared
                } else {
                    &self.own
                };
                format!("{}: {error}", place.display())
            })
    }

    /// The package's file, if it is of this version.
    fn packaged(&self, user: Option<&Owner>) -> Option<PathBuf> {
        let path = self.packaged.as_ref()?;
        (says(path, TEXT) && user.is_none_or(|user| can_read(path, user))).then(|| path.clone())
    }
}

fn readable<'a>(path: &'a PathBuf, user: &Owner) -> io::Result<&'a PathBuf> {
    if can_read(path, user) {
        Ok(path)
    } else {
        Err(io::Error::other(format!(
            "user {} cannot read it",
            user.uid
        )))
    }
}

fn says(path: &Path, text: &str) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes())
}

/// A copy that was changed is not trusted: it is replaced, at once and whole.
fn write_if_needed(path: &Path, mode: u32) -> io::Result<()> {
    if says(path, TEXT) {
        return Ok(());
    }
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let _ = fs::remove_file(&temporary);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)
        .and_then(|mut file| {
            // Whatever the umask is.
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            file.write_all(TEXT.as_bytes())
        })
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Makes the folder for others; one that somebody else could write to is refused.
fn make_shared_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().unwrap_or(file);
    match fs::DirBuilder::new().mode(0o755).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) => fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?,
        Err(_) => {}
    }
    let meta = fs::symlink_metadata(folder)?;
    if meta.is_dir() && meta.uid() == Uid::effective().as_raw() && meta.mode() & 0o022 == 0 {
        Ok(())
    } else {
        Err(io::Error::other("the folder is not ours alone to write to"))
    }
}

/// Tells the texts of different versions apart.
fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(root: &Path) -> AgentFile {
        AgentFile {
            own: root.join("home/agent.cjs"),
            shared: root.join("run/agent.cjs"),
            packaged: Some(root.join("package/agent.js")),
        }
    }

    fn root() -> tempfile::TempDir {
        let root = tempfile::tempdir_in("/tmp").unwrap();
        for folder in ["home", "package"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        root
    }

    #[test]
    fn the_homes_copy_is_made_and_made_again_when_it_was_changed() {
        let root = root();
        let file = places(root.path());
        let path = file.ready(None).unwrap();
        assert_eq!(path, file.own);
        assert!(says(&path, TEXT));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let before = fs::metadata(&path).unwrap().ino();
        file.ready(None).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().ino(), before, "left as it is");
        fs::write(&path, "evil()").unwrap();
        file.ready(None).unwrap();
        assert!(says(&path, TEXT));
        let names: Vec<_> = fs::read_dir(root.path().join("home")).unwrap().collect();
        assert_eq!(names.len(), 1);
    }

    #[test]
    fn without_a_home_the_packages_serves_if_it_is_of_this_version() {
        let root = root();
        let mut file = places(root.path());
        file.own = root.path().join("missing/agent.cjs");
        let error = file.ready(None).unwrap_err();
        assert!(error.contains("missing/agent.cjs"), "{error}");
        let packaged = file.packaged.clone().unwrap();
        fs::write(&packaged, "another version").unwrap();
        assert!(file.ready(None).is_err());
        fs::write(&packaged, TEXT).unwrap();
        assert_eq!(file.ready(None).unwrap(), packaged);
    }

    #[test]
    fn another_user_gets_a_copy_that_it_can_read() {
        let root = root();
        let file = places(root.path());
        let user = Owner {
            uid: Uid::effective().as_raw() + 1,
            gid: 65_534,
            groups: vec![],
        };
        let path = file.ready(Some(&user)).unwrap();
        assert_eq!(path, file.shared);
        assert!(can_read(&path, &user) && says(&path, TEXT));
        // Whoever can write to the folder can put another file there.
        let folder = path.parent().unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
        let error = file.ready(Some(&user)).unwrap_err();
        assert!(error.contains("not ours alone"), "{error}");
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
        let error = file.ready(Some(&user)).unwrap_err();
        assert!(error.contains("cannot read it"), "{error}");
    }

    #[test]
    fn the_homes_copy_is_named_after_its_text() {
        let file = AgentFile::new(Path::new("/nonexistent"));
        let name = format!("agent-{:016x}.cjs", hash(TEXT));
        assert_eq!(file.own, Path::new("/nonexistent").join(name));
        assert_ne!(hash(TEXT), hash("another"));
    }
}
