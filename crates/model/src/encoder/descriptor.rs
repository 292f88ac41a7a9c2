//! The encoder that needs no bundle: the image descriptor of `rounds_imaging`.

use std::path::Path;
use std::sync::LazyLock;

use super::ImageEncoder;
use crate::error::ModelError;
use rounds_imaging::{DESCRIPTOR_LENGTH, Image, descriptor};
use rounds_support::files;

/// Turns images into vectors of edges, texture, brightness and shape.
pub struct Descriptor;

impl Descriptor {
    /// The name to give in place of a bundle.
    pub const NAME: &str = "descriptor";

    /// Whether `bundle` is the name of the descriptor.
    pub fn is_descriptor(bundle: &Path) -> bool {
        bundle == Path::new(Self::NAME)
    }

    /// Identifies its vectors. There are no weights to hash: any change of the computation must change the version in the text.
    pub fn id() -> &'static str {
        static ID: LazyLock<String> = LazyLock::new(|| {
            files::sha256_hex(
                format!("rounds descriptor 1, {DESCRIPTOR_LENGTH} numbers").as_bytes(),
            )
        });
        &ID
    }
}

impl ImageEncoder for Descriptor {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn id(&self) -> &str {
        Self::id()
    }

    fn dimension(&self) -> usize {
        DESCRIPTOR_LENGTH
    }

    fn encode_images(&self, images: &[&Image]) -> Result<Vec<Vec<f32>>, ModelError> {
        Ok(images.iter().map(|image| descriptor(image)).collect())
    }
}
