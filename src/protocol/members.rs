//! Looking into a JSON object without parsing its members: bodies cross the daemon as they are.
//!
//! The scanner relies on valid JSON (what it is given has been checked by `serde_json`); on anything else it may stop
//! early, but never reads outside the text. It does not decode strings, so lone surrogates, deep nesting and large
//! numbers pass untouched. Of repeated keys the last one counts, as in `JSON.parse`.

use memchr::memchr2;

/// The raw text of the values of `keys` in the object `json`: `None` for each that is missing. Keys written with
/// escapes are not recognised. Anything but an object has no members.
pub fn pick<'a, const N: usize>(json: &'a [u8], keys: [&str; N]) -> [Option<&'a [u8]>; N] {
    let mut found = [None; N];
    let mut rest = trim(json);
    let Some(inside) = rest.strip_prefix(b"{") else {
        return found;
    };
    rest = trim(inside);
    while let Some((key, after)) = take_string(rest) {
        let Some(value) = trim(after).strip_prefix(b":").map(trim) else {
            break;
        };
        let (value, after) = take_value(value);
        if let Some(index) = keys.iter().position(|wanted| wanted.as_bytes() == key) {
            found[index] = Some(value);
        }
        let Some(next) = trim(after).strip_prefix(b",") else {
            break;
        };
        rest = trim(next);
    }
    found
}

/// Whether JavaScript takes the value for true. A missing value is not.
pub fn is_truthy(value: Option<&[u8]>) -> bool {
    match value {
        None | Some(b"" | b"null" | b"false" | b"\"\"") => false,
        Some(text) if text[0].is_ascii_digit() || text[0] == b'-' => {
            std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.parse::<f64>().ok())
                != Some(0.0)
        }
        Some(_) => true,
    }
}

/// The text of a JSON string, decoded. `None` for anything else, and for strings that are not Unicode.
pub fn string(value: Option<&[u8]>) -> Option<String> {
    let text = value?;
    (text.first() == Some(&b'"')).then(|| serde_json::from_slice(text).ok())?
}

/// Appends a member to the text of an object; it replaces an earlier one of the same key for every reader. `None` if
/// `object` is not one.
pub fn with_member(object: &str, key: &str, value: &str) -> Option<String> {
    let open = object.trim().strip_suffix('}')?.trim_end();
    let separator = if open.strip_prefix('{')?.trim().is_empty() {
        ""
    } else {
        ","
    };
    Some(format!("{open}{separator}\"{key}\":{value}}}"))
}

fn trim(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

/// Splits a leading string off: its text between the quotes, and what follows.
fn take_string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let body = text.strip_prefix(b"\"")?;
    let mut end = 0;
    loop {
        end += memchr2(b'"', b'\\', body.get(end..)?)?;
        if body[end] == b'"' {
            return Some((&body[..end], &body[end + 1..]));
        }
        end += 2;
    }
}

/// Splits a leading value off: its text, and what follows.
fn take_value(text: &[u8]) -> (&[u8], &[u8]) {
    match text.first() {
        Some(b'"') => match take_string(text) {
            Some((_, after)) => text.split_at(text.len() - after.len()),
            None => (text, b""),
        },
        Some(b'{' | b'[') => text.split_at(nested_length(text)),
        _ => {
            let end = text
                .iter()
                .position(|byte| matches!(byte, b',' | b'}' | b']'))
                .unwrap_or(text.len());
            (text[..end].trim_ascii_end(), &text[end..])
        }
    }
}

/// Length of the object or array at the front of `text`.
fn nested_length(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            b'"' => match take_string(&text[at..]) {
                Some((inside, _)) => at += inside.len() + 1,
                None => break,
            },
            _ => {}
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Option<&[u8]>) -> Option<&str> {
        value.map(|bytes| std::str::from_utf8(bytes).unwrap())
    }

    #[test]
    fn members_are_found_verbatim() {
        let json = br#" { "a" : "x\"}\\" , "type":{"k":[1,"]}",{}]}, "n":-12345678901234567890.50 ,"\ud800":"\udfff","data":null} "#;
        let [a, kind, n, data, missing] = pick(json, ["a", "type", "n", "data", "missing"]);
        assert_eq!(text(a), Some(r#""x\"}\\""#));
        assert_eq!(text(kind), Some(r#"{"k":[1,"]}",{}]}"#));
        assert_eq!(text(n), Some("-12345678901234567890.50"));
        assert_eq!(text(data), Some("null"));
        assert_eq!(text(missing), None);
    }

    #[test]
    fn the_last_of_repeated_keys_counts_and_nested_ones_do_not() {
        let [id] = pick(br#"{"id":1,"in":{"id":2},"id":3}"#, ["id"]);
        assert_eq!(text(id), Some("3"));
    }

    #[test]
    fn other_values_and_broken_text_have_no_members() {
        for json in [
            "[]",
            "1",
            "\"{\"",
            "{}",
            "{",
            "{\"",
            "{\"a",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":\"",
            "{\"b\":[",
            "{\"b\":\"\\",
        ] {
            let [a] = pick(json.as_bytes(), ["zz"]);
            assert_eq!(a, None, "{json}");
        }
    }

    #[test]
    fn a_million_levels_are_no_problem() {
        let json = format!(
            "{{\"a\":{}{},\"b\":1}}",
            "[".repeat(1_000_000),
            "]".repeat(1_000_000)
        );
        let [b] = pick(json.as_bytes(), ["b"]);
        assert_eq!(text(b), Some("1"));
    }

    #[test]
    fn truth_is_javascripts() {
        for falsy in ["null", "false", "0", "-0", "0.0", "0e5", "\"\""] {
            assert!(!is_truthy(Some(falsy.as_bytes())), "{falsy}");
        }
        for truthy in ["true", "1", "-1", "\"0\"", "{}", "[]", "1e-3"] {
            assert!(is_truthy(Some(truthy.as_bytes())), "{truthy}");
        }
        assert!(!is_truthy(None));
    }

    #[test]
    fn a_member_is_appended() {
        assert_eq!(
            with_member("{\"a\":1}", "id", "0").as_deref(),
            Some("{\"a\":1,\"id\":0}")
        );
        assert_eq!(
            with_member(" { } ", "id", "0").as_deref(),
            Some("{\"id\":0}")
        );
        assert_eq!(with_member("[1]", "id", "0"), None);
    }
}
