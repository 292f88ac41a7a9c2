//! Where the program keeps its own files.
//!
//! Only names folders; whoever writes there makes the folder first, with [`super::files::create_private_dir`]. Never
//! create a folder here: asking for help must leave no trace.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::errors::Hint;

/// The environment variable that puts everything under one folder.
pub const HOME_VARIABLE: &str = "ROUNDS_HOME";

/// The program's folders; none needs to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Sessions, pulled models, user indexes.
    pub data_dir: PathBuf,
    /// The settings file.
    pub config_dir: PathBuf,
    /// What can be made again.
    pub cache_dir: PathBuf,
    /// Log files.
    pub log_dir: PathBuf,
}

/// No home folder is known, so no folder of ours can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no home folder is known for this user")]
pub struct NoHome;

impl Hint for NoHome {
    fn hint(&self) -> Option<String> {
        Some(format!("set {HOME_VARIABLE} to a folder of yours"))
    }
}

impl Paths {
    /// The folders from `ROUNDS_HOME`, or else the system's places for this user.
    pub fn find() -> Result<Self, NoHome> {
        Self::find_from(std::env::var_os(HOME_VARIABLE).as_deref())
    }

    /// As [`Paths::find`], with the value of `ROUNDS_HOME` given; an empty value counts as none.
    pub fn find_from(home: Option<&OsStr>) -> Result<Self, NoHome> {
        if let Some(home) = home.filter(|value| !value.is_empty()) {
            let home = Path::new(home);
            // Absolute, so that a later change of the working folder moves nothing.
            return Ok(Self::under(
                &std::path::absolute(home).unwrap_or_else(|_| home.to_path_buf()),
            ));
        }
        let system = directories::ProjectDirs::from("", "", "rounds").ok_or(NoHome)?;
        Ok(Self {
            data_dir: system.data_dir().to_path_buf(),
            config_dir: system.config_dir().to_path_buf(),
            cache_dir: system.cache_dir().to_path_buf(),
            log_dir: system.data_dir().join("logs"),
        })
    }

    /// All folders under `home`: `data`, `config`, `cache`, `logs`.
    pub fn under(home: &Path) -> Self {
        Self {
            data_dir: home.join("data"),
            config_dir: home.join("config"),
            cache_dir: home.join("cache"),
            log_dir: home.join("logs"),
        }
    }
}

/// What finds `folder` again wherever the program is started: its name where it lies in `library`, else its whole path.
pub fn lasting(folder: &Path, library: &Path) -> PathBuf {
    match folder.strip_prefix(library) {
        Ok(name) if name.components().count() == 1 => name.to_path_buf(),
        _ => std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_home_holds_every_folder_and_none_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("chosen");
        let paths = Paths::find_from(Some(home.as_os_str())).unwrap();
        for path in [
            &paths.data_dir,
            &paths.config_dir,
            &paths.cache_dir,
            &paths.log_dir,
        ] {
            assert!(path.starts_with(&home));
        }
        assert!(!home.exists());
    }

    #[test]
    fn a_folder_of_the_library_is_kept_by_its_name_and_any_other_by_its_whole_path() {
        let library = Path::new("/home/me/models");
        let lasting = |folder: &str| lasting(Path::new(folder), library);
        assert_eq!(lasting("/home/me/models/big"), Path::new("big"));
        let inside = "/home/me/models/big/inside";
        assert_eq!(lasting(inside), Path::new(inside));
        assert!(lasting("here").is_absolute());
        assert_eq!(lasting("/home/me/models"), library);
    }

    #[test]
    fn a_relative_home_becomes_absolute() {
        let paths = Paths::find_from(Some(OsStr::new("here"))).unwrap();
        assert!(paths.data_dir.is_absolute());
    }
}
