//! Files without a name: bytes that are handed over as a descriptor.

use std::{
    fs::File,
    io::{self, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::FileExt,
    },
};

use super::memory::anonymous_file;

/// A file in memory that holds `bytes`, close-on-exec.
pub fn create(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file = anonymous_file("rpm2")?;
    file.write_all(bytes)?;
    Ok(file.into())
}

/// Reads a whole file from its beginning, wherever its offset is. More than `limit` bytes are an error.
pub fn read(file: impl AsFd, limit: usize) -> io::Result<Vec<u8>> {
    let file = File::from(file.as_fd().try_clone_to_owned()?);
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if length > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_up_to_the_limit() {
        let file = create(b"state").unwrap();
        assert_eq!(read(&file, 5).unwrap(), b"state");
        assert_eq!(read(&file, 5).unwrap(), b"state");
        assert!(read(&file, 4).is_err());
    }

    #[test]
    fn what_is_no_file_is_an_error_and_does_not_block() {
        let (read_end, _write_end) = super::super::descriptor::pipe().unwrap();
        assert_eq!(read(&read_end, 10).unwrap_or_default(), b"");
    }
}
