//! A child that needs no copy of us. `fork` copies the tables of our memory and of our descriptors, and `exec` throws
//! both away: with the descriptors of 1,000 apps that takes longer than all the rest of a start.

use std::{ffi::c_void, io, os::fd::RawFd};

use nix::libc::{self, c_int};

/// Bytes of the child's stack: system calls, and a signal handler at worst. Small enough to stay the allocator's.
#[cfg(target_os = "linux")]
const STACK: usize = 24 * 1024;

/// Runs `child(argument)` in a new process that shares memory and descriptors with this one; returns its process id
/// when it has executed a program or ended, which is when this thread goes on.
///
/// # Safety
/// `child` does not return, calls only async-signal-safe functions, changes no memory that this process relies on, and
/// calls [`own_descriptors`] before it changes any descriptor.
#[cfg(target_os = "linux")]
pub(super) unsafe fn sharing(
    child: extern "C" fn(*mut c_void) -> c_int,
    argument: *mut c_void,
) -> io::Result<i32> {
    let mut stack: Vec<u128> = Vec::with_capacity(STACK / size_of::<u128>());
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_FILES | libc::SIGCHLD;
    // SAFETY: the stack grows downwards from its end, which is aligned as every ABI asks, and lives until the child
    // needs it no more; the rest is the caller's promise.
    let pid = unsafe {
        let top = stack.as_mut_ptr().add(stack.capacity());
        libc::clone(child, top.cast(), flags, argument)
    };
    if pid == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(pid)
}

/// Only Linux has it.
#[cfg(not(target_os = "linux"))]
pub(super) unsafe fn sharing(
    _child: extern "C" fn(*mut c_void) -> c_int,
    _argument: *mut c_void,
) -> io::Result<i32> {
    Err(io::ErrorKind::Unsupported.into())
}

/// In a child of [`sharing`]: a table of descriptors of its own, without those from number `end` on. Whether it could
/// be had; async-signal-safe.
#[cfg(target_os = "linux")]
pub(super) fn own_descriptors(end: RawFd) -> bool {
    // SAFETY: both calls take numbers and change nothing but this process's table.
    unsafe {
        libc::syscall(
            libc::SYS_close_range,
            end,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_UNSHARE,
        ) == 0
            // Linux before 5.9.
            || libc::unshare(libc::CLONE_FILES) == 0
    }
}

/// Elsewhere a child has its own from the beginning.
#[cfg(not(target_os = "linux"))]
pub(super) fn own_descriptors(_end: RawFd) -> bool {
    true
}
