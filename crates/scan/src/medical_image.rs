//! The one thing that comes out: an image in 8-bit colours with all that a person must know to read it, and how it was made.
//!
//! The chat, `ask`, scripts and the import of an index take this and nothing else of a scan. Only facts of the allow-list are
//! in it; never add what could identify a patient.

use image::ExtendedColorType;
use image::ImageEncoder;
use image::codecs::png::PngEncoder;
use serde::Serialize;

use rounds_imaging::{Format, Image, Mode, PixelExtras, SourceInfo};
use rounds_support::{files, sanitise};

use crate::Facts;
use crate::geometry::Affine;
use crate::plane::Edges;
use crate::view_error::ViewError;

/// Longest name of an image, in characters.
const MAX_NAME_CHARS: usize = 200;

/// What an image shows of the scans it was made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// One scan.
    #[default]
    Base,
    /// The second scan alone, on the grid of the first.
    Overlay,
    /// The second over the first.
    Fusion,
}

/// Which of how many slices or frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Numbered {
    /// Counted from 1: axial from the feet, coronal from the front, sagittal from the right.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

/// An image of a scan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MedicalImage {
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    /// 8-bit RGB, row-major, `width * height * 3` bytes.
    #[serde(skip)]
    pub rgb: Vec<u8>,
    /// One line that a person reads: `axial slice 31 of 60, lung window (1500/-600)`.
    pub how_made: String,
    /// What it shows of its scans.
    pub role: Role,
    /// `axial`, `coronal` or `sagittal`; `None` for frames as stored.
    pub plane: Option<&'static str>,
    /// The slice or frame; of a projection, the one in its middle; `None` for a montage.
    pub slice: Option<Numbered>,
    /// The coordinate of the slice's centre along the axis that the plane crosses, in millimetres: z to the head for axial, y to
    /// the back for coronal, x to the left for sagittal.
    pub position_mm: Option<f64>,
    /// The time point or component.
    pub time: Option<Numbered>,
    /// The window that was used.
    pub window: String,
    /// Millimetres between pixels across and down, where known; `None` for a montage.
    pub pixel_mm: Option<[f64; 2]>,
    /// Letters at the edges, radiological: the patient's right is on the left of an axial image.
    pub edges: Option<Edges>,
    /// From (pixel, line, 0) to millimetres in the patient.
    #[serde(skip)]
    pub affine: Option<Affine>,
    /// What is laid over it, as a phrase.
    pub overlay: Option<String>,
    /// What is uncertain about it or was done to it, each a sentence.
    pub notes: Vec<String>,
    /// The technical facts of the base; of an overlay alone, its own.
    pub facts: Facts,
}

impl MedicalImage {
    /// The image as a PNG without any metadata. Equal pixels give equal bytes.
    pub fn png(&self) -> Result<Vec<u8>, ViewError> {
        encode_png(&self.rgb, self.width, self.height)
    }

    /// The image as everything else in the program takes it.
    ///
    /// Its SHA-256 is that of [`MedicalImage::png`], not of the scan's file. So an image has one identity whether it was rendered
    /// for a question, saved with `rounds image show --out` and attached, or imported into an index, which stores the PNG:
    /// the check that a query never gets its own image as a shot finds all three. The same slice through another window, or
    /// cropped, is found by the perceptual hash, the series and the patient, as with any other image. The hash of the
    /// scan's file would find none of these, and many images share one file.
    pub fn to_image(&self, name: &str) -> Result<Image, ViewError> {
        let png = self.png()?;
        Ok(Image {
            width: self.width,
            height: self.height,
            rgb: self.rgb.clone(),
            extras: PixelExtras::default(),
            source: SourceInfo {
                name: sanitise::clean_line_max(name, MAX_NAME_CHARS),
                format: Format::Png,
                bytes: png.len() as u64,
                sha256: files::sha256_hex(&png),
                original_mode: Mode::Rgb,
            },
        })
    }

    /// The distance between two places on the image (pixel, line), in millimetres; `None` where the spacing is unknown.
    pub fn distance_mm(&self, from: [f64; 2], to: [f64; 2]) -> Option<f64> {
        let [across, down] = self.pixel_mm?;
        Some(((to[0] - from[0]) * across).hypot((to[1] - from[1]) * down))
    }
}

/// An RGB image as PNG.
pub(crate) fn encode_png(rgb: &[u8], width: u32, height: u32) -> Result<Vec<u8>, ViewError> {
    if rgb.is_empty() || rgb.len() as u64 != u64::from(width) * u64::from(height) * 3 {
        return Err(ViewError::Size("the image has no pixels".to_owned()));
    }
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(rgb, width, height, ExtendedColorType::Rgb8)
        .map_err(|error| {
            ViewError::Size(format!(
                "the image could not be written as PNG: {}",
                sanitise::clean_line_max(&error.to_string(), 200)
            ))
        })?;
    Ok(png)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn image() -> MedicalImage {
        MedicalImage {
            width: 2,
            height: 1,
            rgb: vec![0, 1, 2, 250, 251, 252],
            how_made: "axial slice 1 of 2".into(),
            role: Role::Base,
            plane: Some("axial"),
            slice: Some(Numbered { number: 1, of: 2 }),
            position_mm: None,
            time: None,
            window: "full range".into(),
            pixel_mm: Some([0.5, 0.5]),
            edges: None,
            affine: None,
            overlay: None,
            notes: Vec::new(),
            facts: Facts::default(),
        }
    }

    #[test]
    fn an_image_and_its_saved_png_have_the_same_identity_and_pixels() {
        let rendered = image().to_image("ct.dcm").unwrap();
        let saved = rounds_imaging::decode(&image().png().unwrap(), "saved.png").unwrap();
        assert_eq!(rendered.source.sha256, saved.source.sha256);
        assert_eq!((rendered.rgb, rendered.width), (saved.rgb, saved.width));
        let mut other = image();
        other.rgb[0] = 9;
        assert_ne!(
            other.to_image("ct.dcm").unwrap().source.sha256,
            saved.source.sha256
        );
    }

    #[test]
    fn distances_are_in_millimetres() {
        let mut image = image();
        assert_eq!(image.distance_mm([0.0, 0.0], [6.0, 8.0]), Some(5.0));
        image.pixel_mm = None;
        assert_eq!(image.distance_mm([0.0, 0.0], [6.0, 8.0]), None);
    }

    #[test]
    fn an_image_without_pixels_is_an_error() {
        let mut image = image();
        image.rgb.clear();
        assert!(image.png().is_err());
    }
}
