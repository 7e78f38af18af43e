//! Basic authentication: one user, one password.

/// The value of `Authorization` that lets one in.
pub(super) fn expected(user: &str, password: &str) -> Vec<u8> {
    let encoded = base64(format!("{user}:{password}").as_bytes());
    format!("Basic {encoded}").into_bytes()
}

/// Whether a header's value is the expected one; takes as long for any value of that length.
pub(super) fn is_allowed(expected: &[u8], given: Option<&[u8]>) -> bool {
    let given = given.unwrap_or_default();
    // The name of the scheme may be written in any way, what follows it may not.
    let (scheme, rest) = given.split_at(given.len().min(6));
    let (_, secret) = expected.split_at(6);
    let differences = secret
        .iter()
        .zip(rest)
        .fold(0, |differences, (a, b)| differences | (a ^ b));
    scheme.eq_ignore_ascii_case(b"Basic ") && rest.len() == secret.len() && differences == 0
}

fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let sign = SIGNS[(bits >> (18 - 6 * index) & 63) as usize];
            text.push(if index <= chunk.len() {
                char::from(sign)
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_of_base64() {
        // RFC 4648.
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xff, 0xfb, 0xbf]), "//u/");
    }

    #[test]
    fn only_the_very_secret_lets_one_in() {
        let secret = expected("me", "pass:word");
        let allowed = |value: &str| is_allowed(&secret, Some(value.as_bytes()));
        assert!(allowed("Basic bWU6cGFzczp3b3Jk") && allowed("basic bWU6cGFzczp3b3Jk"));
        for value in [
            "",
            "Basic",
            "Basic ",
            "Basic bWU6cGFzczp3b3J",
            "Basic bWU6cGFzczp3b3Jkk",
            "Basic BWU6cGFzczp3b3Jk",
            "Bearer bWU6cGFzczp3b3Jk",
            "bWU6cGFzczp3b3Jk",
        ] {
            assert!(!allowed(value), "{value}");
        }
        assert!(!is_allowed(&secret, None));
    }
}
