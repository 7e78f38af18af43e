//! What the whole machine uses, from `/proc` and `/sys`. Nothing is spawned for it, and nothing that may block (the
//! file systems of other machines) is looked at.

use std::{collections::BTreeMap, fs, path::Path, time::Instant};

use nix::sys::statvfs::statvfs;

/// Interfaces and file systems that are shown, at most.
const SHOWN: usize = 64;

/// One look. Counters count since the machine was started; their use lies in the difference of two looks.
#[derive(Debug, Clone)]
pub struct Look {
    /// When.
    pub at: Instant,
    /// Processor time.
    pub processor: Processor,
    /// Bytes of memory: all there is, and what can be had.
    pub memory: (u64, u64),
    /// Degrees Celsius of the hottest place, if the machine tells.
    pub temperature: Option<f64>,
    /// Network interfaces that are up, in the system's order.
    pub network: Vec<(String, Traffic)>,
    /// Bytes read from and written to disks.
    pub disks: (u64, u64),
    /// File systems on disks of this machine.
    pub file_systems: Vec<(String, Space)>,
}

/// Processor time in clock ticks, all processors together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Processor {
    /// All of it.
    pub total: u64,
    /// With nothing to do.
    pub idle: u64,
}

/// What went through a network interface.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Received: bytes, errors, dropped packets.
    pub received: [u64; 3],
    /// Sent: bytes, errors, dropped packets.
    pub sent: [u64; 3],
}

/// Space of a file system in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Space {
    /// All of it.
    pub size: u64,
    /// What is used.
    pub used: u64,
    /// What ordinary users can still use.
    pub available: u64,
}

/// Looks. What the system does not tell is zero or missing.
pub fn look() -> Look {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    Look {
        at: Instant::now(),
        processor: processor(&read("/proc/stat")),
        memory: memory(&read("/proc/meminfo")),
        temperature: temperature(),
        network: traffic(&read("/proc/net/dev"))
            .into_iter()
            .filter(|(name, _)| is_up(name))
            .take(SHOWN)
            .collect(),
        disks: disks(&read("/proc/diskstats"), |name| {
            Path::new("/sys/block").join(name).exists()
        }),
        file_systems: mounts(&read("/proc/self/mounts"))
            .into_iter()
            .filter_map(|place| Some((space(&place)?, place)))
            .map(|(space, place)| (place, space))
            .take(SHOWN)
            .collect(),
    }
}

fn numbers(line: &str) -> Vec<u64> {
    line.split_ascii_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

fn processor(stat: &str) -> Processor {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "));
    let times = numbers(line.unwrap_or_default());
    // What guests use is counted for their hosts already.
    let total = times.iter().take(8).sum();
    let idle = times.iter().skip(3).take(2).sum();
    Processor { total, idle }
}

fn memory(meminfo: &str) -> (u64, u64) {
    let of = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name));
        numbers(line.unwrap_or_default())
            .first()
            .map(|kilobytes| kilobytes * 1024)
    };
    let available = of("MemAvailable:").or_else(|| of("MemFree:"));
    (of("MemTotal:").unwrap_or(0), available.unwrap_or(0))
}

fn temperature() -> Option<f64> {
    let zones = fs::read_dir("/sys/class/thermal").ok()?.flatten();
    let degrees = zones
        .filter(|zone| {
            zone.file_name()
                .to_string_lossy()
                .starts_with("thermal_zone")
        })
        .filter_map(|zone| fs::read_to_string(zone.path().join("temp")).ok())
        .filter_map(|text| text.trim().parse::<f64>().ok())
        .map(|thousandths| thousandths / 1000.0);
    degrees.reduce(f64::max)
}

fn traffic(dev: &str) -> Vec<(String, Traffic)> {
    let lines = dev.lines().filter_map(|line| line.split_once(':'));
    let of = |(name, rest): (&str, &str)| {
        let counters = numbers(rest);
        let at = |index: usize| counters.get(index).copied().unwrap_or(0);
        let traffic = Traffic {
            received: [at(0), at(2), at(3)],
            sent: [at(8), at(10), at(11)],
        };
        (!counters.is_empty()).then(|| (name.trim().to_owned(), traffic))
    };
    lines.filter_map(of).collect()
}

fn is_up(interface: &str) -> bool {
    let path = Path::new("/sys/class/net").join(interface).join("flags");
    let flags = fs::read_to_string(path).unwrap_or_default();
    let flags = flags.trim().trim_start_matches("0x");
    // A container may have no such folder: then it has no interface that is down either.
    u32::from_str_radix(flags, 16).map_or(true, |flags| flags & 1 == 1)
}

/// `is_whole` tells disks from their partitions.
fn disks(diskstats: &str, is_whole: impl Fn(&str) -> bool) -> (u64, u64) {
    /// Whatever the disk's own sectors are, the system counts in these.
    const SECTOR: u64 = 512;
    /// Devices that are made of others, or of memory.
    const NO_DISKS: [&str; 5] = ["loop", "ram", "zram", "dm-", "md"];
    diskstats
        .lines()
        .filter_map(|line| {
            let name = line.split_ascii_whitespace().nth(2)?;
            let is_disk = !NO_DISKS.iter().any(|other| name.starts_with(other)) && is_whole(name);
            let (_, counters) = line.split_once(name)?;
            let counters = numbers(counters);
            is_disk.then_some((*counters.get(2)?, *counters.get(6)?))
        })
        .fold((0, 0), |(read, written), (more_read, more_written)| {
            (read + more_read * SECTOR, written + more_written * SECTOR)
        })
}

/// Where file systems on devices are mounted, each device once.
fn mounts(mounts: &str) -> Vec<String> {
    let mut by_device = BTreeMap::new();
    for (number, line) in mounts.lines().enumerate() {
        let mut words = line.split_ascii_whitespace();
        if let (Some(device), Some(place)) = (words.next(), words.next())
            && device.starts_with("/dev/")
            && device != "/dev/fuse"
        {
            by_device.entry(device).or_insert((number, place));
        }
    }
    let mut places: Vec<_> = by_device.into_values().collect();
    places.sort_unstable();
    // A space in a path is written in octal.
    let name = |(_, place): (usize, &str)| place.replace("\\040", " ");
    places.into_iter().map(name).collect()
}

fn space(place: &str) -> Option<Space> {
    let stat = statvfs(place).ok()?;
    let unit = stat.fragment_size();
    let blocks = stat.blocks();
    (blocks > 0).then(|| Space {
        size: blocks * unit,
        used: blocks.saturating_sub(stat.blocks_free()) * unit,
        available: stat.blocks_available() * unit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_and_memory_are_read_as_the_kernel_writes_them() {
        let stat = "cpu  10 1 5 100 7 0 2 3 4 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        let expected = Processor {
            total: 128,
            idle: 107,
        };
        assert_eq!(processor(stat), expected);
        let meminfo = "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    600 kB\n";
        assert_eq!(memory(meminfo), (1_024_000, 614_400));
        assert_eq!(memory("MemTotal: 1 kB\nMemFree: 1 kB\n"), (1024, 1024));
        assert_eq!((processor(""), memory("")), (Processor::default(), (0, 0)));
    }

    #[test]
    fn traffic_is_read_for_each_interface() {
        let dev = "Inter-|   Receive  |  Transmit\n face |bytes packets errs\n    lo: 11 2 3 4 0 0 0 0 55 6 7 8 0 0 0 0\n  eth0:1 0 0 0 0 0 0 0 2 0 0 0 0 0 0 0\n";
        let found = traffic(dev);
        let lo = Traffic {
            received: [11, 3, 4],
            sent: [55, 7, 8],
        };
        assert_eq!(found[0], ("lo".to_owned(), lo));
        assert_eq!(
            (found.len(), &*found[1].0, found[1].1.sent[0]),
            (2, "eth0", 2)
        );
    }

    #[test]
    fn disks_are_counted_once() {
        let stats = "   7 0 loop0 1 0 8 0 1 0 8 0\n 254 0 vda 5 0 10 1 6 0 20 2 0 0 0\n 254 1 vda1 5 0 10 1 6 0 20 2 0 0 0\n 8 0 sda 1 0 1 1 1 0 1 1 0 0 0\n";
        let whole = |name: &str| !name.ends_with('1');
        assert_eq!(disks(stats, whole), (11 * 512, 21 * 512));
    }

    #[test]
    fn only_devices_of_this_machine_are_shown_each_once() {
        let text = "proc /proc proc rw 0 0\n/dev/vdb /data\\040x ext4 rw 0 0\n/dev/vda / ext4 rw 0 0\nserver:/x /mnt nfs rw 0 0\n/dev/vda /etc/hosts ext4 rw 0 0\n";
        assert_eq!(mounts(text), ["/data x", "/"]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_has_memory_and_time() {
        let look = look();
        assert!(look.memory.0 > look.memory.1 && look.memory.1 > 0);
        assert!(look.processor.total > look.processor.idle);
    }
}
