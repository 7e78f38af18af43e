//! The members of a JSON object in a text that is known to be one, written without blanks: found without parsing them.

/// Each member of `"name":value,"name":value`: its name, with its quotes, and its value, both as they stand. Ends early
/// where the text is none.
pub(super) fn members(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut place = 0;
    std::iter::from_fn(move || {
        let bytes = text.as_bytes();
        let colon = end_of(bytes, place)?;
        let end = end_of(bytes, colon + 1)?;
        let member = (text.get(place..colon)?, text.get(colon + 1..end)?);
        place = end + 1;
        Some(member)
    })
}

/// Where the value that begins at `place` ends.
fn end_of(bytes: &[u8], place: usize) -> Option<usize> {
    match bytes.get(place)? {
        b'"' => end_of_string(bytes, place),
        b'{' | b'[' => end_of_container(bytes, place),
        _ => {
            let rest = bytes.get(place..)?;
            let length = rest
                .iter()
                .take_while(|byte| !matches!(byte, b',' | b'}' | b']'))
                .count();
            Some(place + length)
        }
    }
}

fn end_of_container(bytes: &[u8], place: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut place = place;
    loop {
        match bytes.get(place)? {
            b'"' => {
                place = end_of_string(bytes, place)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        place += 1;
        if depth == 0 {
            return Some(place);
        }
    }
}

fn end_of_string(bytes: &[u8], place: usize) -> Option<usize> {
    let mut place = place + 1;
    loop {
        place += memchr::memchr2(b'"', b'\\', bytes.get(place..)?)?;
        if bytes[place] == b'"' {
            return Some(place + 1);
        }
        place += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_whatever_is_in_them() {
        let text = r#""a":1,"b\"\\":"x\\\",y","c":{"d":[1,{"e":"}"}],"f":null},"g":[],"h":true,"i":-1.5e9"#;
        let found: Vec<_> = members(text).collect();
        let expected = [
            (r#""a""#, "1"),
            (r#""b\"\\""#, r#""x\\\",y""#),
            (r#""c""#, r#"{"d":[1,{"e":"}"}],"f":null}"#),
            (r#""g""#, "[]"),
            (r#""h""#, "true"),
            (r#""i""#, "-1.5e9"),
        ];
        assert_eq!(found, expected);
        assert_eq!(members("").count(), 0);
    }

    #[test]
    fn what_is_none_ends_it() {
        for text in [
            "\"a",
            "\"a\\",
            "\"a\":",
            "\"a\":{",
            "\"a\":\"b",
            "\"a\":[}",
            "]",
            "\"\u{e9}",
        ] {
            assert!(members(text).count() <= 1, "{text}");
        }
    }
}
