//! Making text of output that arrives in pieces: a character cut by the end of a piece waits for the next one.

/// The bytes of a character that is not complete yet.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Utf8Carry {
    bytes: Vec<u8>,
}

impl Utf8Carry {
    /// Goes on from these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let bytes = bytes.to_vec();
        Self { bytes }
    }

    /// What waits for the rest of its character; at most three bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text of `bytes` after what was carried over; invalid bytes become U+FFFD.
    pub(crate) fn text(&mut self, bytes: &[u8]) -> String {
        self.bytes.extend_from_slice(bytes);
        let complete = self.bytes.len() - unfinished(&self.bytes);
        let text = String::from_utf8_lossy(&self.bytes[..complete]).into_owned();
        self.bytes.drain(..complete);
        text
    }

    /// What is left at the end of the stream.
    pub(crate) fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.bytes)).into_owned()
    }
}

/// Length of an incomplete but so far valid character at the end.
fn unfinished(bytes: &[u8]) -> usize {
    (1..=bytes.len().min(3))
        .find(|back| bytes[bytes.len() - back] >= 0xc0)
        .filter(|back| {
            let wanted = match bytes[bytes.len() - back] {
                0xc2..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf4 => 4,
                _ => 0,
            };
            *back < wanted
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_may_arrive_in_pieces_at_any_place() {
        let text = "aé€😀z";
        for cut in 0..=text.len() {
            for second in cut..=text.len() {
                let mut carry = Utf8Carry::default();
                let bytes = text.as_bytes();
                let parts = [&bytes[..cut], &bytes[cut..second], &bytes[second..]];
                let joined: String = parts.iter().map(|part| carry.text(part)).collect();
                assert_eq!(joined + &carry.finish(), text);
            }
        }
    }

    #[test]
    fn binary_output_does_not_stall() {
        let mut carry = Utf8Carry::default();
        assert_eq!(carry.text(b"\xff\xfe\x80a"), "\u{fffd}\u{fffd}\u{fffd}a");
        assert_eq!(carry.text(b"\xe2\x82"), "");
        assert_eq!(carry.finish(), "\u{fffd}");
    }
}
