//! JSON values as JavaScript sees them: names of types, truth, numbers in text.

use serde_json::{Number, Value};

/// How pm2's messages name the type of a value, such as `[object Number]`.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "[object Null]",
        Value::Bool(_) => "[object Boolean]",
        Value::Number(_) => "[object Number]",
        Value::String(_) => "[object String]",
        Value::Array(_) => "[object Array]",
        Value::Object(_) => "[object Object]",
    }
}

/// Whether JavaScript takes the value for false.
pub(super) fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// The number that `text` is, as a whole number if it is one.
pub(super) fn number_in(text: &str) -> Option<Number> {
    let text = text.trim();
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    // Rust also reads `inf` and `nan`.
    if !text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    number_from(text.parse().ok()?)
}

/// A number as JSON writes it: without fraction if it has none.
pub(super) fn number_from(float: f64) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if float.fract() == 0.0 && float.abs() <= EXACT {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a whole number within 2^53"
        )]
        return Some((float as i64).into());
    }
    Number::from_f64(float)
}

/// The number at the beginning of a text, as JavaScript's `parseInt` reads it.
pub(super) fn leading_integer(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    let sign = text.len() - digits.len();
    text[..sign + end].trim_start_matches('+').parse().ok()
}

/// A value as an environment variable holds it before the daemon writes it: scalars as they are, the rest as JSON
/// text.
pub(super) fn as_variable(value: &Value) -> Value {
    match value {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => value.clone(),
        Value::Null | Value::Array(_) | Value::Object(_) => Value::String(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_in_text_are_found_and_kept_whole() {
        let found = |text| number_in(text).map(Value::Number);
        assert_eq!(found("5"), Some(json!(5)));
        assert_eq!(found(" 1.5 "), Some(json!(1.5)));
        assert_eq!(found("2.0"), Some(json!(2)));
        assert_eq!(found("1e3"), Some(json!(1000)));
        for text in ["", "x", "5s", "inf", "NaN", "200M"] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn leading_integers_are_read_as_javascript_does() {
        let cases = [
            ("5s", Some(5)),
            ("-2", Some(-2)),
            ("+3", Some(3)),
            ("1.5", Some(1)),
            ("max", None),
            ("", None),
        ];
        for (text, number) in cases {
            assert_eq!(leading_integer(text), number, "{text}");
        }
    }

    #[test]
    fn what_is_not_scalar_becomes_json_text() {
        assert_eq!(as_variable(&json!({"x": [1]})), json!("{\"x\":[1]}"));
        assert_eq!(as_variable(&json!(null)), json!("null"));
        assert_eq!(as_variable(&json!(true)), json!(true));
    }
}
