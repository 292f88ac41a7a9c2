//! What can go wrong when a volume is shown, measured or combined with another.
//!
//! Text that came from a user or a file must be sanitised before it goes into a variant.

use rounds_imaging::ImagingError;
use rounds_support::FailureKind;
use rounds_support::errors::{FileError, Hint};

use crate::ScanError;

/// Why a view of a volume could not be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ViewError {
    /// A selector, or a flag, has a value that is not understood.
    #[error("{key}={value} is not understood: {expected}")]
    BadValue {
        /// The key, from the list of known ones.
        key: &'static str,
        /// What was given, sanitised.
        value: String,
        /// What is accepted, as a sentence.
        expected: String,
    },
    /// A selector has a key that does not exist.
    #[error("there is no key {key} in a selector; the keys are {}", known.join(", "))]
    UnknownKey {
        /// What was given, sanitised.
        key: String,
        /// The keys that exist.
        known: Vec<&'static str>,
    },
    /// Two settings contradict each other.
    #[error("{0}")]
    Contradiction(String),
    /// The volume has no such slice, frame or position.
    #[error("there is no {what} {asked}: {available}")]
    OutOfRange {
        /// `slice`, `frame`, `position` or `time`.
        what: &'static str,
        /// What was asked for.
        asked: String,
        /// What there is, as a phrase.
        available: String,
    },
    /// The plane needs a position in the patient that the file does not state.
    #[error("the file states no position in the patient, so that it has no {plane} plane")]
    NoOrientation {
        /// The plane that was asked for.
        plane: &'static str,
    },
    /// A length in millimetres was given, but the file states no spacing.
    #[error("the file states no spacing of its slices, so that {0} in millimetres has no meaning")]
    NoSpacing(&'static str),
    /// A window was asked for that the volume cannot have.
    #[error("{0}")]
    NoWindow(String),
    /// Two volumes cannot be brought onto one grid.
    #[error("the two scans cannot be combined: {0}")]
    DifferentSpaces(String),
    /// A region has no voxel with a value.
    #[error("the region has no voxels with a value: {0}")]
    EmptyRegion(String),
    /// The volume holds colours, where values are needed.
    #[error("this is a colour image: {0} needs one value in each pixel")]
    Colours(&'static str),
    /// The result would be too large, or the volume is not what its size says.
    #[error("{0}")]
    Size(String),
    /// A clean copy could not be made.
    #[error("no clean copy was made: {0}")]
    NotCleaned(String),
    /// There are several series, and none was chosen.
    #[error("{name} holds {count} series")]
    ManySeries {
        /// Sanitised name of what was given.
        name: String,
        /// How many there are.
        count: usize,
    },
    /// A scan could not be read.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// An image could not be read.
    #[error(transparent)]
    Image(#[from] ImagingError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Hint for ViewError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File(error) => return error.hint(),
            Self::Scan(error) => return error.hint(),
            Self::Image(error) => return error.hint(),
            Self::ManySeries { count, .. } => {
                format!(
                    "choose one with #series=1 to #series={count}; `rounds image info` lists them"
                )
            }
            Self::BadValue { .. } | Self::UnknownKey { .. } | Self::Contradiction(_) => {
                "see `rounds image show --help` for what can be chosen".to_owned()
            }
            Self::OutOfRange { .. } => {
                "`rounds image info FILE` lists slices, frames and positions".to_owned()
            }
            Self::NoOrientation { .. } => "omit the plane to see the frames as stored".to_owned(),
            Self::NoSpacing(_) => "choose a slice by its number or as a fraction".to_owned(),
            Self::NoWindow(_) => "use window=percentile, or centre,width of your own".to_owned(),
            Self::DifferentSpaces(_) => {
                "register one scan to the other first, and save it with its position".to_owned()
            }
            Self::EmptyRegion(_) => "choose a larger region, or another label".to_owned(),
            Self::Colours(_) => "use the original series instead of a screenshot of it".to_owned(),
            Self::NotCleaned(_) => "write a clean PNG instead: give OUT the ending .png".to_owned(),
            Self::Size(_) => return None,
        })
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::BadValue { .. }
            | Self::UnknownKey { .. }
            | Self::Contradiction(_)
            | Self::OutOfRange { .. }
            | Self::NoOrientation { .. }
            | Self::NoSpacing(_)
            | Self::NoWindow(_)
            | Self::ManySeries { .. }
            | Self::EmptyRegion(_) => FailureKind::Usage,
            Self::DifferentSpaces(_) | Self::Colours(_) | Self::NotCleaned(_) | Self::Size(_) => {
                FailureKind::Image
            }
            Self::File(error) => error.kind(),
            Self::Scan(error) => error.kind(),
            Self::Image(error) => error.kind(),
        }
    }
}
