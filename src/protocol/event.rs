//! Bus events on pub.sock: a topic and a payload; patterns with `*`.

use bytes::{Bytes, BytesMut};

use super::{
    frame::{FrameError, encode},
    message::{MessageError, Pair, json, text},
};

/// Appends the frame of an event; `payload` is JSON text, given in pieces.
pub fn encode_event(
    topic: &str,
    payload: &[&[u8]],
    target: &mut BytesMut,
) -> Result<(), FrameError> {
    let mut body: Vec<&[u8]> = Vec::with_capacity(payload.len() + 1);
    body.push(b"j:");
    body.extend_from_slice(payload);
    encode(&[&[b"s:", topic.as_bytes()], &body], target)
}

/// The topic and the JSON text of an event.
pub fn open_event(pair: &Pair) -> Result<(&str, Bytes), MessageError> {
    Ok((text(&pair.first)?, json(&pair.last)?))
}

/// Whether `topic` matches `pattern`, and the text that each `*` stands for. A `*` matches one or more characters,
/// the earlier one as many as it can.
pub fn captures<'t>(pattern: &str, topic: &'t str) -> Option<Vec<&'t str>> {
    let mut found = Vec::new();
    match_from(pattern, topic, &mut found).then_some(found)
}

fn match_from<'t>(pattern: &str, topic: &'t str, found: &mut Vec<&'t str>) -> bool {
    let Some((literal, rest)) = pattern.split_once('*') else {
        return pattern == topic;
    };
    let Some(topic) = topic.strip_prefix(literal) else {
        return false;
    };
    // Longest first: what a greedy `(.+)` would capture.
    let ends = topic
        .char_indices()
        .map(|(index, c)| index + c.len_utf8())
        .collect::<Vec<_>>();
    for end in ends.into_iter().rev() {
        found.push(&topic[..end]);
        if match_from(rest, &topic[end..], found) {
            return true;
        }
        found.pop();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_capture_what_each_star_stands_for() {
        let table: &[(&str, &str, Option<&[&str]>)] = &[
            ("log:*", "log:out", Some(&["out"])),
            ("*", "process:msg", Some(&["process:msg"])),
            ("*:*", "a:b:c", Some(&["a:b", "c"])),
            ("log:*", "log:", None),
            ("log:*", "xlog:out", None),
            ("process:msg", "process:msg", Some(&[])),
            ("process:msg", "process:msgs", None),
            ("a.c", "abc", None),
            ("*é", "caféé", Some(&["café"])),
        ];
        for (pattern, topic, expected) in table {
            assert_eq!(
                captures(pattern, topic).as_deref(),
                *expected,
                "{pattern} {topic}"
            );
        }
    }
}
