//! Why a decoder refuses a file, before the file's name is known.

use std::error::Error;
use std::io;

use image::ImageError;

use super::limits::{MAX_PIXELS, MAX_SIDE};
use super::{Format, ImagingError};
use rounds_support::sanitise;

/// Maximum length of a name or reason in a message, in characters.
pub(super) const MAX_MESSAGE_CHARS: usize = 200;

/// Why a file was refused, without its name.
pub(super) enum Refusal {
    Size(u32, u32),
    Memory,
    Truncated,
    Unsupported(String),
    Broken(String),
}

impl Refusal {
    /// The error for the file `name`, which must be sanitised.
    pub(super) fn explain(self, name: String, format: Format) -> ImagingError {
        let clean = |reason: &str| sanitise::clean_line_max(reason, MAX_MESSAGE_CHARS);
        let format = format.name();
        match self {
            Self::Size(width, height) => ImagingError::TooLarge {
                name,
                width,
                height,
            },
            Self::Memory => ImagingError::TooMuchMemory { name },
            Self::Truncated => ImagingError::Truncated { name },
            Self::Unsupported(reason) => ImagingError::Unsupported {
                name,
                format,
                reason: clean(&reason),
            },
            Self::Broken(reason) => ImagingError::Broken {
                name,
                format,
                reason: clean(&reason),
            },
        }
    }
}

impl From<ImageError> for Refusal {
    fn from(error: ImageError) -> Self {
        match &error {
            // The size was checked before, so only memory can be the limit.
            ImageError::Limits(_) => Self::Memory,
            ImageError::Unsupported(_) => Self::Unsupported(error.to_string()),
            _ if is_truncated(&error) => Self::Truncated,
            _ => Self::Broken(error.to_string()),
        }
    }
}

/// Whether a decoder reached the end of the file too early. Some report that only in the message.
fn is_truncated(error: &ImageError) -> bool {
    if matches!(error, ImageError::IoError(cause) if cause.kind() == io::ErrorKind::UnexpectedEof) {
        return true;
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = cause {
        let is_end = current
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::UnexpectedEof);
        let message = current.to_string().to_ascii_lowercase();
        if is_end
            || ["unexpected end", "unexpected eof", "end of file"]
                .iter()
                .any(|sign| message.contains(sign))
        {
            return true;
        }
        cause = current.source();
    }
    false
}

/// Fails if an image exceeds the size limits.
pub(super) fn check_size(width: u32, height: u32) -> Result<(), Refusal> {
    let pixels = u64::from(width) * u64::from(height);
    match width > MAX_SIDE || height > MAX_SIDE || pixels > MAX_PIXELS {
        true => Err(Refusal::Size(width, height)),
        false => Ok(()),
    }
}
