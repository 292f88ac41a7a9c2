//! NRRD files, with their samples behind the header or in a file of their own (teem.sourceforge.net/nrrd/format.html).
//!
//! The header is text that anyone may have written: every number in it is untrusted, and of its key/value pairs, which may tell
//! anything about a patient, no value is ever read.

mod axes;
mod fields;
mod header;
mod place;
mod samples;

pub(crate) use fields::{end, is_nrrd};
pub(crate) use header::{ByteSkip, Encoding, Header, parse};
pub(crate) use samples::{numbers, pixels_of_bytes, pixels_of_numbers};

const FORMAT: &str = "NRRD";
