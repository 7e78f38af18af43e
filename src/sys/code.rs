//! The pages of our own program that are in memory for us.

/// Lets go of the program's code that is mapped: what is used next is mapped again, from the file or what the system has
/// kept of it. A program that waits for years needs little of what it needed to start.
#[cfg(target_os = "linux")]
pub fn release() {
    let Ok(path) = std::fs::read_link("/proc/self/exe") else {
        return;
    };
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else {
        return;
    };
    for (begin, length) in maps.lines().filter_map(|line| code(line, path.to_str()?)) {
        // SAFETY: the range is mapped from the file of our program, executable and not writable, so it holds nothing but
        // what is in that file: a page that is let go of comes back from there, the one that runs this included.
        unsafe {
            let begin = std::ptr::with_exposed_provenance_mut(begin);
            nix::libc::madvise(begin, length, nix::libc::MADV_DONTNEED);
        }
    }
}

/// Lets go of the program's code that is mapped: not here.
#[cfg(not(target_os = "linux"))]
pub fn release() {}

/// Begin and length of the mapping that a line of `/proc/self/maps` is about, if it is code of the file `path`.
#[cfg(target_os = "linux")]
fn code(line: &str, path: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (begin, end) = fields.next()?.split_once('-')?;
    let is_code = fields.next()? == "r-xp";
    let is_ours = fields.nth(3)? == path;
    let begin = usize::from_str_radix(begin, 16).ok()?;
    let end = usize::from_str_radix(end, 16).ok()?;
    (is_code && is_ours).then_some((begin, end.checked_sub(begin)?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_that_file_is_let_go_of_and_all_goes_on() {
        let line = "1000-3000 r-xp 00001000 08:01 77   /usr/bin/a";
        assert_eq!(code(line, "/usr/bin/a"), Some((0x1000, 0x2000)));
        assert_eq!(code(line, "/usr/bin/b"), None);
        for other in [
            "1000-3000 r--p 00001000 08:01 77   /usr/bin/a",
            "1000-3000 rw-p 00001000 08:01 77   /usr/bin/a",
            "1000-3000 rwxp 00001000 08:01 77   /usr/bin/a",
            "1000-3000 r-xp 00000000 00:00 0",
            "x-3000 r-xp 00001000 08:01 77   /usr/bin/a",
            "",
        ] {
            assert_eq!(code(other, "/usr/bin/a"), None, "{other}");
        }
        release();
        assert_eq!(code(line, "/usr/bin/a"), Some((0x1000, 0x2000)));
    }
}
