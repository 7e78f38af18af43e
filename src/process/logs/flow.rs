//! Where a stream is: inside a line or at its beginning, inside a character or not. As one number it outlives us.

use super::chunk::Utf8Carry;

/// What the next piece of a stream's output goes on from.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Flow {
    /// The bytes of a character that is not complete yet.
    pub(super) carry: Utf8Carry,
    /// Whether the last piece ended inside a line.
    pub(super) begun: bool,
}

impl Flow {
    /// All of it in one number; zero at the beginning of a stream.
    pub(super) fn to_number(&self) -> u64 {
        let carried = self.carry.bytes();
        let mut bytes = [u8::from(self.begun), 0, 0, 0, 0, 0, 0, 0];
        for (place, byte) in (2..5).zip(carried) {
            bytes[place] = *byte;
            bytes[1] += 1;
        }
        u64::from_le_bytes(bytes)
    }

    /// The flow again; what makes no sense is the beginning of a stream.
    pub(super) fn from_number(number: u64) -> Self {
        let bytes = number.to_le_bytes();
        let carried = bytes[2..5].get(..usize::from(bytes[1])).unwrap_or_default();
        Self {
            carry: Utf8Carry::of(carried),
            begun: bytes[0] == 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_after_a_way_through_a_number() {
        for output in [&b""[..], b"line", b"caf\xc3", b"\xf0\x9f\x98", b"\n\xe2"] {
            let mut flow = Flow::default();
            flow.carry.text(output);
            flow.begun = !output.ends_with(b"\n");
            assert_eq!(Flow::from_number(flow.to_number()), flow);
        }
        assert_eq!(Flow::default().to_number(), 0);
        assert_eq!(Flow::from_number(0xffff).carry, Utf8Carry::default());
    }
}
