//! The systems that start services.

use super::{
    launchd, openrc,
    plan::{Plan, Service},
    systemd,
};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    /// Most of Linux.
    Systemd,
    /// Alpine, Gentoo.
    OpenRc,
    /// macOS.
    Launchd,
}

/// Each one, what else pm2 calls it, and the program that tells that it is there.
const ALL: [(System, &str, &[&str], &str); 3] = [
    (
        System::Systemd,
        "systemd",
        &["ubuntu", "centos", "arch", "oracle"],
        "systemctl",
    ),
    (System::OpenRc, "openrc", &["gentoo"], "rc-update"),
    (
        System::Launchd,
        "launchd",
        &["darwin", "macos"],
        "launchctl",
    ),
];

impl System {
    /// The one that is there; `has` says whether there is a program.
    pub(super) fn find(has: impl Fn(&str) -> bool) -> Option<Self> {
        let found = ALL.iter().find(|(.., program)| has(program));
        found.map(|(system, ..)| *system)
    }

    /// The one of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let found = ALL
            .iter()
            .find(|(_, own, others, _)| *own == name || others.contains(&name));
        found.map(|(system, ..)| *system)
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        let found = ALL.iter().find(|(system, ..)| *system == self);
        found.map_or("", |(_, name, ..)| *name)
    }

    /// All names.
    pub(super) fn names() -> String {
        ALL.map(|(_, name, ..)| name).join(", ")
    }

    /// What installs a service.
    pub(super) fn install(self, service: &Service) -> Plan {
        match self {
            Self::Systemd => systemd::install(service),
            Self::OpenRc => openrc::install(service),
            Self::Launchd => launchd::install(service),
        }
    }

    /// What removes it.
    pub(super) fn remove(self, service: &Service) -> Plan {
        match self {
            Self::Systemd => systemd::remove(service),
            Self::OpenRc => openrc::remove(service),
            Self::Launchd => launchd::remove(service),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_found_by_their_program_and_by_name() {
        assert_eq!(
            System::find(|name| name == "rc-update"),
            Some(System::OpenRc)
        );
        assert_eq!(System::find(|_| true), Some(System::Systemd));
        assert_eq!(System::find(|_| false), None);
        for (name, system) in [
            ("systemd", Some(System::Systemd)),
            ("ubuntu", Some(System::Systemd)),
            ("gentoo", Some(System::OpenRc)),
            ("macos", Some(System::Launchd)),
            ("upstart", None),
        ] {
            assert_eq!(System::named(name), system, "{name}");
        }
        assert_eq!(System::Launchd.name(), "launchd");
    }
}
