//! The terminal.

use std::mem::MaybeUninit;

/// Columns of the terminal that standard output is; `None` if it is none or does not know.
pub fn columns() -> Option<usize> {
    let mut size = MaybeUninit::<nix::libc::winsize>::uninit();
    // SAFETY: TIOCGWINSZ writes a `winsize` to the address it is given, which is one, and nothing else.
    let answer = unsafe {
        nix::libc::ioctl(
            nix::libc::STDOUT_FILENO,
            nix::libc::TIOCGWINSZ,
            size.as_mut_ptr(),
        )
    };
    if answer != 0 {
        return None;
    }
    // SAFETY: the call succeeded, so the system has filled it.
    let size = unsafe { size.assume_init() };
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}
