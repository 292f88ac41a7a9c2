//! Scans as they come from a scanner or an archive: DICOM, NIfTI and NRRD files, series and volumes, and the images a person looks
//! at: a slice in a plane through a window, a projection, a fusion of two modalities.
//!
//! Everything in a file is untrusted: sizes are checked against [`limits`] before anything is allocated, and text is sanitised
//! and reduced to an allow-list of technical facts where it comes in. Never keep or show what identifies a patient.

#![warn(missing_docs, unreachable_pub)]

pub mod colour;
pub mod deid;
mod dicom;
mod error;
pub mod fuse;
pub mod geometry;
pub mod identity;
pub mod limits;
mod load;
mod medical_image;
mod nifti;
mod nrrd;
pub mod outline;
pub mod plane;
mod project;
pub mod radiomics;
pub mod resample;
mod sample;
mod scene;
mod selector;
mod source;
pub mod time_limit;
mod view;
mod view_error;
pub mod volume;
pub mod window;

pub use error::{Fault, ScanError};
pub use identity::Identity;
pub use load::{images, layout_of, load, load_whole, looks_like_scan, one_time_salt, scene_of};
pub use medical_image::{MedicalImage, Numbered, Role};
pub use project::{Projection, project};
pub use scene::{Found, Probe, Scene, image_at, modality_in_words};
pub use selector::Selector;
pub use source::{Opened, Options, Series, is_scan, open, open_bytes};
pub use view::{MAX_MONTAGE, OverlayStyle, Place, View};
pub use view_error::ViewError;
pub use volume::{Facts, Modality, Pixels, StatedWindow, VoiFunction, VoiLut, Volume};
