//! Image-text encoders that stand alone: they search an index by picture and by text, and answer nothing.
//!
//! A family's towers run here from a bundle (`encoder.toml`, `tokenizer.json`, weights) that [`import`] makes of published weights.
//! Both towers end in one space, and every vector that leaves through [`ImageEncoder`] or [`TextEncoder`] has length 1. Nothing here
//! may know of indexes or questions. [`Descriptor`] is one without weights, for pictures only.

mod blocks;
mod config;
mod descriptor;
mod dual;
mod image;
mod import;
mod manifest;
mod text;
mod tokens;

pub use config::{
    Activation, BlocksConfig, EncoderConfig, Family, ImageTowerConfig, TextTowerConfig,
};
pub use descriptor::Descriptor;
pub use dual::DualEncoder;
pub use import::{EncoderOptions, Overrides, Summary, import};
pub use manifest::{EncoderBundle, EncoderManifest, TokenizerManifest};
pub use tokens::TextKind;

use super::error::ModelError;
use rounds_imaging::Picture;

/// Makes vectors of pictures.
pub trait ImageEncoder: Send {
    /// What people call it, on one line.
    fn name(&self) -> &str;
    /// SHA-256 of its weights: 64 hexadecimal digits. Vectors of encoders with different ids are never compared.
    fn id(&self) -> &str;
    /// Numbers in a vector.
    fn dimension(&self) -> usize;
    /// A vector of length 1 for every picture, in their order.
    fn encode_images(&self, images: &[&Picture]) -> Result<Vec<Vec<f32>>, ModelError>;
}

/// Makes vectors of texts, in the same space as its images'.
pub trait TextEncoder {
    /// A vector of length 1. A text that is longer than the context is cut as the reference cuts it.
    fn encode_text(&self, text: &str) -> Result<Vec<f32>, ModelError>;
}
