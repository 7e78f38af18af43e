//! What a process uses and who its children are, from `/proc`. Nothing is spawned for it.

use std::{
    fs::{self, File},
    io::Read,
};

/// Use of memory and processor by one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Resident memory in bytes.
    pub memory: u64,
    /// Processor time since its start, in clock ticks (see [`ticks_per_second`]).
    pub ticks: u64,
}

/// Clock ticks in a second.
pub fn ticks_per_second() -> u64 {
    use nix::unistd::{SysconfVar, sysconf};
    sysconf(SysconfVar::CLK_TCK)
        .ok()
        .flatten()
        .and_then(|ticks| u64::try_from(ticks).ok())
        .unwrap_or(100)
}

/// More than any `/proc/<pid>/stat`: a name of at most 64 bytes and 51 numbers.
const STAT_LIMIT: usize = 2048;

/// Reads the use of a process; `None` if it is gone or the system has no `/proc`. In one read: every list does this for
/// every process, and the kernel's work for a file of `/proc` is most of it.
pub fn usage(pid: i32) -> Option<Usage> {
    let mut buffer = [0; STAT_LIMIT];
    let mut file = File::open(format!("/proc/{pid}/stat")).ok()?;
    let length = file.read(&mut buffer).ok()?;
    parse_stat(&buffer[..length], page_size())
}

/// Resident memory of a process in bytes; `None` if it is gone or the system has no `/proc`.
pub fn resident_memory(pid: i32) -> Option<u64> {
    let pages = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let resident: u64 = pages.split_ascii_whitespace().nth(1)?.parse().ok()?;
    resident.checked_mul(page_size())
}

/// When a process was started, in clock ticks since the system was; `None` if it is gone or the system has no `/proc`.
pub fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    fields(&stat).nth(22 - 3)?.parse().ok()
}

/// Whether the first thread of a process does nothing: it waits, or has ended; also if the system has no `/proc`.
pub fn is_asleep(pid: i32) -> bool {
    let stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Who waits for a disk (`D`) goes on with what it was at.
    !matches!(fields(&stat).next(), Some("R" | "D"))
}

fn page_size() -> u64 {
    use nix::unistd::{SysconfVar, sysconf};
    sysconf(SysconfVar::PAGE_SIZE)
        .ok()
        .flatten()
        .and_then(|size| u64::try_from(size).ok())
        .unwrap_or(4096)
}

/// The fields of `/proc/<pid>/stat` follow the name in parentheses, which may itself hold anything.
fn fields(stat: &[u8]) -> impl Iterator<Item = &str> {
    let after = memchr::memrchr(b')', stat).map_or(stat.len(), |end| end + 1);
    // They are numbers, and a letter.
    std::str::from_utf8(&stat[after..])
        .unwrap_or_default()
        .split_ascii_whitespace()
}

fn parse_stat(stat: &[u8], page_size: u64) -> Option<Usage> {
    let mut fields = fields(stat);
    let mut next = |skipped: usize| fields.nth(skipped)?.parse::<u64>().ok();
    let ticks = next(14 - 3)? + next(0)?;
    let memory = next(24 - 16)? * page_size;
    Some(Usage { memory, ticks })
}

/// All descendants of a process, parents before their children.
pub fn descendants(pid: i32) -> Vec<i32> {
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(parent) = found.get(next) {
        for child in children(*parent) {
            // A tree that changes while it is read must not send us in circles.
            if !found.contains(&child) {
                found.push(child);
            }
        }
        next += 1;
    }
    found.remove(0);
    found
}

fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| {
            list.split_ascii_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_full_of_parentheses_does_not_shift_the_fields() {
        let stat = b"7 (a) b\xff) (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 3 22";
        assert_eq!(
            parse_stat(stat, 4096),
            Some(Usage {
                memory: 3 * 4096,
                ticks: 11 + 12
            })
        );
        assert_eq!(parse_stat(b"7 (x) S 1", 4096), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn who_works_is_not_asleep() {
        use std::{
            process::{Command, Stdio},
            time::{Duration, Instant},
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        for (script, asleep) in [("read line", true), ("while :; do :; done", false)] {
            let mut shell = Command::new("sh");
            let shell = shell.args(["-c", script]).stdin(Stdio::piped());
            let mut child = shell.spawn().unwrap();
            let pid = i32::try_from(child.id()).unwrap();
            while is_asleep(pid) != asleep {
                assert!(Instant::now() < deadline, "{script}");
                std::thread::yield_now();
            }
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(is_asleep(pid), "it is gone");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn our_own_use_and_children_are_known() {
        let me = i32::try_from(std::process::id()).unwrap();
        let memory = usage(me).unwrap().memory;
        let resident = resident_memory(me).unwrap();
        assert!(memory > 0 && resident > memory / 2 && resident < memory * 2);
        let mut child = std::process::Command::new("sh")
            .args(["-c", "sleep 60 & wait"])
            .spawn()
            .unwrap();
        let child_pid = i32::try_from(child.id()).unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while descendants(child_pid).is_empty() && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        let grandchildren = descendants(child_pid);
        assert_eq!(grandchildren.len(), 1);
        assert!(descendants(me).contains(&grandchildren[0]));
        child.kill().unwrap();
        child.wait().unwrap();
        super::super::proc::signal(grandchildren[0], nix::sys::signal::Signal::SIGKILL).unwrap();
    }
}
