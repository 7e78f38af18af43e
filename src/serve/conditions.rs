//! What a request wants of a file: all of it, a part, or only to know that it is still the same. Pure.

use std::time::SystemTime;

use hyper::{
    HeaderMap,
    header::{self, HeaderName},
};

/// What a file is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    /// Its size in bytes.
    pub size: u64,
    /// When it was changed.
    pub changed: SystemTime,
}

/// What is to be sent of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Everything.
    Whole,
    /// From the first to the last of these bytes.
    Part(u64, u64),
    /// Nothing: the client has it.
    Unchanged,
    /// A part that it does not have.
    Beyond,
}

impl Version {
    /// The tag of this version.
    pub(super) fn tag(&self) -> String {
        let since = self.changed.duration_since(SystemTime::UNIX_EPOCH);
        let since = since.unwrap_or_default();
        format!(
            "\"{:x}.{:x}-{:x}\"",
            since.as_secs(),
            since.subsec_nanos(),
            self.size
        )
    }

    /// What the headers of a request want of it.
    pub(super) fn wanted(&self, headers: &HeaderMap) -> Wanted {
        let text = |name: HeaderName| headers.get(name)?.to_str().ok();
        let is_same = match (text(header::IF_NONE_MATCH), text(header::IF_MODIFIED_SINCE)) {
            (Some(tags), _) => self.is_among(tags),
            (None, Some(date)) => self.is_as_old_as(date),
            _ => false,
        };
        if is_same {
            return Wanted::Unchanged;
        }
        let range = text(header::RANGE).and_then(|range| self.part(range));
        let if_range = text(header::IF_RANGE);
        let is_meant = |given: &str| given.trim() == self.tag() || self.is_as_old_as(given);
        range
            .filter(|_| if_range.is_none_or(is_meant))
            .unwrap_or(Wanted::Whole)
    }

    fn is_among(&self, tags: &str) -> bool {
        let own = self.tag();
        let mut tags = tags.split(',').map(str::trim);
        tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == own)
    }

    /// Dates have seconds only.
    fn is_as_old_as(&self, date: &str) -> bool {
        let seconds = |time: SystemTime| {
            let since = time.duration_since(SystemTime::UNIX_EPOCH);
            since.map_or(0, |since| since.as_secs())
        };
        httpdate::parse_http_date(date).is_ok_and(|date| seconds(self.changed) <= seconds(date))
    }

    /// The part that a `Range` names; several at once, and what cannot be read, mean everything.
    fn part(&self, range: &str) -> Option<Wanted> {
        let (first, last) = range.strip_prefix("bytes=")?.trim().split_once('-')?;
        let end = self.size.checked_sub(1);
        let (first, last) = match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(first), Ok(last)) if first <= last => (first, last),
            (Ok(first), Err(_)) if last.is_empty() => (first, u64::MAX),
            (Err(_), Ok(count)) if first.is_empty() => {
                let first = self.size.saturating_sub(count);
                (if count == 0 { self.size } else { first }, u64::MAX)
            }
            _ => return None,
        };
        Some(match end {
            Some(end) if first <= end => Wanted::Part(first, last.min(end)),
            _ => Wanted::Beyond,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn version() -> Version {
        Version {
            size: 10,
            changed: SystemTime::UNIX_EPOCH + Duration::new(0x1000, 5),
        }
    }

    fn wanted(headers: &[(HeaderName, &str)]) -> Wanted {
        let pairs = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()));
        version().wanted(&pairs.collect())
    }

    #[test]
    fn ranges() {
        let table = [
            ("bytes=0-3", Wanted::Part(0, 3)),
            ("bytes=4-", Wanted::Part(4, 9)),
            ("bytes=-3", Wanted::Part(7, 9)),
            ("bytes=-30", Wanted::Part(0, 9)),
            ("bytes=8-100", Wanted::Part(8, 9)),
            ("bytes=10-", Wanted::Beyond),
            ("bytes=-0", Wanted::Beyond),
            ("bytes=3-1", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
            ("bytes=99999999999999999999-", Wanted::Whole),
        ];
        for (range, expected) in table {
            assert_eq!(wanted(&[(header::RANGE, range)]), expected, "{range}");
        }
        let nothing = Version {
            size: 0,
            ..version()
        };
        assert_eq!(nothing.part("bytes=0-"), Some(Wanted::Beyond));
    }

    #[test]
    fn what_the_client_has_is_not_sent() {
        let tag = version().tag();
        assert_eq!(tag, "\"1000.5-a\"");
        let weak = format!("\"x\", W/{tag}");
        for (name, value, expected) in [
            (header::IF_NONE_MATCH, tag.as_str(), Wanted::Unchanged),
            (header::IF_NONE_MATCH, &weak, Wanted::Unchanged),
            (header::IF_NONE_MATCH, "*", Wanted::Unchanged),
            (header::IF_NONE_MATCH, "\"other\"", Wanted::Whole),
            (
                header::IF_MODIFIED_SINCE,
                "Thu, 01 Jan 1970 01:08:16 GMT",
                Wanted::Unchanged,
            ),
            (
                header::IF_MODIFIED_SINCE,
                "Thu, 01 Jan 1970 01:08:15 GMT",
                Wanted::Whole,
            ),
            (header::IF_MODIFIED_SINCE, "yesterday", Wanted::Whole),
        ] {
            assert_eq!(wanted(&[(name, value)]), expected, "{value}");
        }
    }

    #[test]
    fn a_part_of_another_version_is_of_no_use() {
        let tag = version().tag();
        for (if_range, expected) in [
            (tag.as_str(), Wanted::Part(1, 9)),
            ("Thu, 01 Jan 1970 01:08:16 GMT", Wanted::Part(1, 9)),
            ("\"other\"", Wanted::Whole),
            ("Thu, 01 Jan 1970 01:08:15 GMT", Wanted::Whole),
        ] {
            let headers = [(header::RANGE, "bytes=1-"), (header::IF_RANGE, if_range)];
            assert_eq!(wanted(&headers), expected, "{if_range}");
        }
    }
}
