//! What can go wrong with a scan, worded for the person who chose it.
//!
//! A message must never hold a value from the file: it could be a name. That is why reasons are texts of this crate, and only
//! sizes and counts are put into them. Never pass on the text of a decoder or of a tag.

use rounds_support::FailureKind;
use rounds_support::errors::{FileError, Hint, bytes};

use super::limits::{MAX_SAMPLES, MAX_SIDE, MAX_SLICES};

/// Why a scan could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// Something is wrong with a file's content.
    #[error("{fault}: {name}")]
    In {
        /// Sanitised name of what the user gave.
        name: String,
        /// What is wrong.
        fault: Fault,
    },
    /// One volume was asked for, but there are several series.
    #[error("{name} has {count} series")]
    ManySeries {
        /// Sanitised name of what the user gave.
        name: String,
        /// How many series there are.
        count: usize,
    },
    /// A slice, frame, time point or series that is not there was asked for.
    #[error("there is no {what} {index} (there are {count}, counted from 0)")]
    OutOfRange {
        /// `slice`, `time point` or `series`.
        what: &'static str,
        /// What was asked for, counted from 0.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// The result is no longer wanted.
    #[error("reading was cancelled")]
    Cancelled,
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What is wrong with the content of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// It is neither DICOM nor NIfTI nor NRRD, nor does it hold any.
    #[error("not a scan that can be read{}", seems(*.looks_like))]
    NotAScan {
        /// What the content looks like instead, if known.
        looks_like: Option<&'static str>,
    },
    /// A DICOM object without an image.
    #[error("this DICOM file holds no image: it is {kind}")]
    NoPixels {
        /// What the object is, with its article.
        kind: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// A DICOM image whose transfer syntax cannot be read.
    #[error("the transfer syntax {name} cannot be read")]
    Syntax {
        /// Name of the transfer syntax.
        name: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// The format is known, but not this variant of it.
    #[error("unsupported kind of {format} ({reason})")]
    Unsupported {
        /// Name of the format.
        format: &'static str,
        /// What is not supported; a text of this crate.
        reason: String,
    },
    /// The content violates its format.
    #[error("damaged {format} file ({reason})")]
    Broken {
        /// Name of the format.
        format: &'static str,
        /// What is wrong; a text of this crate.
        reason: String,
    },
    /// The header asks for more than the limits allow.
    #[error("too large: {width} x {height} pixels, {slices} slices or frames")]
    TooLarge {
        /// Columns.
        width: u64,
        /// Rows.
        height: u64,
        /// Slices, frames and time points.
        slices: u64,
    },
    /// The header or a part of the file is longer than the limits allow.
    #[error("{what} is longer than {}", bytes(*.limit))]
    TooLong {
        /// What is too long, such as `the file`.
        what: &'static str,
        /// The limit in bytes.
        limit: u64,
    },
    /// It takes longer than the limit.
    #[error("it takes more than {} to read", seconds_in_words(*.seconds))]
    TooSlow {
        /// The limit.
        seconds: u64,
    },
    /// A decoder, or this program, failed on the file.
    #[error("its content makes the decoder fail")]
    Panicked,
    /// A compressed file that grows beyond all proportion.
    #[error("the compressed file grows to more than {}, which no scan of its size does", bytes(*.reached))]
    Bomb {
        /// How far it was followed, in bytes.
        reached: u64,
    },
}

impl Fault {
    /// A damaged file of `format`.
    pub(crate) fn broken(format: &'static str, reason: impl Into<String>) -> Self {
        Self::Broken {
            format,
            reason: reason.into(),
        }
    }

    /// A variant of `format` that is not supported.
    pub(crate) fn unsupported(format: &'static str, reason: impl Into<String>) -> Self {
        Self::Unsupported {
            format,
            reason: reason.into(),
        }
    }

    /// The error about the file `name`, which must be sanitised.
    pub(crate) fn in_file(self, name: &str) -> ScanError {
        ScanError::In {
            name: name.to_owned(),
            fault: self,
        }
    }
}

/// What to do with a variant of `format` that is not supported.
fn converted(format: &str) -> &'static str {
    match format {
        "NRRD" => {
            "save it in another encoding, for example with unu save -f nrrd -e gzip -i IN -o OUT (Teem), or as NIfTI"
        }
        "NIfTI" | "Analyze" => "save it as NIfTI with values of 16-bit integers or 32-bit floats",
        "zip" | "gzip" => "unpack it first",
        _ => {
            "convert it to uncompressed DICOM or to NIfTI first, for example with dcmdjpeg, gdcmconv --raw or dcm2niix"
        }
    }
}

fn seconds_in_words(seconds: u64) -> String {
    rounds_support::errors::count(usize::try_from(seconds).unwrap_or(usize::MAX), "second")
}

fn seems(looks_like: Option<&'static str>) -> String {
    looks_like
        .map(|kind| format!(" (it looks like {kind})"))
        .unwrap_or_default()
}

impl Hint for ScanError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::File(error) => return error.hint(),
            Self::ManySeries { count, .. } => {
                return Some(format!("choose one with #series=1 to #series={count}"));
            }
            Self::OutOfRange { .. } => "rounds image info FILE lists what there is",
            Self::Cancelled => return None,
            Self::In { fault, .. } => match fault {
                Fault::NoPixels { instead, .. } | Fault::Syntax { instead, .. } => instead,
                Fault::NotAScan { .. } => {
                    "DICOM (also a folder, a zip or a DICOMDIR of it), NIfTI, NRRD and Analyze can be read"
                }
                Fault::Unsupported { format, .. } => converted(format),
                Fault::Empty | Fault::Broken { .. } | Fault::Panicked => {
                    "copy or export the scan again"
                }
                Fault::TooLarge { .. } => {
                    return Some(format!(
                        "resample or crop it to at most {MAX_SIDE} pixels a side, {MAX_SLICES} slices and {} million values",
                        MAX_SAMPLES / 1_000_000
                    ));
                }
                Fault::TooLong { .. } => "split or shorten it first",
                Fault::TooSlow { .. } => {
                    "uncompress it first, for example with dcmdjpeg or gdcmconv; a file that still takes so long is damaged"
                }
                Fault::Bomb { .. } => "uncompress it yourself if you trust where it comes from",
            },
        };
        Some(text.to_owned())
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            _ => FailureKind::Image,
        }
    }
}
