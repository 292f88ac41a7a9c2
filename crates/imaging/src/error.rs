//! What can go wrong with a picture, in words for the person who chose the file.
//!
//! Names and reasons are cleaned before they are put in; never build a variant from raw text.

use super::decode::{MAX_PIXELS, MAX_SIDE};
use rounds_support::errors::{FileError, Hint, bytes};

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImagingError {
    /// The file has no bytes.
    #[error("the file is empty: {name}")]
    Empty {
        /// Cleaned file name.
        name: String,
    },
    /// The content is in none of the formats that can be read.
    #[error("not a picture that can be read: {name}{}", seems(*.looks_like))]
    Unknown {
        /// Cleaned file name.
        name: String,
        /// What the content looks like instead, if it is known.
        looks_like: Option<&'static str>,
    },
    /// The file is longer than what is read.
    #[error("file larger than {}: {name} ({})", bytes(*.limit), bytes(*.length))]
    FileTooLarge {
        /// Cleaned file name.
        name: String,
        /// Length in bytes.
        length: u64,
        /// The largest accepted length in bytes.
        limit: u64,
    },
    /// The picture has more pixels than what is decoded.
    #[error("picture too large: {name} has {width} x {height} pixels")]
    TooLarge {
        /// Cleaned file name.
        name: String,
        /// Width in pixels, from the header.
        width: u32,
        /// Height in pixels, from the header.
        height: u32,
    },
    /// Decoding would take more memory than is allowed.
    #[error("decoding {name} would take too much memory")]
    TooMuchMemory {
        /// Cleaned file name.
        name: String,
    },
    /// The file ends too early.
    #[error("the file is cut short: {name}")]
    Truncated {
        /// Cleaned file name.
        name: String,
    },
    /// The format is known, this variant of it is not.
    #[error("a kind of {format} that cannot be read: {name} ({reason})")]
    Unsupported {
        /// Cleaned file name.
        name: String,
        /// Name of the format.
        format: &'static str,
        /// The decoder's words, cleaned.
        reason: String,
    },
    /// The content breaks the rules of its format.
    #[error("the {format} file is broken: {name} ({reason})")]
    Broken {
        /// Cleaned file name.
        name: String,
        /// Name of the format.
        format: &'static str,
        /// The decoder's words, cleaned.
        reason: String,
    },
    /// A thumbnail could not be written.
    #[error("cannot make a thumbnail of {name}: {reason}")]
    Encode {
        /// Cleaned file name.
        name: String,
        /// The encoder's words, cleaned.
        reason: String,
    },
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
}

fn seems(looks_like: Option<&'static str>) -> String {
    looks_like
        .map(|kind| format!(" (it looks like {kind})"))
        .unwrap_or_default()
}

impl Hint for ImagingError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::File(error) => return error.hint(),
            Self::Empty { .. } | Self::Truncated { .. } | Self::Broken { .. } => {
                "copy or export the picture again"
            }
            Self::Unknown { .. } | Self::Unsupported { .. } => "export it as PNG or JPEG",
            Self::FileTooLarge { .. } | Self::TooMuchMemory { .. } => {
                "make the picture smaller first"
            }
            Self::TooLarge { .. } => {
                let millions = MAX_PIXELS / 1_000_000;
                return Some(format!(
                    "make it at most {MAX_SIDE} pixels a side and {millions} million pixels in all"
                ));
            }
            Self::Encode { .. } => return None,
        };
        Some(text.to_owned())
    }
}
