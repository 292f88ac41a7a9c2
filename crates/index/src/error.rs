//! What can go wrong with an index, and what to do about it.

use super::vectors::VectorError;
use rounds_support::{FailureKind, FileError, Hint, ReservedName};

/// What can go wrong with an index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A problem with vectors or their files.
    #[error(transparent)]
    Vectors(#[from] VectorError),
    /// The name is reserved.
    #[error(transparent)]
    ReservedName(#[from] ReservedName),
    /// A file does not have its expected content.
    #[error("{file} in the index is damaged: {reason}")]
    Damaged {
        /// Name of the file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The index has another format version.
    #[error("the index has format version {found}, this program reads version {known}")]
    Version {
        /// Version of the index.
        found: u32,
        /// Version this program reads.
        known: u32,
    },
    /// The index has no vectors from an encoder.
    #[error("the index has no vectors from {wanted}; it has vectors from {known}")]
    Encoder {
        /// The encoder asked for.
        wanted: String,
        /// The encoders the index has.
        known: String,
    },
    /// The bundle of an encoder of the index is missing.
    #[error("the index was made with {encoder}, but its bundle {bundle} is missing")]
    NoBundle {
        /// Name of the encoder.
        encoder: String,
        /// Name or folder of the bundle.
        bundle: String,
    },
    /// The folder holds no index.
    #[error("{0} is not an index: it has no index.toml")]
    NotAnIndex(String),
    /// The shipped index cannot be changed or have caches.
    #[error("the shipped index is part of the program and cannot be changed or cached")]
    Shipped,
    /// The folder already holds an index.
    #[error("there is already an index in {0}")]
    Exists(String),
    /// The folder for a new index holds other files.
    #[error("{folder} is not empty: it holds {by}, which is not part of an index")]
    NotEmpty {
        /// The folder.
        folder: String,
        /// The first other file in it.
        by: String,
    },
    /// Another process holds the writer lock.
    #[error("another process is writing to the index {0}")]
    Busy(String),
    /// The index was compacted, so example numbers have changed.
    #[error("the index was compacted while it was open")]
    GenerationChanged,
    /// The index was deleted during a write.
    #[error("the index {0} was deleted while it was being written")]
    Deleted(String),
    /// No example has a tag of this name.
    #[error("no example in the index has the tag {name}; available are {known}")]
    NoTag {
        /// The tag asked for.
        name: String,
        /// The tags the index has.
        known: String,
    },
    /// No example has this id or number.
    #[error("no example {0} in the index")]
    Unknown(String),
    /// An example named in the settings does not exist.
    #[error("the {what} example {id} is not in the index")]
    Missing {
        /// How it is used, such as `pinned`.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// A text field is too long.
    #[error("{what} has {found} characters; the limit is {limit}")]
    TooLong {
        /// The field.
        what: &'static str,
        /// Its length in characters.
        found: usize,
        /// The longest length accepted.
        limit: usize,
    },
    /// The encoder has no text tower.
    #[error("the index has no text vectors: its encoder has no text tower")]
    NoTextVectors,
    /// The request is invalid, for the reason given.
    #[error("{0}")]
    Refused(String),
    /// The cancel flag was raised.
    #[error("interrupted")]
    Cancelled,
    /// SQLite failed.
    #[error("the index database failed: {0}")]
    Database(#[from] rusqlite::Error),
}

/// The error for a damaged file of an index.
pub(crate) fn damaged(file: &str, reason: impl ToString) -> IndexError {
    IndexError::Damaged {
        file: file.to_string(),
        reason: rounds_support::sanitise::clean_line(&reason.to_string()),
    }
}

impl Hint for IndexError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::File(error) => return error.hint(),
            Self::Vectors(error) => return error.hint(),
            Self::Damaged { .. } => {
                "list the damage with `rounds index verify`; import the data again into a new index, or omit --index to use the shipped one"
            }
            Self::Version { .. } => {
                "import the data again into a new index with `rounds index import`"
            }
            Self::Encoder { .. } => {
                "add its vectors with `rounds index embed INDEX --model MODEL`, choose an encoder the index has with --encoder, or use --strategy text, random or none"
            }
            Self::NoBundle { .. } => {
                "import or pull the bundle again, or drop its vectors with `rounds index embed INDEX --drop NAME`"
            }
            Self::NotAnIndex(_) => {
                "list your indexes with `rounds index list`, or create one with `rounds index create`"
            }
            Self::Shipped => "create your own with `rounds index create NAME`",
            Self::Exists(_) => "add to it with `rounds index import`, or choose another name",
            Self::NotEmpty { .. } => {
                "choose an empty or new folder, or a plain name to create it in the library"
            }
            Self::Busy(_) => "wait until it is done; the index can be read meanwhile",
            Self::NoTextVectors => {
                "add text vectors with a CLIP, SigLIP or BiomedCLIP bundle: `rounds index embed INDEX --encoder BUNDLE`, then ask with --encoder BUNDLE"
            }
            Self::GenerationChanged => "open it again",
            Self::Deleted(_) => "import the data again into a new index",
            Self::NoTag { .. } => "list its tags with `rounds index stats`",
            Self::Unknown(_) => "find its id with `rounds index search`",
            Self::Missing { .. } => {
                "find its id with `rounds index search`; in the chat, /pin off and /exclude off clear these lists"
            }
            Self::Database(error) => match error.sqlite_error_code() {
                Some(rusqlite::ErrorCode::DiskFull) => {
                    "free some disk space and run the command again; it continues where it stopped"
                }
                Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                    "list the damage with `rounds index verify`; import the data again into a new index"
                }
                _ => return None,
            },
            _ => return None,
        };
        Some(text.to_string())
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Vectors(error) => error.kind(),
            Self::Cancelled => FailureKind::Interrupted,
            Self::NotAnIndex(_)
            | Self::Exists(_)
            | Self::NotEmpty { .. }
            | Self::NoTag { .. }
            | Self::ReservedName(_)
            | Self::Unknown(_)
            | Self::Missing { .. }
            | Self::TooLong { .. }
            | Self::NoTextVectors
            | Self::Shipped
            | Self::Refused(_) => FailureKind::Usage,
            _ => FailureKind::Model,
        }
    }
}
