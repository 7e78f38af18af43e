//! The home directory: where sockets, logs and state live.

use std::{
    env, fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

/// Longest path of a Unix socket in bytes: `sun_path` less its final NUL (104 on macOS, 108 on Linux).
const SOCKET_PATH_LIMIT: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// Why a home directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Neither `RPM2_HOME`, `PM2_HOME` nor `HOME` is set.
    #[error(
        "no home directory: none of RPM2_HOME, PM2_HOME and HOME is set; set RPM2_HOME to a folder you own"
    )]
    Unknown,
    /// The path leaves no room for a socket's name.
    #[error(
        "the home path is too long for a Unix socket: {path} has {len} bytes, at most {limit} are possible; \
         set RPM2_HOME to a shorter path"
    )]
    TooLong {
        /// The socket that does not fit.
        path: PathBuf,
        /// Its length in bytes.
        len: usize,
        /// The system's limit in bytes.
        limit: usize,
    },
    /// A folder could not be made or secured.
    #[error(
        "cannot use {path} as home: {source}; check its permissions or set RPM2_HOME to a folder you own"
    )]
    Create {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The files of one home directory, laid out as pm2 lays them out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// The home at `root`, which need not exist yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The home that the environment names: `RPM2_HOME`, else `PM2_HOME`, else `~/.rpm2`.
    pub fn from_env() -> Result<Self, HomeError> {
        let given = |key| {
            env::var_os(key)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let root = given("RPM2_HOME")
            .or_else(|| given("PM2_HOME"))
            .or_else(|| given("HOME").map(|home| home.join(".rpm2")))
            .ok_or(HomeError::Unknown)?;
        Ok(Self::at(std::path::absolute(&root).unwrap_or(root)))
    }

    /// Checks that the sockets' paths fit. Nothing is looked up.
    pub fn check(&self) -> Result<(), HomeError> {
        for socket in [self.rpc_socket(), self.pub_socket()] {
            let len = socket.as_os_str().len();
            if len > SOCKET_PATH_LIMIT {
                return Err(HomeError::TooLong {
                    path: socket,
                    len,
                    limit: SOCKET_PATH_LIMIT,
                });
            }
        }
        Ok(())
    }

    /// Makes the folders that are missing, for their owner alone (0700), and checks that the sockets' paths fit.
    pub fn create(&self) -> Result<(), HomeError> {
        self.check()?;
        for path in [self.root.clone(), self.logs(), self.pids(), self.modules()] {
            make_private(&path).map_err(|source| HomeError::Create { path, source })?;
        }
        Ok(())
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }
    /// Calls and replies.
    pub fn rpc_socket(&self) -> PathBuf {
        self.root.join("rpc.sock")
    }
    /// Bus events.
    pub fn pub_socket(&self) -> PathBuf {
        self.root.join("pub.sock")
    }
    /// The daemon's process id, removed at exit.
    pub fn pid_file(&self) -> PathBuf {
        self.root.join("pm2.pid")
    }
    /// The daemon's log.
    pub fn daemon_log(&self) -> PathBuf {
        self.root.join("pm2.log")
    }
    /// Locked by the daemon as long as it lives.
    pub fn lock_file(&self) -> PathBuf {
        self.root.join("rpm2.lock")
    }
    /// There while the daemon dies again and again; says so in one line.
    pub fn down_file(&self) -> PathBuf {
        self.root.join("rpm2.down")
    }
    /// Saved processes.
    pub fn dump(&self) -> PathBuf {
        self.root.join("dump.pm2")
    }
    /// The saved processes before the last save.
    pub fn dump_backup(&self) -> PathBuf {
        self.root.join("dump.pm2.bak")
    }
    /// Settings made with `set`.
    pub fn module_conf(&self) -> PathBuf {
        self.root.join("module_conf.json")
    }
    /// Held by a reload.
    pub fn reload_lock(&self) -> PathBuf {
        self.root.join("reload.lock")
    }
    /// Default folder of the apps' logs.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }
    /// Default folder of the apps' pid files.
    pub fn pids(&self) -> PathBuf {
        self.root.join("pids")
    }
    /// Installed modules.
    pub fn modules(&self) -> PathBuf {
        self.root.join("modules")
    }

    /// Every file, but for those in folders, that a daemon or a client puts here; pm2's too.
    pub fn files(&self) -> Vec<PathBuf> {
        let more = ["touch", "agent.json5", "agent-online"];
        let more = more.map(|name| self.root.join(name));
        let own = [
            self.rpc_socket(),
            self.pub_socket(),
            self.pid_file(),
            self.daemon_log(),
            self.lock_file(),
            self.down_file(),
            self.dump(),
            self.dump_backup(),
            self.module_conf(),
            self.reload_lock(),
        ];
        own.into_iter().chain(more).collect()
    }

    /// The home as pm2's `connect` describes it.
    pub fn describe(&self) -> Map<String, Value> {
        let text = |path: PathBuf| Value::from(path.to_string_lossy());
        let mut map = Map::new();
        map.insert("rpc_socket_file".into(), text(self.rpc_socket()));
        map.insert("pub_socket_file".into(), text(self.pub_socket()));
        map.insert("pm2_home".into(), text(self.root.clone()));
        map
    }
}

/// Writes a file that is for its owner alone (0600).
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)
}

/// Puts a file that is for its owner alone (0600) in the place of another: whatever happens, one of them is there.
pub(crate) fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let fresh = path.with_file_name(name);
    let replaced = write_private(&fresh, bytes)
        .and_then(|()| fs::File::open(&fresh)?.sync_all())
        .and_then(|()| fs::rename(&fresh, path));
    if replaced.is_err() {
        // Of no use to anybody.
        let _ = fs::remove_file(&fresh);
    }
    replaced
}

fn make_private(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(meta) if !meta.is_dir() => Err(io::Error::from(io::ErrorKind::NotADirectory)),
        Ok(meta) if meta.permissions().mode() & 0o077 == 0 => Ok(()),
        Ok(_) => fs::set_permissions(path, fs::Permissions::from_mode(0o700)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn create_makes_private_folders_and_tightens_open_ones() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("home"));
        fs::create_dir(home.root()).unwrap();
        fs::set_permissions(home.root(), fs::Permissions::from_mode(0o755)).unwrap();
        home.create().unwrap();
        for path in [home.root().to_owned(), home.logs(), home.pids()] {
            assert_eq!(
                fs::metadata(path).unwrap().permissions().mode() & 0o777,
                0o700
            );
        }
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_refused_with_advice() {
        let home = Home::at(format!("/tmp/{}", "x".repeat(110)));
        let error = home.create().unwrap_err().to_string();
        assert!(
            error.contains("too long") && error.contains("RPM2_HOME"),
            "{error}"
        );
    }

    #[test]
    fn a_file_in_place_of_the_home_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "").unwrap();
        assert!(matches!(
            Home::at(path).create(),
            Err(HomeError::Create { .. })
        ));
    }
}
