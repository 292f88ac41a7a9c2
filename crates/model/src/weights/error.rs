//! Errors of reading weights files.
//!
//! The files and every text in them are untrusted. Build variants only through the functions below, which clean their arguments.

use std::io;
use std::path::{Path, PathBuf};

use rounds_support::errors::display_path;
use rounds_support::sanitise;

/// Most characters of a reason in a message.
const MAX_REASON: usize = 400;

/// Why weights cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightError {
    /// The operating system could not read the file.
    #[error("cannot read {}: {reason}", display_path(.path))]
    Io {
        /// The given path.
        path: PathBuf,
        /// The system's message, cleaned.
        reason: String,
    },
    /// The file is damaged or has another format.
    #[error("{file} is not a readable weights file: {reason}")]
    Format {
        /// Cleaned file name.
        file: String,
        /// What is wrong, and where in the file; cleaned.
        reason: String,
    },
    /// The file asks for code to be run. It was not run.
    #[error("{file} was refused because it could run code (nothing was run): {reason}")]
    Hostile {
        /// Cleaned file name.
        file: String,
        /// Which code, and where in the file; cleaned.
        reason: String,
    },
    /// The file exceeds a limit of the reader.
    #[error("{file} has {what}, more than the limit of {limit}")]
    TooLarge {
        /// Cleaned file name.
        file: String,
        /// What there is too much of; cleaned.
        what: String,
        /// The limit with its unit: `64 MiB`.
        limit: String,
    },
}

impl WeightError {
    /// A system `error` while reading the file at `path`.
    pub fn io(path: &Path, error: &io::Error) -> Self {
        Self::Io {
            path: path.to_path_buf(),
            reason: clean(&error.to_string()),
        }
    }

    /// `file` is damaged or has another format, for this `reason`.
    pub fn format(file: &str, reason: impl AsRef<str>) -> Self {
        Self::Format {
            file: clean(file),
            reason: clean(reason.as_ref()),
        }
    }

    /// `file` asks for code to be run; `reason` says which.
    pub fn hostile(file: &str, reason: impl AsRef<str>) -> Self {
        Self::Hostile {
            file: clean(file),
            reason: clean(reason.as_ref()),
        }
    }

    /// `file` has `what`, which exceeds `limit`.
    pub fn too_large(file: &str, what: impl AsRef<str>, limit: impl ToString) -> Self {
        Self::TooLarge {
            file: clean(file),
            what: clean(what.as_ref()),
            limit: limit.to_string(),
        }
    }
}

fn clean(text: &str) -> String {
    sanitise::clean_line_max(text, MAX_REASON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_from_a_file_are_cleaned_in_every_message() {
        let dirty = "a\u{1B}]52;c;eA==\u{7}\nb";
        for error in [
            WeightError::io(Path::new(dirty), &io::Error::other(dirty)),
            WeightError::format(dirty, dirty),
            WeightError::hostile(dirty, dirty),
            WeightError::too_large(dirty, dirty, "4 KiB"),
        ] {
            let text = error.to_string();
            assert!(text.contains("a\u{FFFD} b"), "{text:?}");
            assert!(!text.contains("52;c"), "{text:?}");
            assert!(!text.ends_with('.'), "{text:?}");
        }
    }

    #[test]
    fn long_reasons_are_truncated() {
        let text = WeightError::format("model.bin", "x".repeat(100_000)).to_string();
        assert!(text.chars().count() < 500, "{}", text.len());
    }
}
