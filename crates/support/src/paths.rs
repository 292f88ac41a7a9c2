//! Where the program keeps its own files.
//!
//! This module only names folders; writers create them with [`super::files::create_private_dir`]. Never create a folder here:
//! `--help` must leave no trace.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{FailureKind, Hint};

/// The environment variable that moves everything into one folder.
pub const HOME_VARIABLE: &str = "ROUNDS_HOME";

/// The program's folders, which need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Sessions, pulled models, user indexes.
    pub data_dir: PathBuf,
    /// The settings file.
    pub config_dir: PathBuf,
    /// Files that can be recreated.
    pub cache_dir: PathBuf,
    /// Log files.
    pub log_dir: PathBuf,
}

/// The program's folders are unknown because the user has no home folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no home folder is known for this user")]
pub struct NoHome;

impl Hint for NoHome {
    fn hint(&self) -> Option<String> {
        Some(format!("set {HOME_VARIABLE} to a folder you can write to"))
    }

    fn kind(&self) -> FailureKind {
        FailureKind::Configuration
    }
}

impl Paths {
    /// The folders under `ROUNDS_HOME`, or else the system's default folders for this user.
    pub fn find() -> Result<Self, NoHome> {
        Self::find_from(std::env::var_os(HOME_VARIABLE).as_deref())
    }

    /// Like [`Paths::find`], but with the value of `ROUNDS_HOME` passed in; an empty value counts as unset.
    pub fn find_from(home: Option<&OsStr>) -> Result<Self, NoHome> {
        if let Some(home) = home.filter(|value| !value.is_empty()) {
            let home = Path::new(home);
            // Absolute, so that a later change of the working directory has no effect.
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

/// A path to `folder` that works from any working directory: just its name if it is in `library`, else its absolute path.
pub fn stable_path(folder: &Path, library: &Path) -> PathBuf {
    match folder.strip_prefix(library) {
        Ok(name) if name.components().count() == 1 => name.to_path_buf(),
        _ => std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_home_contains_every_folder_and_none_is_created() {
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
    fn a_library_folder_becomes_its_name_and_any_other_an_absolute_path() {
        let library = Path::new("/home/me/models");
        let stable_path = |folder: &str| stable_path(Path::new(folder), library);
        assert_eq!(stable_path("/home/me/models/big"), Path::new("big"));
        let inside = "/home/me/models/big/inside";
        assert_eq!(stable_path(inside), Path::new(inside));
        assert!(stable_path("here").is_absolute());
        assert_eq!(stable_path("/home/me/models"), library);
    }

    #[test]
    fn a_relative_home_becomes_absolute() {
        let paths = Paths::find_from(Some(OsStr::new("here"))).unwrap();
        assert!(paths.data_dir.is_absolute());
    }
}
