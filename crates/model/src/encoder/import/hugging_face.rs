//! The sizes of a CLIP or SigLIP in transformers' layout.

use std::path::Path;

use super::describe::{Described, Describer, side};
use super::pixels::processor_pixels;
use crate::bundle::Fit;
use crate::encoder::config::{CLIP_EPS, EncoderConfig, ImageTowerConfig, TextTowerConfig};
use crate::import::ImportError;

/// What transformers takes where a `config.json` does not say.
pub struct Defaults {
    vision_heads: usize,
    text_heads: usize,
    activation: &'static str,
    eps: f64,
    pub fit: Fit,
}

/// Of a `CLIPConfig`.
pub const CLIP: Defaults = Defaults {
    vision_heads: 12,
    text_heads: 8,
    activation: "quick_gelu",
    eps: CLIP_EPS,
    fit: Fit::Crop,
};

/// Of a `SiglipConfig`.
pub const SIGLIP: Defaults = Defaults {
    vision_heads: 12,
    text_heads: 12,
    activation: "gelu_pytorch_tanh",
    eps: 1e-6,
    fit: Fit::Squash,
};

/// Both kinds; `folder` is where the other files lie.
pub fn describe(
    describer: &Describer,
    folder: &Path,
    d: &Defaults,
) -> Result<Described, ImportError> {
    let siglip = d.fit == Fit::Squash;
    if describer.json.is_none()
        && (describer.overrides.vision_heads.is_none()
            || describer.overrides.text_heads.is_none()
            || describer.overrides.activation.is_none())
    {
        return describer
            .refuse("heads and activation are in the config.json, which must lie beside it");
    }
    let word = |name: &str| match describer.json.map_or("", |j| j.word(&[name])) {
        "" => d.activation.to_string(),
        word => word.to_string(),
    };
    let eps = |name: &str| describer.json.map_or(d.eps, |j| j.number(&[name], d.eps));
    let [_, _, patch, _] = describer.dims("vision_model.embeddings.patch_embedding.weight")?;
    let [positions, _] = describer.dims("vision_model.embeddings.position_embedding.weight")?;
    let [vocab_size, _] = describer.dims("text_model.embeddings.token_embedding.weight")?;
    let [text_positions, _] = describer.dims("text_model.embeddings.position_embedding.weight")?;
    let vision = describer.stack(
        "vision_model.encoder.layers.",
        "layer_norm1.weight",
        "mlp.fc1.weight",
    )?;
    let text = describer.stack(
        "text_model.encoder.layers.",
        "layer_norm1.weight",
        "mlp.fc1.weight",
    )?;
    let dimension = match siglip {
        true => vision.width,
        false => describer.dims::<2>("visual_projection.weight")?[0],
    };
    let vision_heads = describer.count("vision_config.num_attention_heads", d.vision_heads)?;
    let text_heads = describer.count("text_config.num_attention_heads", d.text_heads)?;
    let side = side(positions, !siglip).saturating_mul(patch);
    let config = EncoderConfig {
        dimension,
        image: ImageTowerConfig {
            image_size: describer.count("vision_config.image_size", side)?,
            patch_size: patch,
            blocks: vision.blocks(
                describer.overrides.vision_heads.unwrap_or(vision_heads),
                describer.activation(&word("vision_config.hidden_act"))?,
                eps("vision_config.layer_norm_eps"),
            ),
        },
        text: TextTowerConfig {
            vocab_size,
            positions: text_positions,
            segments: 0,
            projection_width: 0,
            blocks: text.blocks(
                describer.overrides.text_heads.unwrap_or(text_heads),
                describer.activation(&word("text_config.hidden_act"))?,
                eps("text_config.layer_norm_eps"),
            ),
        },
    };
    Ok(Described {
        config,
        pixels: processor_pixels(folder, d)?,
        context: text_positions,
    })
}
