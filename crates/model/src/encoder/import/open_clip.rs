//! Reads the sizes of a CLIP or BiomedCLIP in open_clip's layout.

use super::config_reader::{CheckpointConfig, ConfigReader, patches_per_side};
use super::pixels::open_clip_pixels;
use crate::encoder::config::{CLIP_EPS, EncoderConfig, ImageTowerConfig, TextTowerConfig};
use crate::import::ImportError;

/// Reads a CLIP whose text tower's names start with `prefix`.
pub(super) fn clip(reader: &ConfigReader, prefix: &str) -> Result<CheckpointConfig, ImportError> {
    reader.require_known(&[
        ("model_cfg.vision_cfg.pool_type", &["tok"]),
        ("model_cfg.text_cfg.pool_type", &["argmax"]),
    ])?;
    reader.refuse_options(&[
        "model_cfg.text_cfg.no_causal_mask",
        "model_cfg.text_cfg.embed_cls",
        "model_cfg.text_cfg.norm_kwargs",
        "model_cfg.text_cfg.act_kwargs",
        "model_cfg.vision_cfg.norm_kwargs",
        "model_cfg.vision_cfg.act_kwargs",
        "model_cfg.vision_cfg.final_ln_after_pool",
        "model_cfg.vision_cfg.input_patchnorm",
    ])?;
    let [_, _, patch, _] = reader.dims("visual.conv1.weight")?;
    let [positions, _] = reader.dims("visual.positional_embedding")?;
    let [_, dimension] = reader.dims("visual.proj")?;
    let [vocab_size, _] = reader.dims(&format!("{prefix}token_embedding.weight"))?;
    let [context, _] = reader.dims(&format!("{prefix}positional_embedding"))?;
    let (norm, mlp) = ("ln_1.weight", "mlp.c_fc.weight");
    let vision = reader.stack("visual.transformer.resblocks.", norm, mlp)?;
    let text = reader.stack(&format!("{prefix}transformer.resblocks."), norm, mlp)?;
    // Heads of width 64 are open_clip's default, and OpenAI's published towers all have them.
    let head = reader.count("model_cfg.vision_cfg.head_width", 64)?;
    let vision_heads = reader.overrides.vision_heads.unwrap_or(vision.width / head);
    let configured = reader.count("model_cfg.text_cfg.heads", (text.width / 64).max(1))?;
    let text_heads = reader.overrides.text_heads.unwrap_or(configured);
    let image_size = patches_per_side(positions, true).saturating_mul(patch);
    let activation = match reader.json {
        Some(json) if json.flag(&["model_cfg.quick_gelu"], false) => "quick_gelu",
        Some(_) => "gelu",
        // OpenAI's files have their sizes as tensors.
        None if reader.source.has("input_resolution") => "quick_gelu",
        None if reader.overrides.activation.is_some() => "",
        None => {
            return reader.refuse(
                "its activation is unknown: put its open_clip_config.json next to it, or give --activation",
            );
        }
    };
    let activation = reader.activation(activation)?;
    Ok(CheckpointConfig {
        config: EncoderConfig {
            dimension,
            image: ImageTowerConfig {
                image_size: reader.count("model_cfg.vision_cfg.image_size", image_size)?,
                patch_size: patch,
                blocks: vision.blocks(vision_heads, activation, CLIP_EPS),
            },
            text: TextTowerConfig {
                vocab_size,
                positions: context,
                segments: 0,
                projection_width: 0,
                blocks: text.blocks(text_heads, activation, CLIP_EPS),
            },
        },
        pixels: open_clip_pixels(reader)?,
        context,
    })
}

/// Reads a BiomedCLIP: timm's ViT, transformers' BERT, and separate projections.
pub(super) fn biomedclip(reader: &ConfigReader) -> Result<CheckpointConfig, ImportError> {
    let pooler = ["cls_last_hidden_state_pooler"];
    reader.require_known(&[
        ("model_cfg.vision_cfg.timm_pool", &["", "token"]),
        ("model_cfg.vision_cfg.timm_proj", &["linear"]),
        ("model_cfg.text_cfg.hf_pooler_type", &pooler),
        ("model_cfg.text_cfg.pooler_type", &pooler),
        ("model_cfg.text_cfg.hf_proj_type", &["mlp"]),
        ("model_cfg.text_cfg.proj", &["mlp"]),
    ])?;
    let timm = reader
        .json
        .map_or("", |j| j.string(&["model_cfg.vision_cfg.timm_model_name"]));
    if !timm.is_empty() && !timm.starts_with("vit_") {
        return reader.refuse(format!("{timm} is not supported, only timm's plain ViT"));
    }
    let bert = "text.transformer";
    let [_, _, patch, _] = reader.dims("visual.trunk.patch_embed.proj.weight")?;
    let [_, positions, _] = reader.dims("visual.trunk.pos_embed")?;
    let [dimension, _] = reader.dims("visual.head.proj.weight")?;
    let [vocab_size, _] = reader.dims(&format!("{bert}.embeddings.word_embeddings.weight"))?;
    let [text_positions, _] =
        reader.dims(&format!("{bert}.embeddings.position_embeddings.weight"))?;
    let [segments, _] = reader.dims(&format!("{bert}.embeddings.token_type_embeddings.weight"))?;
    let [projection_width, _] = reader.dims("text.proj.0.weight")?;
    let vision = reader.stack("visual.trunk.blocks.", "norm1.weight", "mlp.fc1.weight")?;
    let text = reader.stack(
        &format!("{bert}.encoder.layer."),
        "output.LayerNorm.weight",
        "intermediate.dense.weight",
    )?;
    // ViT-B, BERT-base and their smaller variants have heads of width 64.
    let heads = |given: Option<usize>, width: usize| given.unwrap_or((width / 64).max(1));
    let vision_heads = heads(reader.overrides.vision_heads, vision.width);
    let text_heads = heads(reader.overrides.text_heads, text.width);
    let activation = reader.activation("gelu")?;
    let image_size = patches_per_side(positions, true).saturating_mul(patch);
    Ok(CheckpointConfig {
        context: reader
            .count("model_cfg.text_cfg.context_length", text_positions.min(256))?
            .min(text_positions),
        config: EncoderConfig {
            dimension,
            image: ImageTowerConfig {
                image_size: reader.count("model_cfg.vision_cfg.image_size", image_size)?,
                patch_size: patch,
                blocks: vision.blocks(vision_heads, activation, 1e-6),
            },
            text: TextTowerConfig {
                vocab_size,
                positions: text_positions,
                segments,
                projection_width,
                blocks: text.blocks(text_heads, activation, 1e-12),
            },
        },
        pixels: open_clip_pixels(reader)?,
    })
}
