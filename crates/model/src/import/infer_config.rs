//! Infers a configuration from published tensors and `config.json` files.

use serde_json::Value;
use std::path::Path;

use super::gpt;
use super::key_map::VisionLayout;
use super::recipe::LanguageLayout;
use super::{ImportError, Sources};
use crate::flamingo::{FlamingoConfig, GatedStyle, MediaMask, ResamplerConfig};
use crate::language::{DecoderConfig, Mlp};
use crate::layers::NormKind;
use crate::vision::{ClipConfig, VisionActivation, VisionConfig};
use crate::weights::Source;
use rounds_support::files;

/// A parsed `config.json`.
pub(crate) struct JsonConfig {
    value: Value,
    file: String,
}

impl JsonConfig {
    /// Reads `config.json` of a folder.
    pub(crate) fn from_folder(folder: &Path) -> Result<Self, ImportError> {
        Self::from_file(&folder.join("config.json"))
    }

    /// Reads a JSON file.
    pub(crate) fn from_file(path: &Path) -> Result<Self, ImportError> {
        let text = files::read_limited(path, 1 << 20)?;
        let file = path.to_string_lossy().into_owned();
        let value =
            serde_json::from_slice(&text).map_err(|e| ImportError::config(&file, e.to_string()))?;
        Ok(Self { value, file })
    }

    /// The value of the first of `names` that exists; `a.b` looks into objects.
    pub(crate) fn find(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| {
            name.split('.')
                .try_fold(&self.value, |value, part| value.get(part))
        })
    }

    /// The integer of the first of `names` that exists.
    ///
    /// Errors where there is none, or it is not from 1 to 1,000,000.
    pub(crate) fn count(&self, names: &[&str]) -> Result<usize, ImportError> {
        let found = self.find(names).and_then(Value::as_u64);
        let wanted =
            || ImportError::config(&self.file, format!("it has no {}", names.join(" or ")));
        let n = usize::try_from(found.ok_or_else(wanted)?).unwrap_or(usize::MAX);
        match n {
            1..=1_000_000 => Ok(n),
            _ => Err(ImportError::config(
                &self.file,
                format!(
                    "{} is {n}, but must be from 1 to 1000000",
                    names.join(" or ")
                ),
            )),
        }
    }

    /// The number of the first of `names` that exists, or `default`.
    pub(crate) fn number(&self, names: &[&str], default: f64) -> f64 {
        self.find(names).and_then(Value::as_f64).unwrap_or(default)
    }

    /// The boolean of the first of `names` that exists, or `default`.
    pub(crate) fn flag(&self, names: &[&str], default: bool) -> bool {
        self.find(names).and_then(Value::as_bool).unwrap_or(default)
    }

    /// Path of the file, for messages.
    pub(crate) fn path(&self) -> &str {
        &self.file
    }

    /// The string of the first of `names` that exists, or an empty one.
    pub(crate) fn string(&self, names: &[&str]) -> &str {
        self.find(names).and_then(Value::as_str).unwrap_or_default()
    }
}

/// The decoder that a `config.json` and its tensors describe.
pub(crate) fn language(
    json: &JsonConfig,
    source: &Source,
    vocab_size: usize,
) -> Result<(LanguageLayout, DecoderConfig), ImportError> {
    if let Some(found) = gpt::language(json, source, vocab_size)? {
        return Ok(found);
    }
    let layout = if source.has("gpt_neox.embed_in.weight") {
        LanguageLayout::Neox
    } else if source.has("transformer.blocks.0.norm_1.weight") {
        LanguageLayout::Mpt
    } else if source.has("transformer.blocks.0.ln_1.weight") {
        LanguageLayout::Mosaic
    } else if source.has("model.layers.0.self_attn.q_proj.weight") {
        LanguageLayout::Llama
    } else {
        return Err(ImportError::config(
            source.origin(),
            "it has no weights of LLaMA, GPT-NeoX, MPT, GPT-2 or BioGPT".into(),
        ));
    };
    unsupported_language(json, layout)?;
    let hidden = json.count(&["hidden_size", "d_model"])?;
    let heads = json.count(&["num_attention_heads", "n_heads"])?;
    let mpt = matches!(layout, LanguageLayout::Mpt | LanguageLayout::Mosaic);
    let config = DecoderConfig {
        vocab_size,
        hidden_size: hidden,
        intermediate_size: match mpt {
            true => {
                let ratio = json.number(&["expansion_ratio", "mlp_ratio"], 4.0);
                (hidden as f64 * ratio) as usize
            }
            false => json.count(&["intermediate_size"])?,
        },
        layers: json.count(&["num_hidden_layers", "n_layers"])?,
        heads,
        kv_heads: kv_heads(json, heads)?,
        max_positions: json.count(&["max_position_embeddings", "max_seq_len"])?,
        norm: match layout {
            LanguageLayout::Llama => NormKind::Rms,
            LanguageLayout::Neox => NormKind::Layer,
            _ if source.has("transformer.blocks.0.norm_1.bias")
                || source.has("transformer.blocks.0.ln_1.bias") =>
            {
                NormKind::Layer
            }
            _ => NormKind::LayerNoBias,
        },
        norm_eps: json.number(
            &["rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon"],
            1e-5,
        ),
        rope_theta: match mpt {
            true => None,
            false => {
                let names = [
                    "rotary_emb_base",
                    "rope_theta",
                    "rope_parameters.rope_theta",
                ];
                Some(json.number(&names, 10_000.0) as f32)
            }
        },
        rope_fraction: json.number(&["rotary_pct"], 1.0) as f32,
        alibi_bias_max: match mpt {
            true => {
                if !json.flag(&["attn_config.alibi", "alibi"], true) {
                    return Err(ImportError::config(
                        source.origin(),
                        "MPT with learned positions is not supported".into(),
                    ));
                }
                let max = json.number(&["attn_config.alibi_bias_max", "alibi_bias_max"], 8.0);
                Some(max as f32)
            }
            false => None,
        },
        qk_norm: source.has("transformer.blocks.0.attn.q_ln.weight"),
        mlp: match layout {
            LanguageLayout::Llama => Mlp::SwiGlu,
            _ => Mlp::Gelu,
        },
        bias: source.has("gpt_neox.layers.0.attention.dense.bias")
            || source.has("transformer.blocks.0.attn.out_proj.bias"),
        parallel_residual: layout == LanguageLayout::Neox
            && json.flag(&["use_parallel_residual"], true),
        tied_head: mpt || layout == LanguageLayout::Llama && !source.has("lm_head.weight"),
        low_rank: None,
        learned_positions: None,
        embed_scale: None,
        layer_scaled_attention: false,
    };
    if json
        .find(&["attn_config.clip_qkv", "attn_clip_qkv"])
        .is_some_and(|v| v.as_f64().is_some())
    {
        return Err(ImportError::config(
            source.origin(),
            "attention with clipped queries is not supported".into(),
        ));
    }
    Ok((layout, config))
}

/// Key-value heads, where there are fewer than heads.
fn kv_heads(json: &JsonConfig, heads: usize) -> Result<Option<usize>, ImportError> {
    let name = "num_key_value_heads";
    match json.find(&[name]).is_some_and(|v| !v.is_null()) {
        true => Ok(Some(json.count(&[name])?).filter(|&found| found != heads)),
        false => Ok(None),
    }
}

/// Errors where the configuration asks for something that the decoder does not support and the tensors do not show.
fn unsupported_language(json: &JsonConfig, layout: LanguageLayout) -> Result<(), ImportError> {
    let refused = |reason: String| Err(ImportError::config(json.path(), reason));
    let plain = |scaling: &Value| {
        let kinds = ["rope_type", "type"].map(|name| scaling.get(name).and_then(Value::as_str));
        scaling.is_null() || kinds.contains(&Some("default"))
    };
    let scalings = ["rope_scaling", "rope_parameters"].map(|name| json.find(&[name]));
    if !scalings.into_iter().flatten().all(plain) {
        return refused("scaled rotary positions (rope_scaling) are not supported".into());
    }
    let activation = json.string(&["hidden_act"]);
    let known: &[&str] = match layout {
        LanguageLayout::Llama => &["", "silu", "swish"],
        LanguageLayout::Neox => &["", "gelu"],
        _ => return Ok(()),
    };
    match known.contains(&activation) {
        true => Ok(()),
        false => refused(format!("hidden_act {activation} is not supported")),
    }
}

/// Shape of a tensor that must have `N` dimensions.
pub(crate) fn dims<const N: usize>(source: &Source, name: &str) -> Result<[usize; N], ImportError> {
    let shape = source.shape(name).unwrap_or_default();
    <[usize; N]>::try_from(shape).map_err(|_| {
        let reason = format!("{name} has shape {shape:?}, but {N} dimensions were expected");
        ImportError::config(source.origin(), reason)
    })
}

/// Number of tensors named `{prefix}{i}.{suffix}`, counted from 0.
pub(crate) fn layers(source: &Source, prefix: &str, suffix: &str) -> usize {
    (0..)
        .take_while(|i| source.has(&format!("{prefix}{i}.{suffix}")))
        .count()
}

/// The vision tower in `source`. Heads and activation come from its `config.json`, if there is one.
pub(crate) fn vision(
    source: &Source,
    json: Option<&JsonConfig>,
    heads: Option<usize>,
) -> Result<(VisionLayout, ClipConfig), ImportError> {
    for prefix in ["visual.", ""] {
        let conv = format!("{prefix}conv1.weight");
        if !source.has(&conv) {
            continue;
        }
        let [width, _, patch, _] = dims(source, &conv)?;
        let [positions, _] = dims(source, &format!("{prefix}positional_embedding"))?;
        let blocks = format!("{prefix}transformer.resblocks.");
        let [mlp_width, _] = dims(source, &format!("{blocks}0.mlp.c_fc.weight"))?;
        let proj = format!("{prefix}proj");
        let config = ClipConfig {
            image_size: patches_per_side(positions) * patch,
            patch_size: patch,
            width,
            layers: layers(source, &blocks, "ln_1.weight"),
            heads: heads.unwrap_or(width / 64).max(1),
            mlp_width,
            embed_dim: match source.has(&proj) {
                true => dims::<2>(source, &proj)?[1],
                false => 0,
            },
            activation: VisionActivation::QuickGelu,
            keep_class_token: false,
        };
        let prefix = prefix.to_string();
        return Ok((VisionLayout::OpenClip { prefix }, config));
    }
    for prefix in ["model.vision_model.", "vision_model.", ""] {
        if let Some(found) = hugging_face_vision(source, prefix, json, heads)? {
            return Ok(found);
        }
    }
    Err(ImportError::config(
        source.origin(),
        "it has no CLIP vision tower".into(),
    ))
}

/// The vision tower of transformers under `prefix`, if there is one.
pub(crate) fn hugging_face_vision(
    source: &Source,
    prefix: &str,
    json: Option<&JsonConfig>,
    heads: Option<usize>,
) -> Result<Option<(VisionLayout, ClipConfig)>, ImportError> {
    let conv = format!("{prefix}embeddings.patch_embedding.weight");
    if !source.has(&conv) {
        return Ok(None);
    }
    let [width, _, patch, _] = dims(source, &conv)?;
    let name = format!("{prefix}embeddings.position_embedding.weight");
    let [positions, _] = dims(source, &name)?;
    let blocks = format!("{prefix}encoder.layers.");
    let [mlp_width, _] = dims(source, &format!("{blocks}0.mlp.fc1.weight"))?;
    let projection = "visual_projection.weight".to_string();
    let configured = json.and_then(|j| {
        j.count(&["vision_config.num_attention_heads", "num_attention_heads"])
            .ok()
    });
    let activation = json.map_or("", |j| {
        j.string(&["vision_config.hidden_act", "hidden_act"])
    });
    let activation = match activation {
        "gelu" => VisionActivation::Gelu,
        "" | "quick_gelu" => VisionActivation::QuickGelu,
        other => {
            let reason = format!("hidden_act {other} of the vision tower is not supported");
            return Err(ImportError::config(source.origin(), reason));
        }
    };
    let config = ClipConfig {
        image_size: patches_per_side(positions) * patch,
        patch_size: patch,
        width,
        layers: layers(source, &blocks, "layer_norm1.weight"),
        heads: heads.or(configured).unwrap_or(width / 64).max(1),
        mlp_width,
        embed_dim: match source.has(&projection) {
            true => dims::<2>(source, &projection)?[0],
            false => 0,
        },
        activation,
        keep_class_token: false,
    };
    let prefix = prefix.to_string();
    Ok(Some((
        VisionLayout::HuggingFace { prefix, projection },
        config,
    )))
}

/// Patches along one side of the image, in a tower with a class token.
fn patches_per_side(positions: usize) -> usize {
    (positions.saturating_sub(1) as f64).sqrt().round() as usize
}

/// The configuration of an OpenFlamingo, from its checkpoint and those of the other two sources.
pub(crate) fn flamingo(
    sources: &Sources,
    language: DecoderConfig,
    vision: ClipConfig,
    mask: MediaMask,
    every: Option<usize>,
) -> Result<FlamingoConfig, ImportError> {
    let checkpoint = &sources.checkpoint;
    let [num_latents, width] = dims(checkpoint, "perceiver.latents")?;
    if width != vision.width {
        let reason = format!(
            "its resampler takes features of width {width}, but the vision tower gives {}",
            vision.width
        );
        return Err(ImportError::config(checkpoint.origin(), reason));
    }
    let [inner, _] = dims(checkpoint, "perceiver.layers.0.0.to_q.weight")?;
    let [ff, _] = dims(checkpoint, "perceiver.layers.0.1.1.weight")?;
    let first = (0..language.layers).find(|i| {
        let end = format!("gated_cross_attn_layers.{i}.attn_gate");
        let new = format!(".{i}.gated_cross_attn_layer.attn_gate");
        checkpoint
            .names()
            .any(|n| n.ends_with(&end) || n.ends_with(&new))
    });
    let first = first.ok_or_else(|| {
        ImportError::config(
            checkpoint.origin(),
            "it has no gated cross-attention block".into(),
        )
    })?;
    if every.is_some_and(|every| every != first + 1) {
        let reason = format!(
            "its first gated block is before layer {first}, so there is one every {} layers",
            first + 1
        );
        return Err(ImportError::config(checkpoint.origin(), reason));
    }
    // Every release has heads of width 64 in the resampler and the gated blocks.
    const HEAD_DIM: usize = 64;
    Ok(FlamingoConfig {
        cross_attn_every_n_layers: first + 1,
        cross_attn_first_layer: 0,
        cross_attn_heads: 8,
        cross_attn_head_dim: HEAD_DIM,
        gated: GatedStyle::OpenFlamingo,
        media_mask: mask,
        resampler: ResamplerConfig {
            depth: layers(checkpoint, "perceiver.layers.", "0.to_q.weight"),
            heads: inner / HEAD_DIM,
            head_dim: HEAD_DIM,
            num_latents,
            ff_mult: ff / width,
            idefics: false,
            width: None,
            positions: None,
        },
        vision: VisionConfig::Clip(vision),
        match_bias: None,
        language,
    })
}

/// The configuration of an IDEFICS, from its `config.json`.
pub(crate) fn idefics(json: &JsonConfig, source: &Source) -> Result<FlamingoConfig, ImportError> {
    let hidden = json.count(&["hidden_size"])?;
    let heads = json.count(&["num_attention_heads"])?;
    let vocab = json.count(&["vocab_size"])? + json.count(&["additional_vocab_size"])?;
    let unsupported = |what: &str| {
        Err(ImportError::config(
            source.origin(),
            format!("IDEFICS {what} is not supported"),
        ))
    };
    if !json.flag(&["use_resampler"], true) {
        return unsupported("without a resampler");
    }
    if !json.flag(&["qk_layer_norms"], true)
        || !json.flag(
            &[
                "perceiver_config.qk_layer_norms_perceiver",
                "qk_layer_norms_perceiver",
            ],
            true,
        )
    {
        return unsupported("without norms of queries and keys");
    }
    unsupported_language(json, LanguageLayout::Llama)?;
    // Heads and activation are set below from the tower's section of the file.
    let (_, mut vision) = vision(source, None, None)?;
    vision.keep_class_token = true;
    vision.heads = json.count(&["vision_config.num_attention_heads"])?;
    vision.activation = match json.string(&["vision_config.hidden_act"]) {
        "quick_gelu" => VisionActivation::QuickGelu,
        "" | "gelu" => VisionActivation::Gelu,
        _ => return unsupported("with this activation in its tower"),
    };
    vision.embed_dim = 0;
    let get = |name: &str, old: &str| json.count(&[&format!("perceiver_config.{name}"), old]);
    Ok(FlamingoConfig {
        cross_attn_every_n_layers: json.count(&["cross_layer_interval"])?,
        cross_attn_first_layer: 0,
        cross_attn_heads: heads,
        cross_attn_head_dim: hidden / heads,
        gated: GatedStyle::Idefics,
        media_mask: MediaMask::Previous,
        resampler: ResamplerConfig {
            depth: get("resampler_depth", "resampler_depth")?,
            heads: get("resampler_n_heads", "resampler_n_heads")?,
            head_dim: get("resampler_head_dim", "resampler_head_dim")?,
            num_latents: get("resampler_n_latents", "resampler_n_latents")?,
            ff_mult: dims::<2>(source, "model.perceiver_resampler.blocks.0.1.fc.weight")?[0]
                / vision.width.max(1),
            idefics: true,
            width: None,
            positions: None,
        },
        vision: VisionConfig::Clip(vision),
        match_bias: None,
        language: DecoderConfig {
            vocab_size: vocab,
            hidden_size: hidden,
            intermediate_size: json.count(&["intermediate_size"])?,
            layers: json.count(&["num_hidden_layers"])?,
            heads,
            kv_heads: kv_heads(json, heads)?,
            max_positions: json.count(&["max_position_embeddings"])?,
            norm: NormKind::Rms,
            norm_eps: json.number(&["rms_norm_eps"], 1e-6),
            rope_theta: Some(json.number(&["rope_theta"], 10_000.0) as f32),
            rope_fraction: 1.0,
            alibi_bias_max: None,
            qk_norm: false,
            mlp: Mlp::SwiGlu,
            bias: false,
            parallel_residual: false,
            tied_head: false,
            low_rank: None,
            learned_positions: None,
            embed_scale: None,
            layer_scaled_attention: false,
        },
    })
}
