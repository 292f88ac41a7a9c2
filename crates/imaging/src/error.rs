//! What can go wrong with an image, worded for the person who chose the file.
//!
//! Names and reasons must be sanitised; never build a variant from raw text.

use super::limits::{MAX_PIXELS, MAX_SIDE};
use rounds_support::FailureKind;
use rounds_support::errors::{FileError, Hint, bytes};

/// Why an image could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImagingError {
    /// The file has no bytes.
    #[error("the file is empty: {name}")]
    Empty {
        /// Sanitised file name.
        name: String,
    },
    /// The content is in no supported format.
    #[error("not a supported image: {name}{}", seems(*.looks_like))]
    Unknown {
        /// Sanitised file name.
        name: String,
        /// What the content looks like instead, if known.
        looks_like: Option<&'static str>,
    },
    /// The file exceeds the size limit.
    #[error("file larger than {}: {name} ({})", bytes(*.limit), bytes(*.length))]
    FileTooLarge {
        /// Sanitised file name.
        name: String,
        /// Length in bytes.
        length: u64,
        /// The largest accepted length in bytes.
        limit: u64,
    },
    /// The image exceeds the pixel limit.
    #[error("image too large: {name} has {width} x {height} pixels")]
    TooLarge {
        /// Sanitised file name.
        name: String,
        /// Width in pixels, from the header.
        width: u32,
        /// Height in pixels, from the header.
        height: u32,
    },
    /// Decoding would exceed the memory limit.
    #[error("decoding {name} would need too much memory")]
    TooMuchMemory {
        /// Sanitised file name.
        name: String,
    },
    /// The file ends too early.
    #[error("the file is incomplete: {name}")]
    Truncated {
        /// Sanitised file name.
        name: String,
    },
    /// The format is supported, but not this variant of it.
    #[error("unsupported kind of {format}: {name} ({reason})")]
    Unsupported {
        /// Sanitised file name.
        name: String,
        /// Name of the format.
        format: &'static str,
        /// The decoder's message, sanitised.
        reason: String,
    },
    /// The content violates its format.
    #[error("damaged {format} file: {name} ({reason})")]
    Broken {
        /// Sanitised file name.
        name: String,
        /// Name of the format.
        format: &'static str,
        /// The decoder's message, sanitised.
        reason: String,
    },
    /// A thumbnail could not be written.
    #[error("cannot make a thumbnail of {name}: {reason}")]
    Encode {
        /// Sanitised file name.
        name: String,
        /// The encoder's message, sanitised.
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
                "copy or export the image again"
            }
            Self::Unknown { .. } | Self::Unsupported { .. } => "export it as PNG or JPEG",
            Self::FileTooLarge { .. } | Self::TooMuchMemory { .. } => "reduce the image size first",
            Self::TooLarge { .. } => {
                let millions = MAX_PIXELS / 1_000_000;
                return Some(format!(
                    "resize it to at most {MAX_SIDE} pixels per side and {millions} million pixels in all"
                ));
            }
            Self::Encode { .. } => return None,
        };
        Some(text.to_owned())
    }

    fn kind(&self) -> FailureKind {
        FailureKind::Image
    }
}
