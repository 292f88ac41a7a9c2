//! Image-text encoders, which search an index by image and by text but do not answer.
//!
//! An encoder runs from a bundle (`encoder.toml`, `tokenizer.json`, weights) that [`import`] makes from published weights. Both towers
//! map into one space, and every vector from [`ImageEncoder`] or [`TextEncoder`] has length 1. Nothing here may know about indexes or
//! questions. [`Descriptor`] is an image encoder without weights.

mod blocks;
mod config;
mod descriptor;
mod dual;
mod image;
mod import;
mod manifest;
mod text;
mod token_states;
mod tokens;

pub use config::{
    Activation, BlocksConfig, EncoderConfig, Family, ImageTowerConfig, TextTowerConfig,
};
pub use descriptor::Descriptor;
pub use dual::DualEncoder;
pub use import::{EncoderOptions, Overrides, Summary, import};
pub use manifest::{EncoderBundle, EncoderManifest, TokenizerManifest};
pub use token_states::TokenEncoder;
pub use tokens::TextKind;

use super::error::ModelError;
use rounds_imaging::Image;

/// Turns images into vectors.
pub trait ImageEncoder: Send {
    /// Name for people, on one line.
    fn name(&self) -> &str;
    /// Identifies its vectors: 64 hexadecimal digits. Vectors of encoders with different ids are never compared.
    fn id(&self) -> &str;
    /// Dimensions of a vector.
    fn dimension(&self) -> usize;
    /// A vector of length 1 for each image, in order.
    fn encode_images(&self, images: &[&Image]) -> Result<Vec<Vec<f32>>, ModelError>;
}

/// Turns texts into vectors in the same space as the image vectors.
pub trait TextEncoder {
    /// A vector of length 1. A text longer than the context is truncated like in the reference implementation.
    fn encode_text(&self, text: &str) -> Result<Vec<f32>, ModelError>;
}
