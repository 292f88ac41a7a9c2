//! The encoder that needs no bundle: the picture descriptor of `imaging`.

use std::path::Path;
use std::sync::LazyLock;

use super::ImageEncoder;
use crate::error::ModelError;
use rounds_imaging::{DESCRIPTOR_LENGTH, Picture, descriptor};
use rounds_support::files;

/// Makes vectors of pictures from their outlines, texture, brightness and shape.
pub struct Descriptor;

impl Descriptor {
    /// How it is called where a bundle is asked for.
    pub const NAME: &str = "descriptor";

    /// Whether a bundle's name means the descriptor.
    pub fn is_named(bundle: &Path) -> bool {
        bundle == Path::new(Self::NAME)
    }

    /// What its vectors are known by. It has no weights: another way of computing is another version.
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

    fn encode_images(&self, images: &[&Picture]) -> Result<Vec<Vec<f32>>, ModelError> {
        Ok(images.iter().map(|image| descriptor(image)).collect())
    }
}
