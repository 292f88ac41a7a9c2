//! Where in the question's images the answer looked: cross-attention over the latents, rolled out through the resampler.

use super::attention::mean;
use rounds_assistant::{AssistantError, Case, Engine, Reading};
use rounds_model::bundle::Fit;
use rounds_model::recorder::Rows;
use serde::Serialize;

/// A map over one image of the question.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Map {
    /// Which image of the question, from 1.
    pub image: usize,
    /// Cross-attention on this image, mean over the gated layers and the answer's tokens. Where the media rule shows the question one image,
    /// that has all of it.
    pub mass: f32,
    /// Places along each side.
    pub side: usize,
    /// Whether the map covers only the square in the middle of the image, as the tower saw it; otherwise the whole image.
    pub middle_only: bool,
    /// Row by row; sums to 1.
    pub values: Vec<f32>,
}

pub(super) fn maps(
    engine: &Engine,
    case: &Case,
    reading: &Reading,
) -> Result<Vec<Map>, AssistantError> {
    let layers = reading.trace.iter().flat_map(|trace| &trace.layers);
    let seen: Vec<&Rows> = layers
        .filter_map(|layer| layer.gated.as_ref())
        .map(|gated| &gated.cross_attention)
        .filter(|rows| !rows.is_empty())
        .collect();
    let mut maps = Vec::new();
    for (number, image) in case.images.iter().enumerate() {
        let Some(resampled) = engine.patch_attention(image)? else {
            return Ok(Vec::new());
        };
        let latents = resampled.layers.first().map_or(0, Vec::len);
        let from = (reading.images.0 + number) * latents;
        let over_latents: Vec<f32> = (from..from + latents)
            .map(|key| {
                let rows = seen.iter().copied().flatten();
                mean(rows.map(|row| row.get(key).copied().unwrap_or_default()))
            })
            .collect();
        let mass: f32 = over_latents.iter().sum();
        if mass > 0.0 {
            maps.push(Map {
                image: number + 1,
                mass,
                side: resampled.side,
                middle_only: resampled.fit == Fit::Crop,
                values: resampled.map(&over_latents),
            });
        }
    }
    Ok(maps)
}
