//! What the machine has and uses, from `/proc` and `/sys`; on other systems less of it.

use std::{collections::BTreeMap, fs, path::Path, time::Instant};

/// Longest file that is read, in bytes.
const LIMIT: usize = 256 * 1024;
/// Bytes of a sector in `/proc/diskstats`, whatever the disk's are.
const SECTOR: u64 = 512;
/// Devices that are no disks.
const NO_DISKS: [&str; 4] = ["loop", "ram", "dm-", "zram"];

/// Counters at one moment.
#[derive(Debug, Clone)]
pub struct Sample {
    at: Instant,
    cpu: Times,
    networks: BTreeMap<String, Network>,
    disks: Disks,
}

/// Time of all processors together, in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Times {
    busy: u64,
    all: u64,
}

/// Counters of a network interface.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Network {
    /// Bytes that came.
    pub rx: u64,
    /// Bytes that went.
    pub tx: u64,
    /// Packets that came broken.
    pub rx_errors: u64,
    /// Packets that could not be sent.
    pub tx_errors: u64,
    /// Packets that came and were dropped.
    pub rx_dropped: u64,
    /// Packets that were dropped instead of sent.
    pub tx_dropped: u64,
}

/// Bytes read and written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Disks {
    read: u64,
    written: u64,
}

/// What is used.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// Percent of all processors.
    pub cpu: f64,
    /// Degrees Celsius of the hottest part that tells.
    pub temperature: Option<f64>,
    /// Bytes of memory there are, and that programs could still have.
    pub memory: (u64, u64),
    /// Bytes a second and counts a minute, by interface.
    pub networks: BTreeMap<String, Rates>,
    /// Bytes a second read and written.
    pub disks: (f64, f64),
}

/// What a network interface does.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    /// Bytes a second that come.
    pub rx: f64,
    /// Bytes a second that go.
    pub tx: f64,
    /// Counts a minute: errors and drops, received and sent.
    pub troubles: [f64; 4],
}

impl Sample {
    /// Takes one.
    pub fn take() -> Self {
        Self {
            at: Instant::now(),
            cpu: times(&read("/proc/stat")),
            networks: networks(&read("/proc/net/dev")),
            disks: disks(&read("/proc/diskstats"), |name| {
                Path::new("/sys/block").join(name).exists()
            }),
        }
    }

    /// What has been used since another one.
    pub fn since(&self, before: &Self) -> Usage {
        let seconds = self.at.duration_since(before.at).as_secs_f64().max(0.001);
        let per_second = |now: u64, then: u64| count(now.saturating_sub(then)) / seconds;
        let all = self.cpu.all.saturating_sub(before.cpu.all);
        let busy = self.cpu.busy.saturating_sub(before.cpu.busy);
        let rates = |(name, now): (&String, &Network)| {
            let then = before.networks.get(name).copied().unwrap_or(*now);
            let per_minute = |now, then| per_second(now, then) * 60.0;
            let rates = Rates {
                rx: per_second(now.rx, then.rx),
                tx: per_second(now.tx, then.tx),
                troubles: [
                    per_minute(now.rx_errors, then.rx_errors),
                    per_minute(now.tx_errors, then.tx_errors),
                    per_minute(now.rx_dropped, then.rx_dropped),
                    per_minute(now.tx_dropped, then.tx_dropped),
                ],
            };
            (name.clone(), rates)
        };
        Usage {
            cpu: if all == 0 {
                0.0
            } else {
                count(busy) * 100.0 / count(all)
            },
            temperature: temperature(),
            memory: memory(&read("/proc/meminfo")),
            networks: self.networks.iter().map(rates).collect(),
            disks: (
                per_second(self.disks.read, before.disks.read),
                per_second(self.disks.written, before.disks.written),
            ),
        }
    }
}

/// Size in bytes and used part in percent of the file system that `/` is on.
pub fn root_file_system() -> Option<(f64, f64)> {
    let found = nix::sys::statvfs::statvfs("/").ok()?;
    #[expect(
        clippy::useless_conversion,
        reason = "these are of other types on other systems"
    )]
    let blocks = |blocks| count(u64::from(blocks));
    let (all, free) = (blocks(found.blocks()), blocks(found.blocks_free()));
    let available = blocks(found.blocks_available());
    let used = all - free;
    #[expect(
        clippy::useless_conversion,
        reason = "it is of another type on other systems"
    )]
    let unit = count(u64::from(found.fragment_size()));
    // As `df`: what only root may use is in neither.
    let percent = if used + available > 0.0 {
        used * 100.0 / (used + available)
    } else {
        0.0
    };
    Some((all * unit, percent))
}

#[expect(clippy::cast_precision_loss, reason = "a few decimals are shown")]
fn count(number: u64) -> f64 {
    number as f64
}

/// A file's text; empty if it cannot be read.
fn read(path: &str) -> String {
    let mut text = fs::read_to_string(path).unwrap_or_default();
    let end = text.len().min(LIMIT);
    if !text.is_char_boundary(end) {
        return String::new();
    }
    text.truncate(end);
    text
}

fn times(stat: &str) -> Times {
    let line = stat.lines().next().unwrap_or_default();
    let numbers: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|word| word.parse().ok())
        .collect();
    let all: u64 = numbers.iter().sum();
    // Idle, and waiting for disks.
    let idle: u64 = numbers.iter().skip(3).take(2).sum();
    Times {
        busy: all - idle,
        all,
    }
}

fn networks(text: &str) -> BTreeMap<String, Network> {
    let interface = |line: &str| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        let number = |index: usize| numbers.get(index).copied().unwrap_or(0);
        let network = Network {
            rx: number(0),
            rx_errors: number(2),
            rx_dropped: number(3),
            tx: number(8),
            tx_errors: number(10),
            tx_dropped: number(11),
        };
        Some((name.trim().to_owned(), network))
    };
    text.lines().filter_map(interface).collect()
}

fn disks(text: &str, is_whole: impl Fn(&str) -> bool) -> Disks {
    let mut disks = Disks::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(name) = words.get(2) else { continue };
        // Parts are counted with their disk.
        if NO_DISKS.iter().any(|prefix| name.starts_with(prefix)) || !is_whole(name) {
            continue;
        }
        let sectors = |index: usize| words.get(index).and_then(|word| word.parse::<u64>().ok());
        disks.read += sectors(5).unwrap_or(0) * SECTOR;
        disks.written += sectors(9).unwrap_or(0) * SECTOR;
    }
    disks
}

fn memory(text: &str) -> (u64, u64) {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kilobytes * 1024)
    };
    let all = field("MemTotal:").unwrap_or(0);
    let available = field("MemAvailable:").or_else(|| field("MemFree:"));
    (all, available.unwrap_or(0).min(all))
}

fn temperature() -> Option<f64> {
    let zones = fs::read_dir("/sys/class/thermal").ok()?;
    let of_zone = |path: &Path| -> Option<i32> {
        fs::read_to_string(path.join("temp"))
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    let all = zones.flatten().filter_map(|zone| of_zone(&zone.path()));
    all.max().map(|thousandths| f64::from(thousandths) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_kernels_files_are_read() {
        assert_eq!(
            times("cpu  10 5 15 60 10 0 0 0 3 0\ncpu0 1 1 1 1\n"),
            Times { busy: 30, all: 100 }
        );
        let text = "Inter-| Receive\n face |bytes\n  eth0: 100 1 2 3 0 0 0 0 200 4 5 6 0 0 0 0\n";
        let expected = Network {
            rx: 100,
            rx_errors: 2,
            rx_dropped: 3,
            tx: 200,
            tx_errors: 5,
            tx_dropped: 6,
        };
        assert_eq!(networks(text)["eth0"], expected);
        let text = "8 0 sda 1 0 10 0 1 0 20 0 0 0 0\n8 1 sda1 1 0 10 0 1 0 20 0 0 0 0\n7 0 loop0 1 0 9 0 1 0 9 0 0 0 0\n";
        let expected = Disks {
            read: 5120,
            written: 10240,
        };
        assert_eq!(disks(text, |name| name != "sda1"), expected);
        assert_eq!(
            memory("MemTotal: 100 kB\nMemFree: 10 kB\nMemAvailable: 40 kB\n"),
            (102_400, 40_960)
        );
        assert_eq!(times(""), Times::default());
        assert_eq!(memory("rubbish"), (0, 0));
    }

    #[test]
    fn rates_are_of_the_time_between() {
        let network = |rx| {
            BTreeMap::from([(
                "eth0".to_owned(),
                Network {
                    rx,
                    ..Network::default()
                },
            )])
        };
        let before = Sample {
            at: Instant::now(),
            cpu: Times { busy: 10, all: 100 },
            networks: network(1000),
            disks: Disks::default(),
        };
        let after = Sample {
            at: before.at + Duration::from_secs(2),
            cpu: Times { busy: 60, all: 200 },
            networks: network(5000),
            disks: Disks {
                read: 4096,
                written: 0,
            },
        };
        let usage = after.since(&before);
        assert!((usage.cpu - 50.0).abs() < 1e-9);
        assert!((usage.networks["eth0"].rx - 2000.0).abs() < 1e-9);
        assert!((usage.disks.0 - 2048.0).abs() < 1e-9);
        // Counters that have begun anew are no negative rates.
        assert!(before.since(&after).cpu.abs() < 1e-9);
    }

    #[test]
    fn this_machine_has_memory_and_a_root() {
        let usage = Sample::take().since(&Sample::take());
        assert!(usage.memory.0 > 0 && usage.memory.1 <= usage.memory.0);
        let (size, used) = root_file_system().unwrap();
        assert!(size > 0.0 && (0.0..=100.0).contains(&used));
    }
}
