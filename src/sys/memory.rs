//! Files without a name: memory that is known by its descriptor, and lives as long as anybody holds one.

use std::{fs::File, io};

/// A new empty file in memory, close-on-exec. The name only shows in `/proc`.
#[cfg(target_os = "linux")]
pub fn anonymous_file(name: &str) -> io::Result<File> {
    use nix::sys::memfd::{MFdFlags, memfd_create};
    Ok(memfd_create(name, MFdFlags::MFD_CLOEXEC)?.into())
}

/// A new empty file, close-on-exec, whose name is gone already: the nearest thing to memory without `memfd_create`.
#[cfg(not(target_os = "linux"))]
pub fn anonymous_file(name: &str) -> io::Result<File> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("rpm2-{name}-{}-{count}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}
