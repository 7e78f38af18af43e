//! What a look from outside tells of a connection that another process serves: pure.

use std::{
    cmp::Ordering,
    time::{Duration, Instant},
};

use crate::sys::tcp::Traffic;

/// Who has sent nothing for so long sends no part of an answer just now.
const QUIET: Duration = Duration::from_millis(50);
/// The system's times are only so exact, one against another.
const INEXACT: Duration = Duration::from_millis(10);
/// The longest method that HTTP has, `BASELINE-CONTROL`, and one more.
const METHOD_LIMIT: usize = 17;

/// What a connection is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// A request waits that nobody has read yet, and those before it are answered: it is as good as a new connection.
    Requested,
    /// What was asked is answered, and no more has come.
    Idle,
    /// Something was sent since it was asked, but a moment ago, or in the same moment: it is idle, or being answered.
    Unclear,
    /// It was asked, and is to be answered.
    Busy,
    /// What waits is no request: the rest of one, or no HTTP. It is of no use to another process.
    Foreign,
    /// One side has closed it.
    Over,
}

impl Sight {
    /// Whether an answer may be under way.
    pub(super) fn is_unsettled(self) -> bool {
        matches!(self, Self::Unclear | Self::Busy)
    }
}

/// What a connection is about at `now`; `ahead` are its first unread bytes. `read` is when the last of those bytes came
/// that its process has read, as far as that was seen.
pub(super) fn see(traffic: Traffic, ahead: &[u8], read: Option<Instant>, now: Instant) -> Sight {
    let Traffic {
        is_open,
        since_sent,
        since_received,
    } = traffic;
    if !is_open {
        return Sight::Over;
    }
    if !ahead.is_empty() {
        // Who asks again before he is answered would take another's answer for the first one's.
        let sent = now.checked_sub(since_sent);
        let is_owed = read.is_some_and(|read| sent.is_none_or(|sent| sent + INEXACT < read));
        return match (may_begin_request(ahead), is_owed) {
            (false, _) => Sight::Foreign,
            (true, true) => Sight::Busy,
            (true, false) => Sight::Requested,
        };
    }
    match since_sent.cmp(&since_received) {
        Ordering::Greater => Sight::Busy,
        Ordering::Less if since_sent >= QUIET => Sight::Idle,
        Ordering::Less | Ordering::Equal => Sight::Unclear,
    }
}

/// Whether bytes are, as far as they go, the beginning of an HTTP/1 request: a method, a space, and what is asked for.
fn may_begin_request(bytes: &[u8]) -> bool {
    let length = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_uppercase() || **byte == b'-')
        .count();
    match &bytes[length..] {
        [] => (1..METHOD_LIMIT).contains(&length),
        [b' '] | [b' ', b'/' | b'*' | b'h' | b'H', ..] => (3..METHOD_LIMIT).contains(&length),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(since_sent: u64, since_received: u64) -> Traffic {
        Traffic {
            is_open: true,
            since_sent: Duration::from_millis(since_sent),
            since_received: Duration::from_millis(since_received),
        }
    }

    #[test]
    fn beginnings_of_requests() {
        for bytes in [
            "G",
            "GET",
            "GET ",
            "GET /",
            "POST /a HTTP/1.1\r\n",
            "OPTIONS * ",
            "M-SEARCH *",
            "GET http://host/",
            "BASELINE-CONTROL /",
        ] {
            assert!(may_begin_request(bytes.as_bytes()), "{bytes}");
        }
        for bytes in [
            "get /",
            "GET\r\n",
            "GET  /",
            "A /",
            " ",
            "\x16\x03\x01",
            "{\"a\":1}",
            "BASELINE-CONTROLS /",
            "GET x",
        ] {
            assert!(!may_begin_request(bytes.as_bytes()), "{bytes}");
        }
    }

    #[test]
    fn the_table_of_sights() {
        use Sight::{Busy, Foreign, Idle, Requested, Unclear};
        let now = Instant::now() + Duration::from_secs(1000);
        let request = "GET / HTTP/1.1\r\n";
        // Since it was sent, since it came; unread bytes; since what was read had come.
        let table = [
            (traffic(60, 61), "", None, Idle),
            (traffic(49, 61), "", None, Unclear),
            (traffic(60, 60), "", None, Unclear),
            (traffic(61, 60), "", None, Busy),
            (traffic(5, 1), request, None, Requested),
            (traffic(500, 1), request, Some(501), Requested),
            (traffic(500, 1), request, Some(495), Requested),
            (traffic(500, 1), request, Some(400), Busy),
            (traffic(500, 1), "and more", Some(501), Foreign),
            (traffic(500, 1), "and more", Some(400), Foreign),
        ];
        for (traffic, ahead, read, expected) in table {
            let read = read.and_then(|ago| now.checked_sub(Duration::from_millis(ago)));
            let seen = see(traffic, ahead.as_bytes(), read, now);
            assert_eq!(seen, expected, "{traffic:?} {ahead:?}");
        }
        let over = Traffic {
            is_open: false,
            ..traffic(60, 61)
        };
        assert_eq!(see(over, request.as_bytes(), None, now), Sight::Over);
    }
}
