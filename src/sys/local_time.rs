//! The time of day here.

use std::{fs, sync::LazyLock};

use jiff::{Timestamp, Zoned, tz::TimeZone};

/// The zone of this machine, unless `TZ` names another.
const LOCAL: &str = "/etc/localtime";

/// The time zone that this process was started in. Only its own rules are read: to find it by name the library would
/// keep the names of all zones there are.
pub fn zone() -> TimeZone {
    static ZONE: LazyLock<TimeZone> = LazyLock::new(|| {
        let own = match std::env::var_os("TZ") {
            None => fs::read(LOCAL).ok(),
            Some(_) => None,
        };
        own.and_then(|rules| TimeZone::tzif("Local", &rules).ok())
            .unwrap_or_else(TimeZone::system)
    });
    ZONE.clone()
}

/// Now.
pub fn now() -> Zoned {
    Timestamp::now().to_zoned(zone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_library_finds() {
        let ours = now();
        let theirs = ours.timestamp().to_zoned(TimeZone::system());
        assert_eq!(ours.datetime(), theirs.datetime());
        assert_eq!(ours.offset(), theirs.offset());
    }
}
