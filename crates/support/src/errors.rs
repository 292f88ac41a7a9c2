//! Errors about files, and the hint that goes with an error.
//!
//! A message says what failed and where, in lower case and without a full stop; the hint says what to do next. A path is
//! untrusted text: it must only reach a message through [`display_path`].

use std::io;
use std::path::{Path, PathBuf};

use super::{FailureKind, sanitise};

/// Maximum length of a path in a message, in characters.
const MAX_PATH_CHARS: usize = 300;

/// An error that can say what to do next, and whose fault it is.
pub trait Hint {
    /// What to do next, as one lower-case sentence without a full stop; `None` if there is nothing useful to say.
    fn hint(&self) -> Option<String>;

    /// Whose fault it is, which decides the program's exit code.
    fn kind(&self) -> FailureKind {
        FailureKind::Model
    }
}

/// What went wrong with a file or folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The path does not exist.
    #[error("not found: {}", display_path(.path))]
    NotFound {
        /// The path as given.
        path: PathBuf,
    },
    /// The user lacks the permission.
    #[error("no permission to {action} {}", display_path(.path))]
    Permission {
        /// The path as given.
        path: PathBuf,
        /// The attempted action, as a verb: `read`, `write`.
        action: &'static str,
    },
    /// The file exceeds the size limit.
    #[error("file larger than {}: {}", bytes(*.limit), display_path(.path))]
    TooLarge {
        /// The path as given.
        path: PathBuf,
        /// The largest accepted length in bytes.
        limit: u64,
    },
    /// A file was expected.
    #[error("this is a folder, not a file: {}", display_path(.path))]
    IsDirectory {
        /// The path as given.
        path: PathBuf,
    },
    /// The disk or the quota is full.
    #[error("no space left to write {}", display_path(.path))]
    NoSpace {
        /// The path as given.
        path: PathBuf,
    },
    /// Any other error.
    #[error("cannot {action} {}: {reason}", display_path(.path))]
    Other {
        /// The path as given.
        path: PathBuf,
        /// The attempted action, as a verb: `read`, `write`.
        action: &'static str,
        /// Why it failed; sanitised.
        reason: String,
    },
}

impl FileError {
    /// Converts `error`, which occurred when trying to `action` (a verb) the file at `path`.
    pub fn from_io(path: &Path, action: &'static str, error: &io::Error) -> Self {
        let path = path.to_path_buf();
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound { path },
            io::ErrorKind::PermissionDenied => Self::Permission { path, action },
            io::ErrorKind::IsADirectory => Self::IsDirectory { path },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { path },
            _ => Self::other(&path, action, &error.to_string()),
        }
    }

    /// An error with a reason of our own.
    pub fn other(path: &Path, action: &'static str, reason: &str) -> Self {
        Self::Other {
            path: path.to_path_buf(),
            action,
            reason: sanitise::clean_line(reason),
        }
    }

    /// The path the error is about.
    pub fn path(&self) -> &Path {
        match self {
            Self::NotFound { path }
            | Self::Permission { path, .. }
            | Self::TooLarge { path, .. }
            | Self::IsDirectory { path }
            | Self::NoSpace { path }
            | Self::Other { path, .. } => path,
        }
    }
}

impl Hint for FileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { path } => Some(match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() && !parent.exists() => {
                    format!(
                        "the folder {} does not exist either; check the path",
                        display_path(parent)
                    )
                }
                _ => "check the spelling and the folder you are in".to_owned(),
            }),
            Self::Permission { .. } => Some("check who owns it and its permissions".to_owned()),
            Self::TooLarge { limit, .. } => {
                Some(format!("use a file of at most {}", bytes(*limit)))
            }
            Self::IsDirectory { .. } => Some("give the path of a file inside it".to_owned()),
            Self::NoSpace { .. } => {
                Some("free some space, or choose another folder with ROUNDS_HOME".to_owned())
            }
            Self::Other { .. } => None,
        }
    }

    fn kind(&self) -> FailureKind {
        FailureKind::Io
    }
}

/// A path as it may appear in a message: sanitised, on one line, limited in length.
pub fn display_path(path: &Path) -> String {
    sanitise::clean_line_max(&path.to_string_lossy(), MAX_PATH_CHARS)
}

/// A number with its noun: `1 shot`, `2 shots`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A length in bytes, in the largest fitting unit, with one decimal if needed: `64 MiB`, `1.5 KiB`, `12 bytes`.
pub fn bytes(length: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (size, unit) in UNITS {
        if length >= size {
            let value = length as f64 / size as f64;
            return if length.is_multiple_of(size) {
                format!("{value:.0} {unit}")
            } else {
                format!("{value:.1} {unit}")
            };
        }
    }
    if length == 1 {
        "1 byte".to_owned()
    } else {
        format!("{length} bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_file_and_the_hint_says_what_to_do() {
        let error = FileError::from_io(
            Path::new("scan.png"),
            "read",
            &io::ErrorKind::NotFound.into(),
        );
        assert_eq!(error.to_string(), "not found: scan.png");
        assert_eq!(
            error.hint().as_deref(),
            Some("check the spelling and the folder you are in")
        );
    }

    #[test]
    fn a_hostile_file_name_is_cleaned_in_every_message() {
        let path = PathBuf::from("a\u{1B}]52;c;eA==\u{7}\nb.png");
        for error in [
            FileError::NotFound { path: path.clone() },
            FileError::Permission {
                path: path.clone(),
                action: "read",
            },
            FileError::TooLarge {
                path: path.clone(),
                limit: 64 << 20,
            },
            FileError::IsDirectory { path: path.clone() },
            FileError::NoSpace { path: path.clone() },
            FileError::other(&path, "read", "bad \u{1B}[31mthing"),
        ] {
            let text = error.to_string();
            assert!(text.contains("a\u{FFFD} b.png"), "{text:?}");
            assert!(!text.contains("52;c"), "{text:?}");
            assert!(!text.ends_with('.'), "{text:?}");
        }
    }

    #[test]
    fn lengths_use_the_largest_fitting_unit() {
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(12), "12 bytes");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(64 << 20), "64 MiB");
    }
}
