//! Numbers and byte strings in a row, as messages and the saved state are made of. Little-endian.

use std::ffi::CString;

use super::WireError;

/// Puts values in a row.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes.push(value);
        self
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes.extend(value.to_le_bytes());
        self
    }

    pub(crate) fn i32(&mut self, value: i32) -> &mut Self {
        self.bytes.extend(value.to_le_bytes());
        self
    }

    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes.extend(value.to_le_bytes());
        self
    }

    pub(crate) fn i64(&mut self, value: i64) -> &mut Self {
        self.bytes.extend(value.to_le_bytes());
        self
    }

    /// A count of things; more than fit are no valid message anyway and are refused by the reader.
    pub(crate) fn count(&mut self, count: usize) -> &mut Self {
        self.u32(u32::try_from(count).unwrap_or(u32::MAX))
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.count(bytes.len());
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub(crate) fn strings(&mut self, strings: &[CString]) -> &mut Self {
        self.count(strings.len());
        for string in strings {
            self.bytes(string.as_bytes());
        }
        self
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Takes values from a row. Whatever is behind the last one that is asked for may be of a newer version and is left.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(WireError::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        self.take(N)?.try_into().map_err(|_| WireError::Short)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, WireError> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, WireError> {
        self.array().map(i32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, WireError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, WireError> {
        self.array().map(i64::from_le_bytes)
    }

    /// A count of things of at least `size` bytes each, all of which must still be there.
    pub(crate) fn count(&mut self, size: usize) -> Result<usize, WireError> {
        let count = usize::try_from(self.u32()?).map_err(|_| WireError::Short)?;
        match count.checked_mul(size) {
            Some(bytes) if bytes <= self.rest.len() => Ok(count),
            _ => Err(WireError::Short),
        }
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let count = self.count(1)?;
        self.take(count)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| WireError::Text)
    }

    /// A name of something kept or started.
    pub(crate) fn name(&mut self) -> Result<Box<str>, WireError> {
        let name = self.text()?;
        if name.is_empty() || name.len() > super::NAME_LIMIT {
            return Err(WireError::Name);
        }
        Ok(name.into())
    }

    pub(crate) fn string(&mut self) -> Result<CString, WireError> {
        CString::new(self.bytes()?).map_err(|_| WireError::Text)
    }

    pub(crate) fn strings(&mut self) -> Result<Vec<CString>, WireError> {
        let count = self.count(4)?;
        (0..count).map(|_| self.string()).collect()
    }
}
