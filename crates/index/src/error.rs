//! What can go wrong with an index, and what to do about it.

use super::vectors::VectorError;
use rounds_support::{FileError, Hint, OwnWord};

/// What can go wrong with an index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Vectors(#[from] VectorError),
    #[error(transparent)]
    OwnWord(#[from] OwnWord),
    #[error("{file} in the index is damaged: {reason}")]
    Damaged { file: String, reason: String },
    #[error("the index is of format version {found}, this program reads version {known}")]
    Version { found: u32, known: u32 },
    #[error("the index has no vectors of {wanted}, it has those of {known}")]
    Encoder { wanted: String, known: String },
    #[error("the index has vectors of {encoder} and needs its bundle {bundle}, which is not there")]
    NoBundle { encoder: String, bundle: String },
    #[error("{0} is not an index: it has no index.toml")]
    NotAnIndex(String),
    #[error("the index that ships is in the binary: nothing can be added to it or kept beside it")]
    Shipped,
    #[error("there is an index in {0} already")]
    Exists(String),
    #[error("{folder} is not empty: it holds {by}, which belongs to no index")]
    Taken { folder: String, by: String },
    #[error("another process is writing to the index {0}")]
    Busy(String),
    #[error("the index was compacted while it was open")]
    GenerationChanged,
    #[error("the index {0} was deleted while it was written")]
    Gone(String),
    #[error("no example of the index has a tag {name}; it has {known}")]
    NoTag { name: String, known: String },
    #[error("no example {0} in the index")]
    Unknown(String),
    #[error("the {what} example {id} is not in the index")]
    Missing { what: &'static str, id: String },
    #[error("{what} has {found} characters, at most {limit} are taken")]
    Long {
        what: &'static str,
        found: usize,
        limit: usize,
    },
    #[error("the index has no vectors of texts: its encoder has no text tower")]
    NoTexts,
    #[error("{0}")]
    Refused(String),
    #[error("interrupted")]
    Cancelled,
    #[error("the index database could not be used: {0}")]
    Database(#[from] rusqlite::Error),
}

/// A file of an index that is not what it should be.
pub fn damaged(file: &str, reason: impl ToString) -> IndexError {
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
                "see all damage with `rounds index verify`; import the data again into a new index, or leave --index out to use the one that ships"
            }
            Self::Version { .. } => "make the index again with `rounds index import`",
            Self::Encoder { .. } => {
                "add this encoder's vectors with `rounds index embed INDEX --model MODEL`, compare with --encoder and one it has, or ask with --strategy text, random or none"
            }
            Self::NoBundle { .. } => {
                "import or pull the bundle again, or drop these vectors with `rounds index embed INDEX --drop NAME`"
            }
            Self::NotAnIndex(_) => {
                "see what there is with `rounds index list`, or make one with `rounds index create`"
            }
            Self::Shipped => "`rounds index create NAME` makes one of your own",
            Self::Exists(_) => "add to it with `rounds index import`, or take another name",
            Self::Taken { .. } => {
                "name a folder that is empty or new; a bare name goes into the library"
            }
            Self::Busy(_) => "wait until it is done; reading goes on meanwhile",
            Self::NoTexts => {
                "embed it with a CLIP, SigLIP or BiomedCLIP bundle: `rounds index embed INDEX --encoder BUNDLE`, then ask with --encoder BUNDLE"
            }
            Self::GenerationChanged => "open it again",
            Self::Gone(_) => "import the data again into a new index",
            Self::NoTag { .. } => "see the values with `rounds index stats`",
            Self::Unknown(_) => "look for it with `rounds index search`",
            Self::Missing { .. } => {
                "look for its id with `rounds index search`; in the chat /pin off and /exclude off forget such examples"
            }
            Self::Database(error) => match error.sqlite_error_code() {
                Some(rusqlite::ErrorCode::DiskFull) => {
                    "free some space and start the command again: it goes on where it stopped"
                }
                Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                    "see all damage with `rounds index verify`; import the data again into a new index"
                }
                _ => return None,
            },
            _ => return None,
        };
        Some(text.to_string())
    }
}
