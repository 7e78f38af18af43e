//! Getting a module with npm: into a folder beside its place, so that the one that is there stays until the new one is
//! whole.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Map, Value};

use super::package::Package;
use crate::{app::Caller, client::ClientError, home::Home};

/// The npm that is installed.
pub(super) struct Npm {
    program: PathBuf,
}

/// A module that is whole but not in its place yet. Removed when dropped.
pub(super) struct Staged {
    folder: PathBuf,
    package: Package,
}

impl Npm {
    pub(super) fn find(caller: &Caller) -> Result<Self, ClientError> {
        let program = caller.find_program("npm").ok_or_else(|| {
            let text =
                "modules are installed with npm, which is not in PATH: install Node.js with npm";
            ClientError::Refused(text.to_owned())
        })?;
        Ok(Self { program })
    }

    /// Has npm install `spec`: whatever it knows.
    pub(super) fn stage(
        &self,
        home: &Home,
        spec: &str,
        caller: &Caller,
    ) -> Result<Staged, ClientError> {
        let folder = home.modules().join(format!(".new-{}", std::process::id()));
        let failed = |source| ClientError::File {
            what: "make",
            path: folder.clone(),
            source,
        };
        clear(&folder).map_err(failed)?;
        fs::create_dir_all(&folder).map_err(failed)?;
        fs::write(folder.join("package.json"), "{\"dependencies\":{}}").map_err(failed)?;
        let installed = self.install(&folder, spec, caller);
        let package = installed.and_then(|()| installed_package(&folder, spec));
        match package {
            Ok(package) => Ok(Staged { folder, package }),
            Err(error) => {
                // What is left is of no use; the next try clears it too.
                let _ = clear(&folder);
                Err(error)
            }
        }
    }

    fn install(&self, folder: &Path, spec: &str, caller: &Caller) -> Result<(), ClientError> {
        // A path is meant from the caller's folder.
        let path = caller.cwd.join(spec);
        let spec = if spec.contains('/') && path.exists() {
            path.to_string_lossy().into_owned()
        } else {
            spec.to_owned()
        };
        let status = Command::new(&self.program)
            .args(["install", "--loglevel=error", "--no-audit", "--no-fund"])
            // A folder is copied: what is linked would change with it.
            .arg("--install-links")
            .arg("--prefix")
            .arg(folder)
            .args(["--", &spec])
            .env_clear()
            .envs(&caller.env)
            .current_dir(folder)
            .status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(ClientError::Refused(
                "Installation failed via NPM, module has been restored to prev version".to_owned(),
            )),
            Err(error) => Err(ClientError::Refused(format!(
                "{} cannot be run: {error}",
                self.program.display()
            ))),
        }
    }
}

/// The one package that npm has been asked for.
fn installed_package(folder: &Path, spec: &str) -> Result<Package, ClientError> {
    let text = fs::read_to_string(folder.join("package.json")).unwrap_or_default();
    let top: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
    let names = top.get("dependencies").and_then(Value::as_object);
    let name = names
        .and_then(|names| names.keys().next())
        .ok_or_else(|| ClientError::Refused(format!("npm has installed nothing for {spec}")))?;
    Ok(Package::read(&folder.join("node_modules").join(name))?)
}

impl Staged {
    /// The module.
    pub(super) fn package(&self) -> &Package {
        &self.package
    }

    /// The folder of the module itself.
    pub(super) fn module(&self) -> PathBuf {
        self.folder.join("node_modules").join(&self.package.name)
    }

    /// Puts it where it belongs. The one before it is removed last.
    pub(super) fn put_in_place(self, place: &Path) -> Result<(), ClientError> {
        let old = self.folder.with_extension("old");
        let put = clear(&old).and_then(|()| {
            if let Some(scope) = place.parent() {
                fs::create_dir_all(scope)?;
            }
            if place.exists() {
                fs::rename(place, &old)?;
            }
            fs::rename(&self.folder, place).inspect_err(|_| {
                // As it was.
                let _ = fs::rename(&old, place);
            })
        });
        put.map_err(|source| ClientError::File {
            what: "put the module in",
            path: place.to_owned(),
            source,
        })?;
        // In nobody's way.
        let _ = clear(&old);
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = clear(&self.folder);
    }
}

fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staged(folder: &Path, text: &str) -> Staged {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("which"), text).unwrap();
        Staged {
            folder: folder.to_owned(),
            package: Package {
                name: "m".to_owned(),
                apps: Vec::new(),
                config: Map::new(),
            },
        }
    }

    #[test]
    fn the_new_one_takes_the_place_of_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let (new, place) = (dir.path().join(".new-1"), dir.path().join("@scope/m"));
        for text in ["first", "second"] {
            staged(&new, text).put_in_place(&place).unwrap();
            assert_eq!(fs::read_to_string(place.join("which")).unwrap(), text);
        }
        drop(staged(&new, "third"));
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().flatten().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(fs::read_to_string(place.join("which")).unwrap(), "second");
    }

    #[test]
    fn the_old_one_stays_if_the_new_one_cannot_be_put_there() {
        let dir = tempfile::tempdir().unwrap();
        let (new, place) = (dir.path().join(".new-1"), dir.path().join("m"));
        staged(&new, "first").put_in_place(&place).unwrap();
        let lost = staged(&new, "second");
        fs::remove_dir_all(&new).unwrap();
        assert!(lost.put_in_place(&place).is_err());
        assert_eq!(fs::read_to_string(place.join("which")).unwrap(), "first");
    }
}
