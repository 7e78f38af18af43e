//! Whether an app's user can read a file that the daemon can.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use crate::sys::spawn::Owner;

const READ: u32 = 0o4;
const ENTER: u32 = 0o1;

/// By the mode bits of the file and every folder above it. What access lists grant beyond those is not counted on.
pub(super) fn can_read(path: &Path, owner: &Owner) -> bool {
    let grants = |path: &Path, wanted: u32| {
        fs::metadata(path).is_ok_and(|meta| {
            let place = Place {
                uid: meta.uid(),
                gid: meta.gid(),
                mode: meta.mode(),
            };
            place.grants(owner, wanted)
        })
    };
    grants(path, READ) && path.ancestors().skip(1).all(|folder| grants(folder, ENTER))
}

/// Owner and mode of a file or folder.
struct Place {
    uid: u32,
    gid: u32,
    mode: u32,
}

impl Place {
    /// One set of bits counts: the owner's, else the group's, else that of all others.
    fn grants(&self, owner: &Owner, wanted: u32) -> bool {
        let shift = if owner.uid == 0 {
            return true;
        } else if owner.uid == self.uid {
            6
        } else if owner.gid == self.gid || owner.groups.contains(&self.gid) {
            3
        } else {
            0
        };
        self.mode >> shift & wanted != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_set_of_bits_that_applies_decides() {
        let owner = |uid, gid| Owner {
            uid,
            gid,
            groups: vec![77],
        };
        for (mode, uid, gid, expected) in [
            (0o600, 10, 20, true),
            (0o600, 11, 20, false),
            (0o640, 11, 20, true),
            (0o644, 11, 21, true),
            // Worse off than everyone else.
            (0o044, 10, 20, false),
            (0o604, 11, 20, false),
            (0o600, 0, 0, true),
        ] {
            let place = Place {
                uid: 10,
                gid: 20,
                mode,
            };
            assert_eq!(
                place.grants(&owner(uid, gid), READ),
                expected,
                "{mode:o} {uid} {gid}"
            );
        }
        let by_group = Place {
            uid: 10,
            gid: 77,
            mode: 0o040,
        };
        assert!(by_group.grants(&owner(11, 20), READ));
    }

    #[test]
    fn a_folder_that_cannot_be_entered_hides_what_is_in_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let folder = dir.path().join("folder");
        let file = folder.join("file");
        fs::create_dir(&folder).unwrap();
        fs::write(&file, "").unwrap();
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let nobody = Owner {
            uid: 65_534,
            gid: 65_534,
            groups: vec![],
        };
        set(dir.path(), 0o755);
        set(&file, 0o644);
        for (mode, expected) in [(0o755, true), (0o711, true), (0o744, false), (0o700, false)] {
            set(&folder, mode);
            assert_eq!(can_read(&file, &nobody), expected, "{mode:o}");
        }
        assert!(!can_read(&folder.join("missing"), &nobody));
    }
}
