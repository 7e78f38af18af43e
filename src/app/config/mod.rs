//! Files that declare apps.

mod error;
mod node;
mod shape;
mod statics;
mod yaml;

pub use error::ConfigError;
pub use shape::Config;
pub use statics::{SUBCOMMAND, serving_app};

use std::{fs, io};

use serde_json::Value;

use super::{Caller, text::resolve};

/// Largest file in bytes: what is larger is not a configuration.
const FILE_LIMIT: u64 = 16 * 1024 * 1024;

/// The language of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Json,
    Yaml,
    Toml,
    JavaScript,
    TypeScript,
}

impl Language {
    fn of(name: &str) -> Option<Self> {
        const ENDINGS: [(&str, Language); 10] = [
            (".json", Language::Json),
            (".yml", Language::Yaml),
            (".yaml", Language::Yaml),
            (".toml", Language::Toml),
            (".config.js", Language::JavaScript),
            (".config.cjs", Language::JavaScript),
            (".config.mjs", Language::JavaScript),
            (".config.ts", Language::TypeScript),
            (".config.cts", Language::TypeScript),
            (".config.mts", Language::TypeScript),
        ];
        ENDINGS
            .iter()
            .find(|(ending, _)| name.ends_with(ending))
            .map(|(_, language)| *language)
    }
}

/// Whether a file of this name declares apps, rather than being one: `*.json`, `*.yml`, `*.yaml`, `*.toml`, and
/// `*.config.` with `js`, `cjs`, `mjs`, `ts`, `cts` or `mts`.
pub fn is_config_file(name: &str) -> bool {
    Language::of(name).is_some()
}

/// Reads what the file at `path`, seen from the caller's folder, declares. JSON (with comments, trailing commas,
/// unquoted names), YAML and TOML are parsed; JavaScript and TypeScript are run by the caller's Node.
pub fn load_file(path: &str, caller: &Caller) -> Result<Config, ConfigError> {
    let full = resolve(&caller.cwd, path);
    let meta = fs::metadata(&full).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ConfigError::NotFound {
            path: path.to_owned(),
        },
        _ => ConfigError::Read {
            path: path.to_owned(),
            source,
        },
    })?;
    if meta.len() > FILE_LIMIT {
        return Err(ConfigError::TooLarge {
            path: path.to_owned(),
            limit: FILE_LIMIT,
        });
    }
    let language = Language::of(path).unwrap_or(Language::JavaScript);
    let value = match language {
        Language::JavaScript => node::load(&full, path, false, caller)?,
        Language::TypeScript => node::load(&full, path, true, caller)?,
        _ => {
            let text = fs::read_to_string(&full).map_err(|source| ConfigError::Read {
                path: path.to_owned(),
                source,
            })?;
            parse(language, &text, path)?
        }
    };
    Config::from_value(value, path)
}

/// Reads declarations from JSON text, such as standard input; `name` is what errors call it.
pub fn load_text(text: &str, name: &str) -> Result<Config, ConfigError> {
    Config::from_value(parse(Language::Json, text, name)?, name)
}

fn parse(language: Language, text: &str, path: &str) -> Result<Value, ConfigError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parsed = match language {
        Language::Yaml => yaml::parse(text),
        Language::Toml => parse_toml(text),
        _ => json5::from_str(text).map_err(|error| error.to_string()),
    };
    parsed.map_err(|message| ConfigError::Syntax {
        path: path.to_owned(),
        message,
    })
}

fn parse_toml(text: &str) -> Result<Value, String> {
    let table: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
    Ok(from_toml(toml::Value::Table(table)))
}

fn from_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(list) => list.into_iter().map(from_toml).collect(),
        toml::Value::Table(table) => Value::Object(
            table
                .into_iter()
                .map(|(name, value)| (name, from_toml(value)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests;
