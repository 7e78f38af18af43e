//! What can be wrong with a declaration, in pm2's words.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeclarationError {
    /// A value has a type that the attribute does not take.
    #[error("Expect \"{name}\" to be a typeof {expected}, but now is {found}")]
    Type {
        /// The attribute.
        name: String,
        /// The types it takes.
        expected: String,
        /// The type it has.
        found: &'static str,
    },
    /// A text does not have the form that the attribute asks for.
    #[error("Verify \"{name}\" with regex failed, {expected}")]
    Form {
        /// The attribute.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A text is none of those that the attribute takes.
    #[error("Verify \"{name}\" with regex failed, it should be {}, but now is \"{found}\"{}", listed(known), meant(*nearest))]
    Choice {
        /// The attribute.
        name: &'static str,
        /// The texts it takes.
        known: &'static [&'static str],
        /// The text it has.
        found: String,
        /// The known one that it resembles.
        nearest: Option<&'static str>,
    },
    /// A number is too small.
    #[error("The minimum of \"{name}\" is {least}, but now is {found}")]
    Minimum {
        /// The attribute.
        name: &'static str,
        /// The smallest number it takes.
        least: i64,
        /// The number it has.
        found: String,
    },
    /// A cron pattern makes no sense.
    #[error("Cron pattern error: {0}")]
    Cron(String),
}

/// `"a", "b" or "c"`.
fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    match quoted.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => quoted.concat(),
    }
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| {
        format!(", did you mean \"{nearest}\"?")
    })
}

/// Everything that is wrong with one declared app, joined with `,` as pm2 joins it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclarationErrors(pub Vec<DeclarationError>);

impl fmt::Display for DeclarationErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str(",")?;
            }
            error.fmt(formatter)?;
        }
        Ok(())
    }
}

impl std::error::Error for DeclarationErrors {}

/// What the author of a declaration should know although the app can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// An attribute nobody knows; it is dropped.
    Unknown {
        /// Its name.
        attribute: String,
        /// The known name it resembles.
        nearest: Option<String>,
    },
    /// An attribute that is not read where it was given.
    NotRead {
        /// Its name.
        attribute: String,
        /// The name that is read there.
        instead: String,
    },
    /// Something of how files are watched does nothing.
    Watching(String),
    /// `--env` names an environment that the app does not declare.
    NoEnvironment(String),
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown {
                attribute,
                nearest: Some(nearest),
            } => {
                write!(
                    formatter,
                    "Unknown attribute \"{attribute}\" is ignored, did you mean \"{nearest}\"?"
                )
            }
            Self::Unknown {
                attribute,
                nearest: None,
            } => {
                write!(formatter, "Unknown attribute \"{attribute}\" is ignored")
            }
            Self::NotRead { attribute, instead } => {
                write!(
                    formatter,
                    "Option \"{attribute}\" is ignored here, use \"{instead}\""
                )
            }
            Self::Watching(what) => formatter.write_str(what),
            Self::NoEnvironment(name) => {
                write!(
                    formatter,
                    "Environment [{name}] is not defined in process file"
                )
            }
        }
    }
}
