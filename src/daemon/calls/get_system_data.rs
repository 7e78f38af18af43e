//! `getSystemData`: what the machine uses, since somebody has asked last.

use std::sync::{Mutex, PoisonError};

use serde_json::{
    Map, Value, json,
    value::{RawValue, to_raw_value},
};

use crate::sys::host::{Sample, Usage, root_file_system};

/// The counters when somebody asked last.
#[derive(Default)]
pub(in crate::daemon) struct LastAsked(Mutex<Option<Sample>>);

/// pm2's metrics; nothing but what needs no time in between the first time.
pub(super) fn answer(last: &LastAsked) -> Option<Box<RawValue>> {
    let now = Sample::take();
    let mut last = last.0.lock().unwrap_or_else(PoisonError::into_inner);
    let usage = now.since(last.as_ref().unwrap_or(&now));
    *last = Some(now);
    to_raw_value(&metrics(&usage)).ok()
}

fn metrics(usage: &Usage) -> Map<String, Value> {
    let mut map = Map::new();
    let mut add = |name: String, value: f64, decimals: i32, unit: &str| {
        let metric = json!({
            "value": rounded(value, decimals), "type": "metric", "unit": unit, "historic": true
        });
        map.insert(name, metric);
    };
    let (memory, available) = (whole(usage.memory.0), whole(usage.memory.1));
    let used = memory - available;
    let percent = if memory > 0.0 {
        used * 100.0 / memory
    } else {
        0.0
    };
    add("CPU Usage".into(), usage.cpu, 1, "%");
    add(
        "CPU Temperature".into(),
        usage.temperature.unwrap_or(-1.0),
        1,
        "°C",
    );
    add("RAM Usage".into(), percent, 1, "%");
    add("RAM Total".into(), memory, 0, "b");
    add("RAM Available".into(), available, 0, "b");
    add("RAM Active".into(), used, 0, "b");
    for (name, rates) in &usage.networks {
        add(format!("net:rx_5:{name}"), rates.rx / 1e6, 3, "mb/s");
        add(format!("net:tx_5:{name}"), rates.tx / 1e6, 3, "mb/s");
        let kinds = ["rx_errors", "tx_errors", "rx_dropped", "tx_dropped"];
        for (kind, count) in kinds.iter().zip(rates.troubles) {
            add(format!("net:{kind}_60:{name}"), count, 0, "/min");
        }
    }
    add("Disk Reads".into(), usage.disks.0 / 1e6, 3, "mb/s");
    add("Disk Writes".into(), usage.disks.1 / 1e6, 3, "mb/s");
    if let Some((size, used)) = root_file_system() {
        add("fs:use:/".into(), used, 2, "%");
        add("fs:size:/".into(), size / 1024_f64.powi(3), 2, "gb");
    }
    map
}

#[expect(clippy::cast_precision_loss, reason = "sizes in bytes, below 2^53")]
fn whole(number: u64) -> f64 {
    number as f64
}

/// A number with so many decimals; without any it is whole, as JavaScript writes it.
fn rounded(value: f64, decimals: i32) -> Value {
    let scale = 10_f64.powi(decimals);
    super::get_monitor_data::whole((value * scale).round() / scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::host::Rates;

    #[test]
    fn metrics_have_pm2s_names_and_units() {
        let rates = Rates {
            rx: 2_345_678.0,
            tx: 0.0,
            troubles: [1.0, 0.0, 0.0, 0.0],
        };
        let usage = Usage {
            cpu: 12.34,
            temperature: None,
            memory: (4096, 1024),
            networks: [("eth0".to_owned(), rates)].into(),
            disks: (0.0, 1_500_000.0),
        };
        let found = Value::Object(metrics(&usage));
        for (name, value, unit) in [
            ("CPU Usage", json!(12.3), "%"),
            ("CPU Temperature", json!(-1), "°C"),
            ("RAM Usage", json!(75), "%"),
            ("RAM Total", json!(4096), "b"),
            ("RAM Available", json!(1024), "b"),
            ("net:rx_5:eth0", json!(2.346), "mb/s"),
            ("net:rx_errors_60:eth0", json!(1), "/min"),
            ("Disk Writes", json!(1.5), "mb/s"),
        ] {
            let expected =
                json!({ "value": value, "type": "metric", "unit": unit, "historic": true });
            assert_eq!(found[name], expected, "{name}");
        }
    }
}
