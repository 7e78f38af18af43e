//! The list of processes on disk: `dump.pm2`, written whole or not at all, the one before it kept beside.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use serde_json::{Map, Value};

use crate::home::Home;

/// What belongs to one life of a process only.
const LEFT_OUT: [&str; 2] = ["instances", "pm_id"];

/// The text of a dump: an array of process environments.
pub fn text(processes: impl IntoIterator<Item = Map<String, Value>>) -> String {
    let list: Vec<Value> = processes
        .into_iter()
        .map(|mut env| {
            for key in LEFT_OUT {
                env.shift_remove(key);
            }
            Value::Object(env)
        })
        .collect();
    serde_json::to_string_pretty(&list).unwrap_or_default()
}

/// Writes a dump. The old one becomes the backup only when the new one is safely on the disk; whatever fails, one of
/// them stays whole.
pub fn write(home: &Home, text: &str) -> io::Result<()> {
    let (path, backup) = (home.dump(), home.dump_backup());
    let fresh = home
        .root()
        .join(format!("dump.pm2.{}.new", std::process::id()));
    let written = write_synced(&fresh, text).and_then(|()| {
        if path.exists() {
            fs::rename(&path, &backup)?;
        }
        fs::rename(&fresh, &path)?;
        File::open(home.root())?.sync_all()
    });
    if written.is_err() {
        // Of no use to anybody; what it was to replace is still there.
        let _ = fs::remove_file(&fresh);
    }
    written
}

fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_dump_holds_environments_without_what_belongs_to_one_life() {
        let env = json!({ "name": "a", "pm_id": 3, "instances": 2, "status": "stopped", "env": { "A": "1" } });
        let text = text([env.as_object().unwrap().clone()]);
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            read,
            json!([{ "name": "a", "status": "stopped", "env": { "A": "1" } }])
        );
    }

    #[test]
    fn the_old_dump_becomes_the_backup_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        write(&home, "one").unwrap();
        write(&home, "two").unwrap();
        assert_eq!(fs::read_to_string(home.dump()).unwrap(), "two");
        assert_eq!(fs::read_to_string(home.dump_backup()).unwrap(), "one");
        assert_eq!(
            fs::metadata(home.dump()).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_dump_that_cannot_be_written_leaves_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        write(&home, "one").unwrap();
        let fresh = home
            .root()
            .join(format!("dump.pm2.{}.new", std::process::id()));
        fs::create_dir(&fresh).unwrap();
        assert!(write(&home, "two").is_err());
        assert_eq!(fs::read_to_string(home.dump()).unwrap(), "one");
    }
}
