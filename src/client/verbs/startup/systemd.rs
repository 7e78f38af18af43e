//! A systemd unit. `rpm2 resurrect` tells systemd when all is up, and that the keeper is the service's main process.

use std::path::{Path, PathBuf};

use super::plan::{Plan, PlannedFile, Service, words};

pub(super) fn install(service: &Service) -> Plan {
    let mut commands = vec![words(&["systemctl", "enable", &service.name])];
    // Not while an image is built: there is nobody to be told.
    if Path::new("/run/systemd/system").exists() {
        commands.insert(0, words(&["systemctl", "daemon-reload"]));
    }
    Plan {
        files: vec![PlannedFile {
            path: path(service),
            text: unit(service),
            mode: 0o644,
        }],
        commands,
    }
}

pub(super) fn remove(service: &Service) -> Plan {
    Plan {
        files: vec![PlannedFile {
            path: path(service),
            text: String::new(),
            mode: 0,
        }],
        commands: vec![words(&["systemctl", "disable", &service.name])],
    }
}

fn path(service: &Service) -> PathBuf {
    Path::new("/etc/systemd/system").join(format!("{}.service", service.name))
}

fn unit(service: &Service) -> String {
    let binary = command_word(&service.binary.to_string_lossy());
    let variable =
        |name: &str, value: &str| format!("Environment={}", quoted(&format!("{name}={value}")));
    let network = if service.waits_for_network {
        "Wants=network-online.target\nAfter=network-online.target"
    } else {
        "After=network.target"
    };
    let lines = [
        "[Unit]".to_owned(),
        "Description=rpm2 process manager".to_owned(),
        network.to_owned(),
        String::new(),
        "[Service]".to_owned(),
        "Type=notify".to_owned(),
        format!("User={}", service.user),
        "LimitNOFILE=infinity".to_owned(),
        "LimitNPROC=infinity".to_owned(),
        "LimitCORE=infinity".to_owned(),
        variable("PATH", &service.path),
        variable("RPM2_HOME", &service.home.to_string_lossy()),
        // Apps that are waited for until they are ready take their time.
        "TimeoutStartSec=10min".to_owned(),
        "Restart=on-failure".to_owned(),
        String::new(),
        format!("ExecStart={binary} resurrect"),
        format!("ExecReload={binary} reload all"),
        format!("ExecStop={binary} kill"),
        String::new(),
        "[Install]".to_owned(),
        "WantedBy=multi-user.target".to_owned(),
    ];
    lines.join("\n") + "\n"
}

/// A value that systemd takes as it is.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('%', "%%"))
}

/// The same in a command, where `$` means something too.
fn command_word(text: &str) -> String {
    quoted(&text.replace('$', "$$"))
}

#[cfg(test)]
mod tests {
    use super::{super::plan::tests::service, *};

    #[test]
    fn a_unit_that_notifies() {
        let text = unit(&service());
        for line in [
            "Type=notify",
            "User=me",
            "After=network.target",
            "Environment=\"PATH=/opt/bin:/bin\"",
            "Environment=\"RPM2_HOME=/home/me/my 100%% \\\"home\\\"/.rpm2\"",
            "ExecStart=\"/opt/a & b/$$rpm2\" resurrect",
            "ExecReload=\"/opt/a & b/$$rpm2\" reload all",
            "ExecStop=\"/opt/a & b/$$rpm2\" kill",
            "WantedBy=multi-user.target",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        let mut waiting = service();
        waiting.waits_for_network = true;
        assert!(unit(&waiting).contains("After=network-online.target"));
    }

    #[test]
    fn it_is_enabled_and_disabled_by_name() {
        let plan = install(&service());
        assert_eq!(
            plan.files[0].path,
            Path::new("/etc/systemd/system/rpm2-me.service")
        );
        assert_eq!(
            plan.commands.last().unwrap(),
            &["systemctl", "enable", "rpm2-me"]
        );
        let plan = remove(&service());
        assert_eq!(plan.commands, [words(&["systemctl", "disable", "rpm2-me"])]);
    }
}
