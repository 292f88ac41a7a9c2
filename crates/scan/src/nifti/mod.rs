//! NIfTI-1 and NIfTI-2 files, single or in pairs, and Analyze files as far as they are unambiguous.
//!
//! The header is read by hand: it is small, and every number in it is untrusted. Its free text (description, auxiliary file, names)
//! is never read.

mod affine;
mod data;
mod header;

pub(crate) use data::pixels;
pub(crate) use header::{HEADER_BYTES, Header, Kind, is_nifti, looks_like_analyze, parse};
