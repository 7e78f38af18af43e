//! When a cron pattern is due, as pm2 reads it: the day of the month **and** the day of the week must match.

use jiff::{
    Zoned,
    civil::{Date, DateTime, Time},
    tz::AmbiguousOffset,
};

use super::check::{FIELDS, check, plain};

/// A pattern for a day that does not come within this many days never comes (29 February, on a Monday: 28 years, or 40
/// over a year 2100).
const FARTHEST: usize = 41 * 366;

/// A pattern that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronPattern {
    /// For each field the values that match, one bit each: seconds, minutes, hours, days, months, days of the week.
    fields: [u64; 6],
    /// Whether only the last day of the month matches.
    last_day: bool,
}

/// The pattern with the present time in place of each `?`, which stays what it was then.
pub fn fill_in(pattern: &str, now: &Zoned) -> String {
    let parts: Vec<&str> = pattern.split_whitespace().collect();
    let skipped = FIELDS.len().saturating_sub(parts.len());
    let values = [
        now.second(),
        now.minute(),
        now.hour(),
        now.day(),
        now.month(),
        now.weekday().to_sunday_zero_offset(),
    ];
    let filled = parts.iter().zip(&values[skipped.min(5)..]);
    let filled: Vec<String> = filled
        .map(|(part, value)| part.replace('?', &value.to_string()))
        .collect();
    filled.join(" ")
}

impl CronPattern {
    /// Reads a pattern without `?`; what is wrong with it if it makes no sense.
    pub fn parse(pattern: &str) -> Result<Self, String> {
        check(pattern)?;
        let mut parts: Vec<&str> = pattern.split_whitespace().collect();
        if parts.len() < FIELDS.len() {
            parts.insert(0, "0");
        }
        let mut fields = [0; 6];
        for (index, part) in parts.iter().enumerate() {
            let entries = plain(index, part);
            fields[index] = entries
                .split(',')
                .map(|entry| values(index, entry))
                .fold(0, |all, one| all | one);
        }
        let last_day = parts[3].eq_ignore_ascii_case("L");
        if last_day {
            fields[3] = u64::MAX;
        }
        // 7 is Sunday, as 0 is.
        if fields[5] >> 7 & 1 == 1 {
            fields[5] |= 1;
        }
        Ok(Self { fields, last_day })
    }

    /// The first time after `now` that matches; `None` if none ever does. A time that a change of the clock leaves out
    /// is skipped; of one that it brings twice the first counts, unless every hour matches.
    pub fn next(&self, now: &Zoned) -> Option<Zoned> {
        let by_the_clock = self.next_by_the_clock(now);
        if !self.any_hour() {
            return by_the_clock;
        }
        // As if the clock did not change: right unless it changes by other than whole hours.
        let steady = now.with_time_zone(now.offset().to_time_zone());
        let steady = self
            .next_by_the_clock(&steady)
            .map(|next| next.with_time_zone(now.time_zone().clone()))
            .filter(|next| self.matches(next.datetime()));
        [by_the_clock, steady].into_iter().flatten().min()
    }

    fn next_by_the_clock(&self, now: &Zoned) -> Option<Zoned> {
        let second = jiff::SignedDuration::from_secs(1);
        let mut from = now.datetime().with().subsec_nanosecond(0).build().ok()?;
        loop {
            from = self.first_from(from.checked_add(second).ok()?)?;
            let ambiguous = now.time_zone().to_ambiguous_zoned(from);
            match ambiguous.offset() {
                AmbiguousOffset::Gap { .. } => {}
                AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
                    let next = ambiguous.earlier().ok()?;
                    if next > *now {
                        return Some(next);
                    }
                }
            }
        }
    }

    /// The first match at `from` or later, on a clock that never changes.
    fn first_from(&self, from: DateTime) -> Option<DateTime> {
        let mut date = from.date();
        let mut time = from.time();
        for _ in 0..FARTHEST {
            if self.matches_day(date)
                && let Some(time) = self.first_time(time)
            {
                return Some(date.to_datetime(time));
            }
            date = date.tomorrow().ok()?;
            time = Time::midnight();
        }
        None
    }

    fn first_time(&self, from: Time) -> Option<Time> {
        let all = |field: usize| (0..=59_i8).filter(move |value| self.has(field, *value));
        for hour in all(2).filter(|hour| *hour >= from.hour()) {
            for minute in all(1).filter(|minute| (hour, *minute) >= (from.hour(), from.minute())) {
                let mut seconds =
                    all(0).filter_map(|second| Time::new(hour, minute, second, 0).ok());
                if let Some(time) = seconds.find(|time| *time >= from) {
                    return Some(time);
                }
            }
        }
        None
    }

    fn matches_day(&self, date: Date) -> bool {
        self.has(3, date.day())
            && self.has(4, date.month())
            && self.has(5, date.weekday().to_sunday_zero_offset())
            && (!self.last_day || date.day() == date.days_in_month())
    }

    fn matches(&self, moment: DateTime) -> bool {
        self.matches_day(moment.date())
            && self.has(2, moment.hour())
            && self.has(1, moment.minute())
            && self.has(0, moment.second())
    }

    fn any_hour(&self) -> bool {
        (0..24).all(|hour| self.has(2, hour))
    }

    fn has(&self, field: usize, value: i8) -> bool {
        self.fields[field] >> value & 1 == 1
    }
}

/// The values of one entry of a field: `*`, `5`, `5-9`, `*/5`, `3/5`, `5-9/2`, or nothing.
fn values(field: usize, entry: &str) -> u64 {
    let field = &FIELDS[field];
    let (range, step) = entry.split_once('/').unwrap_or((entry, "1"));
    let number = |text: &str| text.parse::<u32>().ok();
    let (first, last) = match range.split_once('-') {
        Some((first, last)) => (number(first), number(last)),
        None if range == "*" => (Some(field.least), Some(field.most)),
        // From there on.
        None if entry.contains('/') => (number(range).or(Some(field.least)), Some(field.most)),
        None => (number(range), number(range)),
    };
    let (Some(first), Some(last), Some(step)) = (first, last, number(step)) else {
        return 0;
    };
    (first..=last.min(field.most))
        .step_by(step.max(1) as usize)
        .fold(0, |all, value| all | 1 << value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{Timestamp, tz::TimeZone};

    fn new_york() -> TimeZone {
        TimeZone::get("America/New_York").unwrap()
    }

    /// The next times in New York, as they are on the clock there.
    fn nexts(pattern: &str, from: &str, count: usize) -> Vec<String> {
        let pattern = CronPattern::parse(pattern).unwrap();
        let from: Timestamp = from.parse().unwrap();
        let mut at = from.to_zoned(new_york());
        let next = || {
            at = pattern.next(&at)?;
            Some(at.strftime("%d %H:%M%:z").to_string())
        };
        std::iter::from_fn(next).take(count).collect()
    }

    #[derive(serde::Deserialize)]
    struct Case {
        pattern: String,
        from: String,
        next: Vec<Option<String>>,
    }

    #[test]
    fn the_next_times_are_those_of_pm2() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../../../tests/fixtures/cron.json")).unwrap();
        assert!(cases.len() > 50);
        for Case {
            pattern,
            from,
            next,
        } in cases
        {
            let parsed = CronPattern::parse(&pattern).unwrap();
            let time = |text: String| text.parse::<Timestamp>().unwrap();
            let mut at = Some(time(from.clone()).to_zoned(new_york()));
            for expected in next {
                at = at.and_then(|at| parsed.next(&at));
                let found = at.as_ref().map(Zoned::timestamp);
                assert_eq!(found, expected.map(time), "{pattern} from {from}");
            }
        }
    }

    #[test]
    fn days_and_months_are_stepped_from_the_one_that_is_named() {
        let days = nexts("0 0 5/10 * *", "2026-01-15T00:00:00Z", 4);
        let days: Vec<&str> = days.iter().map(|day| &day[..2]).collect();
        assert_eq!(days, ["15", "25", "05", "15"]);
    }

    #[test]
    fn a_change_of_the_clock_neither_doubles_nor_stalls() {
        // At 2:00 on 8 March it is 3:00, at 2:00 on 1 November it is 1:00 again.
        assert_eq!(
            nexts("30 2 * * *", "2026-03-07T12:00:00Z", 2),
            ["09 02:30-04:00", "10 02:30-04:00"]
        );
        assert_eq!(
            nexts("30 1 * * *", "2026-10-31T12:00:00Z", 2),
            ["01 01:30-04:00", "02 01:30-05:00"]
        );
        assert_eq!(
            nexts("*/30 * * * *", "2026-11-01T05:00:00Z", 5),
            [
                "01 01:30-04:00",
                "01 01:00-05:00",
                "01 01:30-05:00",
                "01 02:00-05:00",
                "01 02:30-05:00"
            ]
        );
        assert_eq!(
            nexts("*/30 * * * *", "2026-03-08T06:10:00Z", 3),
            ["08 01:30-05:00", "08 03:00-04:00", "08 03:30-04:00"]
        );
    }

    #[test]
    fn a_question_mark_is_the_time_it_was_read() {
        let now = "2026-03-05T07:08:09[America/New_York]".parse().unwrap();
        assert_eq!(fill_in("? ? * * ?", &now), "8 7 * * 4");
        assert_eq!(fill_in("? 0 0 ? ? *", &now), "9 0 0 5 3 *");
        assert_eq!(fill_in("nonsense", &now), "nonsense");
    }

    #[test]
    fn what_never_comes_is_never_due() {
        assert_eq!(nexts("0 0 30 2 *", "2026-01-01T00:00:00Z", 1).len(), 0);
        assert!(CronPattern::parse("61 * * * *").is_err());
    }
}
