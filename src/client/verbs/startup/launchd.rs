//! A launchd property list, for the system's daemons: it is started with the system, not with a login.

use std::path::{Path, PathBuf};

use super::plan::{Plan, PlannedFile, Service, words};

pub(super) fn install(service: &Service) -> Plan {
    let path = path(service);
    let shown = path.to_string_lossy().into_owned();
    Plan {
        files: vec![PlannedFile {
            path,
            text: list(service),
            mode: 0o644,
        }],
        commands: vec![words(&["launchctl", "load", "-w", &shown])],
    }
}

pub(super) fn remove(service: &Service) -> Plan {
    let path = path(service);
    // Unloading ends nothing: the job itself ended when all was started.
    let shown = path.to_string_lossy().into_owned();
    Plan {
        files: vec![PlannedFile {
            path,
            text: String::new(),
            mode: 0,
        }],
        commands: vec![words(&["launchctl", "unload", "-w", &shown])],
    }
}

fn path(service: &Service) -> PathBuf {
    Path::new("/Library/LaunchDaemons").join(format!("{}.plist", service.name))
}

fn list(service: &Service) -> String {
    let key = |name: &str, value: &str| format!("    <key>{name}</key>\n    {value}");
    let string = |text: &str| format!("<string>{}</string>", escaped(text));
    let binary = string(&service.binary.to_string_lossy());
    let variables = format!(
        "<dict>\n  {}\n  {}\n    </dict>",
        key("PATH", &string(&service.path)).replace('\n', "\n  "),
        key("RPM2_HOME", &string(&service.home.to_string_lossy())).replace('\n', "\n  ")
    );
    let members = [
        key("Label", &string(&service.name)),
        key("UserName", &string(&service.user)),
        key(
            "ProgramArguments",
            &format!("<array>\n      {binary}\n      <string>resurrect</string>\n    </array>"),
        ),
        key("RunAtLoad", "<true/>"),
        // The job ends at once; what it started lives on.
        key("AbandonProcessGroup", "<true/>"),
        key("EnvironmentVariables", &variables),
    ];
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n  <dict>\n{}\n  </dict>\n</plist>\n",
        members.join("\n")
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{super::plan::tests::service, *};

    #[test]
    fn a_list_with_everything_escaped() {
        let text = list(&service());
        for part in [
            "<key>Label</key>\n    <string>rpm2-me</string>",
            "<string>/opt/a &amp; b/$rpm2</string>\n      <string>resurrect</string>",
            "<key>RPM2_HOME</key>\n      <string>/home/me/my 100% \"home\"/.rpm2</string>",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn it_is_loaded_and_unloaded_by_path() {
        let path = "/Library/LaunchDaemons/rpm2-me.plist";
        assert_eq!(
            install(&service()).commands,
            [words(&["launchctl", "load", "-w", path])]
        );
        assert_eq!(
            remove(&service()).commands,
            [words(&["launchctl", "unload", "-w", path])]
        );
    }
}
