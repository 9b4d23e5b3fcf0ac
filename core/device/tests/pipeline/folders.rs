//! The folder of a drive: what is read of it, and what is not.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use wayhex_device::source::{Drive, DriveError, FOLDER_DEPTH_MAX};

use crate::json_drives::{folder, play};
use crate::scene::NOW_MS;

#[test]
fn a_folder_too_deep_is_an_error_that_names_it() {
    let dir = folder(3);
    let deep = |folders: usize| {
        let path = (0..folders).fold(dir.path().to_path_buf(), |path, _| path.join("in"));
        fs::create_dir_all(&path).unwrap();
        Drive::open(dir.path(), NOW_MS)
    };
    assert!(deep(FOLDER_DEPTH_MAX).is_ok());
    let error = deep(FOLDER_DEPTH_MAX + 1).unwrap_err();
    assert!(matches!(error, DriveError::TooDeep { .. }), "{error}");
    assert!(error.to_string().contains("in/in/in"), "{error}");
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;

    use super::{Drive, DriveError, NOW_MS, Path, TempDir, folder, fs, play};

    fn link(dir: &TempDir, name: &str, to: impl AsRef<Path>) {
        let path = dir.path().join(name);
        if path.exists() {
            fs::remove_file(&path).unwrap();
        }
        symlink(to, path).unwrap();
    }

    #[test]
    fn a_link_into_nothing_costs_one_frame() {
        let dir = folder(6);
        link(&dir, "2.jpg", "nowhere.jpg");
        link(&dir, "notes.txt", "nowhere.txt");
        let drive = Drive::open(dir.path(), NOW_MS).unwrap();
        assert_eq!(drive.frames(), 6);
        drive.hash().unwrap();
        let seen = play(dir.path());
        assert_eq!(seen.kept.len(), 5);
        assert_eq!(seen.reasons(), [("2.jpg", "picture_unreadable")]);
    }

    #[test]
    fn a_link_out_of_the_drive_is_not_followed() {
        let (dir, outside) = (folder(6), folder(6));
        link(&dir, "2.jpg", outside.path().join("2.jpg"));
        link(&dir, "4.json", outside.path().join("4.json"));
        let seen = play(dir.path());
        assert_eq!(seen.kept.len(), 4);
        let mut reasons = seen.reasons();
        reasons.sort_unstable();
        assert_eq!(
            reasons,
            [
                ("2.jpg", "picture_unreadable"),
                ("4.jpg", "metadata_missing")
            ]
        );
    }

    #[test]
    fn a_link_within_the_drive_is() {
        let dir = folder(6);
        fs::create_dir(dir.path().join("store")).unwrap();
        fs::rename(dir.path().join("2.jpg"), dir.path().join("store/picture")).unwrap();
        link(&dir, "2.jpg", "store/picture");
        assert_eq!(play(dir.path()).kept.len(), 6);
    }

    #[test]
    fn a_link_to_a_folder_or_for_a_table_is_an_error_that_names_it() {
        let (dir, outside) = (folder(3), TempDir::new().unwrap());
        link(&dir, "more", outside.path());
        let error = Drive::open(dir.path(), NOW_MS).unwrap_err();
        assert!(
            matches!(&error, DriveError::Link { path } if path.ends_with("more")),
            "{error}"
        );
        for name in ["frames.csv", "recording.json"] {
            let dir = folder(3);
            link(&dir, name, outside.path().join(name));
            let error = Drive::open(dir.path(), NOW_MS).unwrap_err();
            assert!(
                matches!(&error, DriveError::Link { path } if path.ends_with(name)),
                "{error}"
            );
        }
    }
}
