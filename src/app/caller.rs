//! Who declares: everything taken from the caller's surroundings.

use std::{collections::BTreeMap, env, io, path::PathBuf};

use nix::unistd::{Uid, User};

use super::launch::find_program;
use crate::home::Home;

/// The kind of program that declares; apps can tell by `PM2_USAGE` and `PM2_PROGRAMMATIC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The command.
    Cli,
    /// A program that uses the module.
    Module,
}

/// The caller's surroundings. Tests make their own; everyone else asks for [`Caller::current`].
#[derive(Debug, Clone)]
pub struct Caller {
    /// Folder that relative paths start from; absolute.
    pub cwd: PathBuf,
    /// Environment variables that are UTF-8.
    pub env: BTreeMap<String, String>,
    /// The home whose daemon is going to run the app.
    pub home: Home,
    /// The Node that runs configurations and scripts without a known extension.
    pub node: PathBuf,
    /// The user's name.
    pub username: String,
    /// Whether the caller may choose the app's user.
    pub is_root: bool,
    /// What the caller is.
    pub program: Program,
}

impl Caller {
    /// This process. `node` is the Node it runs in, if it does; else the one in PATH.
    pub fn current(home: Home, program: Program, node: Option<PathBuf>) -> io::Result<Self> {
        let variables = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let cwd = env::current_dir()?;
        Ok(Self::within(home, program, node, cwd, variables))
    }

    /// This process, but with surroundings of its own: to Node, `process.env` and the directory of a script are not
    /// always those of the process.
    pub fn within(
        home: Home,
        program: Program,
        node: Option<PathBuf>,
        cwd: PathBuf,
        env: BTreeMap<String, String>,
    ) -> Self {
        let uid = Uid::current();
        let mut caller = Self {
            node: PathBuf::from("node"),
            username: user_name(uid, &env),
            is_root: uid.is_root(),
            cwd,
            env,
            home,
            program,
        };
        if let Some(node) = node.or_else(|| caller.find_program("node")) {
            caller.node = node;
        }
        caller
    }

    /// Whether the caller is itself an app that a daemon runs.
    pub fn is_app(&self) -> bool {
        self.env.contains_key("pm_id")
    }

    /// The program that `name` means: looked up in the caller's PATH, or as a path from `cwd`.
    pub fn find_program(&self, name: &str) -> Option<PathBuf> {
        find_program(name, self.env.get("PATH").map(String::as_str), &self.cwd)
    }

    /// The home folder of the user.
    pub fn user_home(&self) -> Option<&str> {
        self.env.get("HOME").map(String::as_str)
    }
}

fn user_name(uid: Uid, env: &BTreeMap<String, String>) -> String {
    match User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        // A container may run under a number that has no name.
        _ => env.get("USER").cloned().unwrap_or_else(|| uid.to_string()),
    }
}
