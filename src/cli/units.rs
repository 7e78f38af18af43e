//! Numbers as pm2 writes them.

/// Milliseconds as the largest unit that they fill: `12s`, `3m`, `5h`, `2D`.
pub(super) fn duration(milliseconds: i64) -> String {
    let seconds = milliseconds.max(0) / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86400 => format!("{}h", seconds / 3600),
        _ => format!("{}D", seconds / 86400),
    }
}

/// Bytes with one decimal in the largest unit that they fill: `51.2mb`; bytes themselves without: `0b`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kb", "mb", "gb", "tb"];
    if bytes < 1024 {
        return format!("{bytes}b");
    }
    // Rounding to one decimal needs no more precision than this.
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1}{}", UNITS[unit])
}

/// Milliseconds since 1970 as `2026-01-31T12:00:00.000Z`.
pub(super) fn date(milliseconds: i64) -> String {
    jiff::Timestamp::from_millisecond(milliseconds).map_or_else(
        |_| "N/A".to_owned(),
        |time| time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_their_largest_unit() {
        let table = [
            (-5, "0s"),
            (999, "0s"),
            (59_999, "59s"),
            (60_000, "1m"),
            (3_599_999, "59m"),
            (3_600_000, "1h"),
            (86_399_999, "23h"),
            (86_400_000, "1D"),
            (864_000_000_000, "10000D"),
        ];
        for (milliseconds, text) in table {
            assert_eq!(duration(milliseconds), text);
        }
    }

    #[test]
    fn sizes_have_one_decimal() {
        let table = [
            (0, "0b"),
            (1023, "1023b"),
            (1024, "1.0kb"),
            (54_001_664, "51.5mb"),
            (1_610_612_736, "1.5gb"),
            (u64::MAX, "16777216.0tb"),
        ];
        for (bytes, text) in table {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn dates_are_iso() {
        assert_eq!(date(1_795_362_692_664), "2026-11-22T15:51:32.664Z");
        assert_eq!(date(i64::MAX), "N/A");
    }
}
