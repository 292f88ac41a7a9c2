//! Errors about files, and the hint that goes with an error.
//!
//! A message says what failed and where, in lower case and without a full stop; the hint says what to do next. A path
//! is untrusted text: it never reaches a message other than through [`shown`].

use std::io;
use std::path::{Path, PathBuf};

use super::sanitise;

/// Longest path, in characters, that a message shows.
const LONGEST_PATH: usize = 300;

/// An error that can say what to do next.
pub trait Hint {
    /// What to do next, as one lower-case sentence without a full stop; `None` if there is nothing useful to say.
    fn hint(&self) -> Option<String>;
}

/// What went wrong with a file or folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is nothing at this path.
    #[error("not found: {}", shown(.path))]
    NotFound {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The system does not allow it.
    #[error("no permission to {action} {}", shown(.path))]
    Permission {
        /// The path as it was given.
        path: PathBuf,
        /// What was tried, as a verb: `read`, `write`.
        action: &'static str,
    },
    /// The file is longer than what its reader accepts.
    #[error("file larger than {}: {}", bytes(*.limit), shown(.path))]
    TooLarge {
        /// The path as it was given.
        path: PathBuf,
        /// The largest accepted length in bytes.
        limit: u64,
    },
    /// A file was expected.
    #[error("a folder, not a file: {}", shown(.path))]
    IsDirectory {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The disk or the quota is full.
    #[error("no space left to write {}", shown(.path))]
    NoSpace {
        /// The path as it was given.
        path: PathBuf,
    },
    /// Anything else, in the system's words.
    #[error("cannot {action} {}: {reason}", shown(.path))]
    Other {
        /// The path as it was given.
        path: PathBuf,
        /// What was tried, as a verb: `read`, `write`.
        action: &'static str,
        /// Why it failed; already clean.
        reason: String,
    },
}

impl FileError {
    /// The error for `error`, met when trying to `action` (a verb) the file at `path`.
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

    /// An error in words of our own.
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
                        shown(parent)
                    )
                }
                _ => "check the spelling and the folder you are in".to_owned(),
            }),
            Self::Permission { .. } => Some("check who owns it and its permissions".to_owned()),
            Self::TooLarge { limit, .. } => {
                Some(format!("use a file of at most {}", bytes(*limit)))
            }
            Self::IsDirectory { .. } => Some("name a file inside it".to_owned()),
            Self::NoSpace { .. } => {
                Some("free some space, or choose another folder with ROUNDS_HOME".to_owned())
            }
            Self::Other { .. } => None,
        }
    }
}

/// A path as a message may show it: cleaned, on one line, not endless.
pub fn shown(path: &Path) -> String {
    sanitise::clean_line_max(&path.to_string_lossy(), LONGEST_PATH)
}

/// A number of things in words: `1 shot`, `2 shots`.
pub fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A length in bytes in the largest unit that divides it, or rounded to one decimal: `64 MiB`, `1.5 KiB`, `12 bytes`.
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
    fn lengths_read_well() {
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(12), "12 bytes");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(64 << 20), "64 MiB");
    }
}
