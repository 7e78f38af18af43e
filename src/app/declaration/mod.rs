//! A declaration: attributes under their canonical names, each of the right type.

mod check;
mod error;
mod options;
mod watching;

pub use error::{DeclarationError, DeclarationErrors, Warning};
pub use options::{Overrides, options};

use serde_json::{Map, Value};

use super::{
    nearest::nearest,
    schema::{ATTRIBUTES, Attribute, Form},
    value::is_falsy,
};

/// Checked attributes under their canonical names, `env_<name>` among them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Declaration {
    attributes: Map<String, Value>,
}

impl Declaration {
    /// The attributes.
    pub fn attributes(&self) -> &Map<String, Value> {
        &self.attributes
    }

    /// The value of an attribute, if it is given.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.attributes.get(name)
    }

    /// The text of an attribute that is given and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }
}

/// A declaration and what its author should be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalised {
    /// The checked attributes.
    pub declaration: Declaration,
    /// Attributes that were not understood.
    pub warnings: Vec<Warning>,
}

/// Checks one declared app and brings it into canonical form: aliases and camelCase resolved, numbers in text and
/// units read. Absent are `null` and, as in pm2, falsy values (`0`, `false`, empty text) of attributes whose name has
/// an `_`.
pub fn normalise(raw: &Map<String, Value>) -> Result<Normalised, DeclarationErrors> {
    let mut attributes = Map::new();
    let mut errors = Vec::new();
    for attribute in ATTRIBUTES {
        let Some(value) = given(raw, attribute) else {
            continue;
        };
        match check::attribute(attribute, value) {
            Ok(value) => {
                attributes.insert(attribute.name.to_owned(), value);
            }
            // pm2 looks at the pattern before anything else, and says nothing about the rest then.
            Err(error @ DeclarationError::Cron(_)) => return Err(DeclarationErrors(vec![error])),
            Err(error) => errors.push(error),
        }
    }
    for (name, value) in raw
        .iter()
        .filter(|(name, value)| is_environment(name) && !value.is_null())
    {
        match check::environment(name, value) {
            Ok(()) => {
                attributes.insert(name.clone(), value.clone());
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        let mut warnings = warnings(raw);
        warnings.extend(watching::warnings(&attributes));
        Ok(Normalised {
            declaration: Declaration { attributes },
            warnings,
        })
    } else {
        Err(DeclarationErrors(errors))
    }
}

/// The value that `raw` gives an attribute, under whichever name.
fn given<'a>(raw: &'a Map<String, Value>, attribute: &Attribute) -> Option<&'a Value> {
    let camel = attribute.camel_case();
    let names = [attribute.name, &camel]
        .into_iter()
        .chain(attribute.aliases.iter().copied());
    names
        .filter_map(|name| raw.get(name).map(|value| (name, value)))
        .find(|(name, value)| !is_absent(attribute, name, value))
        .map(|(_, value)| value)
}

fn is_absent(attribute: &Attribute, name: &str, value: &Value) -> bool {
    if value.is_null() {
        return true;
    }
    // The one attribute with an `_` where `false` differs from nothing: its default can be true.
    if attribute.name == "merge_logs" && matches!(value, Value::Bool(false)) {
        return false;
    }
    let lenient = name.contains('_') || name == "name" || attribute.aliases.contains(&name);
    let empty_text = value.as_str() == Some("");
    // Empty text is a number for JavaScript, and here no number at all; of `instances` it means one per core.
    let empty_number = empty_text
        && attribute.kinds.contains(&super::schema::Kind::Number)
        && attribute.form != Form::Count;
    let empty_path = empty_text && matches!(name, "script" | "cwd" | "namespace" | "env");
    (lenient && is_falsy(value)) || empty_number || empty_path || (name == "env" && is_falsy(value))
}

fn is_environment(name: &str) -> bool {
    name.strip_prefix("env_")
        .is_some_and(|rest| !rest.is_empty())
}

/// Keys that declarations carry without their being attributes: what surrounds an app in a file, and what callers
/// say about the call.
const NOT_ATTRIBUTES: [&str; 5] = ["updateEnv", "update_env", "only", "deploy", "static"];

fn warnings(raw: &Map<String, Value>) -> Vec<Warning> {
    let known: Vec<String> = ATTRIBUTES
        .iter()
        .flat_map(|attribute| {
            let aliases = attribute.aliases.iter().map(|alias| (*alias).to_owned());
            [attribute.name.to_owned(), attribute.camel_case()]
                .into_iter()
                .chain(aliases)
        })
        .collect();
    raw.keys()
        .filter(|name| !is_environment(name) && !known.contains(name))
        .filter(|name| !NOT_ATTRIBUTES.contains(&name.as_str()))
        .map(|name| Warning::Unknown {
            attribute: name.clone(),
            nearest: nearest(name, known.iter().map(String::as_str)).map(str::to_owned),
        })
        .collect()
}

#[cfg(test)]
mod tests;
