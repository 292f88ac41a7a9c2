//! From what a user gives (a file, a folder, a zip, a DICOMDIR, bytes) to series that can be read.
//!
//! Opening only reads headers; samples are read by [`Series`]. The names of files in a folder or an archive decide nothing and are never
//! shown: they may be names of patients.

mod content;
mod dicom_series;
mod directory;
mod grid;
mod incomplete;
mod nifti_series;
mod nrrd_series;
mod open;
mod series;
mod sniff;

pub use open::{Opened, Options, open, open_bytes};
pub use series::Series;
pub use sniff::is_scan;
