//! Scans as they come from a scanner or an archive: DICOM and NIfTI files, series and volumes, and the images a person looks
//! at: a slice in a plane through a window, a projection, a fusion of two modalities.
//!
//! Everything in a file is untrusted: sizes are checked against [`limits`] before anything is allocated, and text is sanitised
//! and reduced to an allow-list of technical facts where it comes in. Never keep or show what identifies a patient.

#![warn(missing_docs, unreachable_pub)]

mod dicom;
mod error;
pub mod geometry;
pub mod limits;
mod nifti;
mod source;
pub mod volume;

pub use error::{Fault, ScanError};
pub use source::{Opened, Options, Series, is_scan, open, open_bytes};
pub use volume::{Facts, Modality, Pixels, StatedWindow, VoiFunction, VoiLut, Volume};
