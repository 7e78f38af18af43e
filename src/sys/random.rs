//! Random bytes.

use nix::libc;

/// Fills the bytes with random ones; `false` if the system has none to give (yet).
pub fn fill(bytes: &mut [u8; 16]) -> bool {
    let length = bytes.len();
    #[cfg(target_os = "linux")]
    // SAFETY: the kernel writes at most `length` bytes, which is what there is room for.
    let filled = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), length, libc::GRND_NONBLOCK) };
    #[cfg(target_os = "linux")]
    return usize::try_from(filled) == Ok(length);
    #[cfg(not(target_os = "linux"))]
    // SAFETY: the system writes `length` bytes, which is what there is room for.
    return unsafe { libc::getentropy(bytes.as_mut_ptr().cast(), length) } == 0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_differ() {
        let (mut one, mut other) = ([0; 16], [0; 16]);
        assert!(fill(&mut one) && fill(&mut other));
        assert_ne!(one, other);
    }
}
