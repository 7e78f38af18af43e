//! Finds what a declaration calls its script.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use super::{AppError, Caller, text::resolve};

/// What is going to be executed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// A file.
    File(PathBuf),
    /// A line for the shell at this path.
    Shell {
        /// The shell.
        shell: PathBuf,
        /// The line.
        line: String,
    },
}

/// Looks `script` up: a file seen from `cwd`, else a line for the shell if it has a space, else a program in PATH.
pub(super) fn find(script: &str, cwd: &Path, caller: &Caller) -> Result<Script, AppError> {
    let path = resolve(cwd, script);
    // Unlike pm2, which takes every space for a command: a file whose path has one can be run too.
    if path.exists() {
        return Ok(Script::File(path));
    }
    if script.contains(' ') {
        let shell = caller
            .find_program("bash")
            .or_else(|| caller.find_program("sh"))
            .ok_or_else(|| AppError::Interpreter("bash".to_owned()))?;
        return Ok(Script::Shell {
            shell,
            line: script.to_owned(),
        });
    }
    let in_path = (!script.contains('/'))
        .then(|| caller.find_program(script))
        .flatten();
    in_path
        .map(Script::File)
        .ok_or(AppError::ScriptNotFound(path))
}

/// What a file without a telling extension is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Machine code.
    Binary,
    /// An executable text that names its interpreter, which is not Node.
    Shebang,
    /// Other text, and whatever cannot be read.
    Text,
}

/// Looks into a file.
pub(super) fn content(path: &Path) -> Content {
    let mut head = [0; 512];
    let Ok(len) = File::open(path).and_then(|mut file| file.read(&mut head)) else {
        return Content::Text;
    };
    let head = &head[..len];
    if head.contains(&0) {
        return Content::Binary;
    }
    let first_line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let first_line = String::from_utf8_lossy(first_line);
    if first_line.starts_with("#!")
        && !first_line.contains("node")
        && super::launch::is_program(path)
    {
        Content::Shebang
    } else {
        Content::Text
    }
}
