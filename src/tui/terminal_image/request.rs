//! What to draw: an image, the part of it to show, its marked regions, and where it comes from.

use std::path::PathBuf;
use std::sync::Arc;

use super::outline::MarkedBox;
use super::view_transform::ViewTransform;
use rounds_imaging::Image;
use rounds_index::Example;

/// Where to read an image from.
#[derive(Clone, Debug)]
pub enum Source {
    Image(Arc<Image>),
    Example {
        example: Box<Example>,
        sha256: String,
    },
    File(PathBuf),
    Case(String),
}

/// An image as it should be shown, whatever the size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Appearance {
    /// SHA-256 of the image, a path, or a case name.
    pub id: String,
    /// Zoom, pan, brightness and contrast.
    pub transform: ViewTransform,
    /// Regions to outline.
    pub boxes: Vec<MarkedBox>,
    /// The cross-hair.
    pub cross: Option<Cross>,
    /// What else there are other images of: until one is ready, the last of the same scan is shown, so that nothing flickers.
    pub scan: Option<String>,
}

/// A cross-hair on an image, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cross {
    pub at: [u32; 2],
    /// The other end of a distance.
    pub from: Option<[u32; 2]>,
}

impl Appearance {
    /// The whole image, unchanged.
    pub fn whole(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            ..Self::default()
        }
    }
}

/// The cache key of an encoded image.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    pub appearance: Appearance,
    pub columns: u16,
    pub rows: u16,
}

/// An image that was missing from the cache when drawn.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub request: Request,
    pub source: Source,
}
