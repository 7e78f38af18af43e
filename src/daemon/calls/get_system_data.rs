//! `getSystemData`: what the machine uses. Nobody looks when nobody asks: what is counted by the second is the
//! difference to the last call, or, if that was long ago, of two looks for this one.

use std::{sync::Mutex, sync::PoisonError, time::Duration};

use serde_json::{Map, Value, json};

use super::{CallResult, result};
use crate::{
    daemon::context::Daemon,
    sys::machine::{self, Look, Traffic},
};

/// Between two looks, at least: less says nothing.
const SHORTEST: Duration = Duration::from_millis(250);
/// Between two looks, at most: what was long ago is not what is now.
const LONGEST: Duration = Duration::from_secs(60);

/// The last look, and what was answered then.
#[derive(Default)]
pub(in super::super) struct LastLook {
    last: Mutex<Option<(Look, Option<Value>)>>,
}

impl LastLook {
    fn get(&self) -> Option<(Look, Option<Value>)> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
            .filter(|(look, _)| look.at.elapsed() <= LONGEST)
    }

    fn set(&self, look: Look, answer: Option<Value>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((look, answer));
    }
}

pub(super) async fn answer(daemon: &Daemon) -> CallResult {
    let last = daemon.last_look();
    let before = match last.get() {
        Some((look, Some(answer))) if look.at.elapsed() < SHORTEST => return Ok(result(&answer)),
        Some((look, _)) => look,
        None => machine::look(),
    };
    let wait = SHORTEST.saturating_sub(before.at.elapsed());
    if !wait.is_zero() {
        last.set(before.clone(), None);
        tokio::time::sleep(wait).await;
    }
    let now = machine::look();
    let figures = Value::Object(figures(&before, &now));
    let answer = result(&figures);
    last.set(now, Some(figures));
    Ok(answer)
}

/// pm2's figures by their names, from two looks.
fn figures(before: &Look, now: &Look) -> Map<String, Value> {
    let seconds = now.at.duration_since(before.at).as_secs_f64().max(0.001);
    let mut all = Map::new();
    let mut add = |name: &str, value: f64, unit: &str| {
        // Whole numbers as such, as JavaScript writes them.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "checked to be whole, and small enough"
        )]
        let value = if value.fract() == 0.0 && value.abs() < 9e15 {
            json!(value as i64)
        } else {
            json!(value)
        };
        let figure = json!({ "value": value, "type": "metric", "unit": unit, "historic": true });
        all.insert(name.to_owned(), figure);
    };
    let spent = grown(before.processor.total, now.processor.total);
    let idle = grown(before.processor.idle, now.processor.idle);
    let used = if spent > 0.0 { 1.0 - idle / spent } else { 0.0 };
    add("CPU Usage", round(used.max(0.0) * 100.0, 1), "%");
    add(
        "CPU Temperature",
        round(now.temperature.unwrap_or(-1.0), 1),
        "°C",
    );
    let (total, available) = now.memory;
    let active = total.saturating_sub(available);
    add("RAM Usage", round(share(active, total), 1), "%");
    add("RAM Total", float(total), "b");
    add("RAM Available", float(available), "b");
    add("RAM Active", float(active), "b");
    for (name, traffic) in &now.network {
        let earlier = before.network.iter().find(|(other, _)| other == name);
        let earlier = earlier.map_or(*traffic, |(_, traffic)| *traffic);
        for (key, value, unit) in network_figures(&earlier, traffic, seconds) {
            add(&format!("net:{key}:{name}"), value, unit);
        }
    }
    let (read, written) = (
        grown(before.disks.0, now.disks.0),
        grown(before.disks.1, now.disks.1),
    );
    add("Disk Reads", megabytes(read / seconds), "mb/s");
    add("Disk Writes", megabytes(written / seconds), "mb/s");
    for (place, space) in &now.file_systems {
        let used = share(space.used, space.used + space.available);
        add(&format!("fs:use:{place}"), round(used, 2), "%");
        let gigabytes = float(space.size) / 1024.0 / 1024.0 / 1024.0;
        add(&format!("fs:size:{place}"), round(gigabytes, 2), "gb");
    }
    all
}

/// The figures of one network interface, bytes by the second, the others by the minute.
fn network_figures(
    before: &Traffic,
    now: &Traffic,
    seconds: f64,
) -> [(&'static str, f64, &'static str); 6] {
    let bytes = |before: [u64; 3], now: [u64; 3]| megabytes(grown(before[0], now[0]) / seconds);
    let count = |before: [u64; 3], now: [u64; 3], index: usize| {
        round(grown(before[index], now[index]) / seconds * 60.0, 0)
    };
    let (received, sent) = (now.received, now.sent);
    [
        ("rx_5", bytes(before.received, received), "mb/s"),
        ("tx_5", bytes(before.sent, sent), "mb/s"),
        ("rx_errors_60", count(before.received, received, 1), "/min"),
        ("tx_errors_60", count(before.sent, sent, 1), "/min"),
        ("rx_dropped_60", count(before.received, received, 2), "/min"),
        ("tx_dropped_60", count(before.sent, sent, 2), "/min"),
    ]
}

/// How much a counter has grown; nothing if it began anew.
fn grown(before: u64, now: u64) -> f64 {
    float(now.saturating_sub(before))
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn float(number: u64) -> f64 {
    number as f64
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    float(part) / float(whole) * 100.0
}

fn megabytes(bytes: f64) -> f64 {
    round(bytes / 1024.0 / 1024.0, 3)
}

fn round(value: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (value * factor).round() / factor
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::machine::{Processor, Space};
    use std::time::Instant;

    fn look(at: Instant, counters: u64) -> Look {
        let traffic = Traffic {
            received: [counters * 10, 0, 0],
            sent: [counters, 1, counters / 1_000_000],
        };
        Look {
            at,
            processor: Processor {
                total: counters,
                idle: counters / 4,
            },
            memory: (1000, 400),
            temperature: None,
            network: vec![("lo".to_owned(), traffic)],
            disks: (0, counters),
            file_systems: vec![(
                "/".to_owned(),
                Space {
                    size: 251_970_000_000,
                    used: 1,
                    available: 2,
                },
            )],
        }
    }

    #[test]
    fn figures_are_pm2s_in_name_order_unit_and_digits() {
        let start = Instant::now();
        let (before, now) = (
            look(start, 0),
            look(start + Duration::from_secs(2), 2_000_000),
        );
        let figures = figures(&before, &now);
        let of = |name: &str| {
            (
                figures[name]["value"].clone(),
                figures[name]["unit"].clone(),
            )
        };
        let expected = [
            ("CPU Usage", json!(75), "%"),
            ("CPU Temperature", json!(-1), "°C"),
            ("RAM Usage", json!(60), "%"),
            ("RAM Total", json!(1000), "b"),
            ("RAM Available", json!(400), "b"),
            ("RAM Active", json!(600), "b"),
            ("net:rx_5:lo", json!(9.537), "mb/s"),
            ("net:tx_5:lo", json!(0.954), "mb/s"),
            ("net:rx_errors_60:lo", json!(0), "/min"),
            ("net:tx_errors_60:lo", json!(0), "/min"),
            ("net:rx_dropped_60:lo", json!(0), "/min"),
            ("net:tx_dropped_60:lo", json!(60), "/min"),
            ("Disk Reads", json!(0), "mb/s"),
            ("Disk Writes", json!(0.954), "mb/s"),
            ("fs:use:/", json!(33.33), "%"),
            ("fs:size:/", json!(234.67), "gb"),
        ];
        assert_eq!(
            figures.keys().collect::<Vec<_>>(),
            expected.iter().map(|(name, ..)| *name).collect::<Vec<_>>()
        );
        for (name, value, unit) in expected {
            assert_eq!(of(name), (value, json!(unit)), "{name}");
        }
        assert_eq!(figures["RAM Total"]["type"], "metric");
        assert_eq!(figures["RAM Total"]["historic"], true);
    }

    #[test]
    fn counters_that_began_anew_and_interfaces_that_came_show_nothing() {
        let start = Instant::now();
        let (mut before, now) = (look(start, 5_000_000), look(start + SHORTEST, 1_000_000));
        before.network.clear();
        let figures = figures(&before, &now);
        assert_eq!(figures["net:rx_5:lo"]["value"], 0);
        assert_eq!(figures["Disk Writes"]["value"], 0);
        assert_eq!(figures["CPU Usage"]["value"], 0);
    }
}
