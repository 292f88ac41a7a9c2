//! DICOM files: an own reader of the few elements that are needed, and the samples of all common transfer syntaxes.
//!
//! Why not a reader of whole objects: what identifies a patient must not even be in memory, files are cut off or damaged, and
//! listing a folder must stop in front of the samples. Never read an element that `tags` does not list.

mod codec;
mod data_set;
pub(crate) mod facts;
mod frames;
mod image;
mod kind;
mod layout;
mod lut;
mod parse;
mod pet;
pub(crate) mod place;
mod render;
mod syntax;
mod tags;
mod walk;

pub(crate) use frames::Frames;
pub(crate) use image::{Frame, Image, Raw, wants_more};
pub(crate) use kind::is_directory;
pub(crate) use layout::check_size;
pub(crate) use parse::{is_dicom, parse};

/// When a PET image was acquired, in seconds of the day.
pub(crate) fn acquired(image: &Image) -> Option<f64> {
    image.pet.as_deref().and_then(pet::acquired)
}

/// Sets the SUV factor of a series, from one of its images and the time of its earliest.
pub(crate) fn set_series_suv(facts: &mut crate::Facts, image: &Image, earliest: Option<f64>) {
    if let Some(data) = image.pet.as_deref() {
        facts::set_suv(facts, data, earliest);
    }
}
