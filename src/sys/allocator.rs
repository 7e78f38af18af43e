//! The allocator's dealings with the system.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
use nix::libc;

/// Bytes of one piece that is kept, the most that the allocator allows; what a list of some thousand apps needs.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: libc::c_int = 32 * 1024 * 1024;

/// Makes the allocator give large pieces back to the system as soon as they are freed.
pub fn return_early() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets two numbers of the allocator.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 * 1024);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 64 * 1024);
    }
}

/// Makes the allocator keep what large answers need until [`return_now`] is called, instead of having the system clear
/// new pages for each of them.
pub fn return_late() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets two numbers of the allocator.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, KEPT);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 2 * KEPT);
    }
}

/// Gives everything back to the system that is free now.
pub fn return_now() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the allocator does this under its own locks; what is in use stays.
    unsafe {
        libc::malloc_trim(0);
    }
}
