//! An `OpenRC` script. The daemon also listens to root, so that stopping needs no change of user.

use std::path::{Path, PathBuf};

use super::plan::{Plan, PlannedFile, Service, words};

pub(super) fn install(service: &Service) -> Plan {
    Plan {
        files: vec![PlannedFile {
            path: path(service),
            text: script(service),
            mode: 0o755,
        }],
        commands: vec![words(&["rc-update", "add", &service.name, "default"])],
    }
}

pub(super) fn remove(service: &Service) -> Plan {
    Plan {
        files: vec![PlannedFile {
            path: path(service),
            text: String::new(),
            mode: 0,
        }],
        commands: vec![words(&["rc-update", "delete", &service.name, "default"])],
    }
}

fn path(service: &Service) -> PathBuf {
    Path::new("/etc/init.d").join(&service.name)
}

fn script(service: &Service) -> String {
    let need = if service.waits_for_network {
        "need localmount net"
    } else {
        "need localmount\n\tafter net"
    };
    format!(
        "#!/sbin/openrc-run\n\
         # Written by `rpm2 startup`.\n\
         \n\
         description=\"rpm2 process manager\"\n\
         extra_started_commands=\"reload\"\n\
         \n\
         export PATH={path}\n\
         export RPM2_HOME={home}\n\
         command={binary}\n\
         command_args=\"resurrect\"\n\
         command_user={user}\n\
         pidfile={pid_file}\n\
         \n\
         depend() {{\n\t{need}\n}}\n\
         \n\
         stop() {{\n\tebegin \"Stopping rpm2\"\n\t\"$command\" kill\n\teend $?\n}}\n\
         \n\
         reload() {{\n\tebegin \"Reloading rpm2's apps\"\n\t\"$command\" reload all\n\teend $?\n}}\n",
        path = quoted(&service.path),
        home = quoted(&service.home.to_string_lossy()),
        binary = quoted(&service.binary.to_string_lossy()),
        user = quoted(&service.user),
        pid_file = quoted(&service.pid_file().to_string_lossy()),
    )
}

/// A word that the shell takes as it is.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::{super::plan::tests::service, *};
    use std::process::Command;

    #[test]
    fn the_shell_reads_every_word_as_it_is() {
        let mut service = service();
        service.home = "/home/it's $HOME `x`".into();
        let script = script(&service);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &script).unwrap();
        let show =
            ". \"$1\"; printf '%s\\n' \"$RPM2_HOME\" \"$command\" \"$command_user\" \"$pidfile\"";
        let output = Command::new("/bin/sh")
            .args(["-c", show, "sh"])
            .arg(file.path())
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "/home/it's $HOME `x`\n/opt/a & b/$rpm2\nme\n/home/it's $HOME `x`/pm2.pid\n",
            "{script}"
        );
        assert!(script.starts_with("#!/sbin/openrc-run\n"));
    }

    #[test]
    fn it_is_added_and_deleted_by_name() {
        let plan = install(&service());
        assert_eq!(plan.files[0].path, Path::new("/etc/init.d/rpm2-me"));
        assert_eq!(plan.files[0].mode, 0o755);
        assert_eq!(
            plan.commands,
            [words(&["rc-update", "add", "rpm2-me", "default"])]
        );
        assert_eq!(
            remove(&service()).commands,
            [words(&["rc-update", "delete", "rpm2-me", "default"])]
        );
    }
}
