//! Chooses the interpreter of a script.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    AppError, Caller,
    script::{Content, content},
};

/// `exec_interpreter` of what runs by itself.
pub(super) const NONE: &str = "none";

/// An interpreter and the arguments it needs besides the declared ones.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Interpreter {
    /// Its name or path, or [`NONE`].
    pub program: String,
    /// Arguments before the script.
    pub args: Vec<String>,
}

impl Interpreter {
    fn named(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
        }
    }

    /// Whether several processes of it share their ports by Node's cluster.
    pub(super) fn is_node(&self) -> bool {
        self.program.contains("node") || self.program.contains("bun")
    }

    /// Whether it is Python, which otherwise keeps its output back.
    pub(super) fn is_python(&self) -> bool {
        Path::new(&self.program)
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("python"))
    }
}

/// The interpreter for the file at `path`: the declared one, else by extension, else by content.
pub(super) fn choose(
    declared: Option<&str>,
    path: &Path,
    caller: &Caller,
) -> Result<Interpreter, AppError> {
    let chosen = match declared {
        Some(name) => Interpreter::named(with_version(name, caller)),
        None => by_extension(path, caller)?,
    };
    let program = &chosen.program;
    let is_own_node =
        Path::new(program) == caller.node || (program == "node" && caller.node.is_file());
    if program == NONE || is_own_node || caller.find_program(program).is_some() {
        Ok(chosen)
    } else {
        Err(AppError::Interpreter(chosen.program))
    }
}

fn by_extension(path: &Path, caller: &Caller) -> Result<Interpreter, AppError> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    Ok(match extension {
        Some("js") => Interpreter::named("node"),
        Some("sh") => Interpreter::named("bash"),
        Some("py") => Interpreter::named(match caller.find_program("python") {
            Some(_) => "python",
            None => "python3",
        }),
        Some("rb") => Interpreter::named("ruby"),
        Some("pl") => Interpreter::named("perl"),
        Some("php") => Interpreter::named("php"),
        Some("coffee") => Interpreter::named("coffee"),
        Some("ls") => Interpreter::named("lsc"),
        Some("tsx") => Interpreter::named("bun"),
        Some("ts") => return typescript(caller),
        _ => match content(path) {
            Content::Binary | Content::Shebang => Interpreter::named(NONE),
            Content::Text => Interpreter::named(caller.node.to_string_lossy()),
        },
    })
}

fn typescript(caller: &Caller) -> Result<Interpreter, AppError> {
    if caller.find_program("bun").is_some() {
        return Ok(Interpreter::named("bun"));
    }
    let node = caller
        .find_program("node")
        .unwrap_or_else(|| caller.node.clone());
    let support = node_version(&node).map_or(TypeScript::None, typescript_support);
    let args = match support {
        TypeScript::Native => Vec::new(),
        TypeScript::Flag => vec![STRIP_TYPES.to_owned()],
        TypeScript::None => return Err(AppError::TypeScript),
    };
    Ok(Interpreter {
        program: "node".to_owned(),
        args,
    })
}

/// The flag that lets Node 22.6 to 22.17 run TypeScript.
pub(super) const STRIP_TYPES: &str = "--experimental-strip-types";

/// How a Node runs TypeScript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TypeScript {
    /// Without further ado.
    Native,
    /// With [`STRIP_TYPES`].
    Flag,
    /// Not at all.
    None,
}

/// What the Node of version (major, minor) does with TypeScript.
pub(super) fn typescript_support((major, minor): (u32, u32)) -> TypeScript {
    match (major, minor) {
        (22, 18..) | (23, 6..) | (24.., _) => TypeScript::Native,
        (22, 6..) | (23, _) => TypeScript::Flag,
        _ => TypeScript::None,
    }
}

/// Asks a Node for its version: major and minor.
pub(super) fn node_version(node: &Path) -> Option<(u32, u32)> {
    let output = Command::new(node)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// `node@18` as the path of the newest such version that nvm has installed; anything else as it is.
fn with_version(name: &str, caller: &Caller) -> String {
    name.strip_prefix("node@")
        .and_then(|version| nvm_node(version.trim_start_matches('v'), caller))
        .map_or_else(
            || name.to_owned(),
            |path| path.to_string_lossy().into_owned(),
        )
}

fn nvm_node(version: &str, caller: &Caller) -> Option<PathBuf> {
    let root = match caller.env.get("NVM_DIR") {
        Some(root) => PathBuf::from(root),
        None => Path::new(caller.user_home()?).join(".nvm"),
    };
    let versions = root.join("versions/node");
    let wanted = numbers(version)?;
    versions
        .read_dir()
        .ok()?
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            Some((numbers(name.strip_prefix('v')?)?, name))
        })
        .filter(|(found, _)| found.starts_with(&wanted))
        .max()
        .map(|(_, name)| versions.join(name).join("bin/node"))
        .filter(|node| node.is_file())
}

fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_tell_what_they_do_with_typescript() {
        for (version, support) in [
            ("v18.20.0\n", TypeScript::None),
            ("v22.5.9", TypeScript::None),
            ("v22.6.0", TypeScript::Flag),
            ("v22.18.0", TypeScript::Native),
            ("v23.5.0", TypeScript::Flag),
            ("v24.0.0", TypeScript::Native),
        ] {
            assert_eq!(
                typescript_support(parse_version(version).unwrap()),
                support,
                "{version}"
            );
        }
        assert_eq!(parse_version("bun 1.2"), None);
    }
}
