//! One attribute's value: right type, right form, and what it becomes.

use serde_json::{Number, Value};

use super::DeclarationError;
use crate::app::{
    cron,
    nearest::nearest,
    schema::{Attribute, Form, Kind},
    text::split_arguments,
    value::{leading_integer, number_in, type_name},
};

/// The checked value of an attribute.
pub(super) fn attribute(attribute: &Attribute, value: &Value) -> Result<Value, DeclarationError> {
    let value = read_number(attribute, value);
    if attribute.form == Form::Cron {
        check_cron(&value)?;
    }
    let kind = kind_of(&value).filter(|kind| attribute.kinds.contains(kind));
    // pm2 accepts text here and then fails on it.
    if kind.is_none() || (attribute.name == "env" && kind == Some(Kind::Text)) {
        return Err(wrong_type(attribute.name, attribute.kinds, &value));
    }
    let value = formed(attribute, value)?;
    check_least(attribute, &value)?;
    Ok(value)
}

/// Checks an `env_<name>`.
pub(super) fn environment(name: &str, value: &Value) -> Result<(), DeclarationError> {
    match value {
        Value::Object(_) | Value::String(_) => Ok(()),
        _ => Err(wrong_type(name, &[Kind::Map, Kind::Text], value)),
    }
}

fn wrong_type(name: &str, kinds: &[Kind], value: &Value) -> DeclarationError {
    let expected: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    DeclarationError::Type {
        name: name.to_owned(),
        expected: expected.join(" / "),
        found: type_name(value),
    }
}

fn kind_of(value: &Value) -> Option<Kind> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some(Kind::Boolean),
        Value::Number(_) => Some(Kind::Number),
        Value::String(_) => Some(Kind::Text),
        Value::Array(_) => Some(Kind::List),
        Value::Object(_) => Some(Kind::Map),
    }
}

/// `value` with a number in text read, where a number may stand.
fn read_number(attribute: &Attribute, value: &Value) -> Value {
    match value {
        Value::String(text) if attribute.form == Form::Count => {
            leading_integer(text).unwrap_or(0).into()
        }
        // Only 0, which switches it off, is a number here; any other text is a pattern.
        Value::String(text) if attribute.form == Form::Cron && text.trim() != "0" => value.clone(),
        Value::String(text) if attribute.kinds.contains(&Kind::Number) => {
            number_in(text).map_or_else(|| value.clone(), Value::Number)
        }
        _ => value.clone(),
    }
}

fn check_cron(value: &Value) -> Result<(), DeclarationError> {
    match value {
        Value::String(pattern) => cron::check(pattern).map_err(DeclarationError::Cron),
        Value::Number(number) if number.as_i64() == Some(0) => Ok(()),
        _ => Err(DeclarationError::Cron(
            "CronPattern: Pattern has to be of type string.".to_owned(),
        )),
    }
}

fn formed(attribute: &Attribute, value: Value) -> Result<Value, DeclarationError> {
    let wrong = |expected| DeclarationError::Form {
        name: attribute.name,
        expected,
    };
    match (attribute.form, &value) {
        (Form::Mode, Value::String(mode)) => match mode.trim_end_matches("_mode") {
            kind @ ("fork" | "cluster") => Ok(format!("{kind}_mode").into()),
            _ => Err(wrong(
                "it should be \"cluster\"(\"cluster_mode\") or \"fork\"(\"fork_mode\") only",
            )),
        },
        (Form::Duration, Value::String(text)) => {
            let units = [("h", 3_600_000), ("m", 60_000), ("s", 1000)];
            in_units(text, &units).map(Value::Number).ok_or_else(|| {
                wrong("it should be a NUMBER - milliseconds, \"[NUMBER]h\"(hours), \"[NUMBER]m\"(minutes) or \"[NUMBER]s\"(seconds)")
            })
        }
        (Form::Size, Value::String(text)) => {
            let units = [("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)];
            in_units(text, &units).map(Value::Number).ok_or_else(|| {
                wrong("it should be a NUMBER - byte, \"[NUMBER]G\"(Gigabyte), \"[NUMBER]M\"(Megabyte) or \"[NUMBER]K\"(Kilobyte)")
            })
        }
        (Form::OneOf(known), Value::String(text)) if !known.contains(&text.as_str()) => {
            Err(DeclarationError::Choice {
                name: attribute.name,
                known,
                found: text.clone(),
                nearest: nearest(text, known.iter().copied()),
            })
        }
        (Form::Words, Value::String(text)) => Ok(split_arguments(text).into()),
        _ => Ok(value),
    }
}

/// A whole number with one of `units` behind it.
fn in_units(text: &str, units: &[(&str, u64)]) -> Option<Number> {
    let (digits, factor) = units
        .iter()
        .find_map(|(unit, factor)| text.strip_suffix(unit).map(|digits| (digits, *factor)))?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits
        .parse::<u64>()
        .ok()?
        .checked_mul(factor)
        .map(Number::from)
}

fn check_least(attribute: &Attribute, value: &Value) -> Result<(), DeclarationError> {
    let (Some(least), Value::Number(number)) = (attribute.least, value) else {
        return Ok(());
    };
    #[expect(clippy::cast_precision_loss, reason = "the table's limits are small")]
    if number.as_f64().is_some_and(|found| found < least as f64) {
        return Err(DeclarationError::Minimum {
            name: attribute.name,
            least,
            found: number.to_string(),
        });
    }
    Ok(())
}
