//! Reads the sizes of a CLIP or SigLIP in transformers' layout.

use std::path::Path;

use super::config_reader::{CheckpointConfig, ConfigReader, patches_per_side};
use super::defaults::Defaults;
use super::pixels::processor_pixels;
use crate::bundle::Fit;
use crate::encoder::config::{EncoderConfig, ImageTowerConfig, TextTowerConfig};
use crate::import::ImportError;

/// Reads either kind. The other files are in `folder`.
pub(super) fn read_config(
    reader: &ConfigReader,
    folder: &Path,
    d: &Defaults,
) -> Result<CheckpointConfig, ImportError> {
    let siglip = d.fit == Fit::Squash;
    if reader.json.is_none()
        && (reader.overrides.vision_heads.is_none()
            || reader.overrides.text_heads.is_none()
            || reader.overrides.activation.is_none())
    {
        return reader
            .refuse("the config.json next to it is missing, which gives heads and activation");
    }
    let word = |name: &str| match reader.json.map_or("", |j| j.string(&[name])) {
        "" => d.activation.to_string(),
        word => word.to_string(),
    };
    let eps = |name: &str| reader.json.map_or(d.eps, |j| j.number(&[name], d.eps));
    let [_, _, patch, _] = reader.dims("vision_model.embeddings.patch_embedding.weight")?;
    let [positions, _] = reader.dims("vision_model.embeddings.position_embedding.weight")?;
    let [vocab_size, _] = reader.dims("text_model.embeddings.token_embedding.weight")?;
    let [text_positions, _] = reader.dims("text_model.embeddings.position_embedding.weight")?;
    let vision = reader.stack(
        "vision_model.encoder.layers.",
        "layer_norm1.weight",
        "mlp.fc1.weight",
    )?;
    let text = reader.stack(
        "text_model.encoder.layers.",
        "layer_norm1.weight",
        "mlp.fc1.weight",
    )?;
    let dimension = match siglip {
        true => vision.width,
        false => reader.dims::<2>("visual_projection.weight")?[0],
    };
    let vision_heads = reader.count("vision_config.num_attention_heads", d.vision_heads)?;
    let text_heads = reader.count("text_config.num_attention_heads", d.text_heads)?;
    let image_size = patches_per_side(positions, !siglip).saturating_mul(patch);
    let config = EncoderConfig {
        dimension,
        image: ImageTowerConfig {
            image_size: reader.count("vision_config.image_size", image_size)?,
            patch_size: patch,
            blocks: vision.blocks(
                reader.overrides.vision_heads.unwrap_or(vision_heads),
                reader.activation(&word("vision_config.hidden_act"))?,
                eps("vision_config.layer_norm_eps"),
            ),
        },
        text: TextTowerConfig {
            vocab_size,
            positions: text_positions,
            segments: 0,
            projection_width: 0,
            blocks: text.blocks(
                reader.overrides.text_heads.unwrap_or(text_heads),
                reader.activation(&word("text_config.hidden_act"))?,
                eps("text_config.layer_norm_eps"),
            ),
        },
    };
    Ok(CheckpointConfig {
        config,
        pixels: processor_pixels(folder, d)?,
        context: text_positions,
    })
}
