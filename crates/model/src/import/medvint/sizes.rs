//! Infers the sizes of a MedVInT from its tensors. What they do not show is as published: heads, the norm's epsilon, the image's side.

use super::names::{Names, Tower};
use super::{MedvintRequest, MedvintVariant};
use crate::import::ImportError;
use crate::import::infer_config::{JsonConfig, dims, hugging_face_vision, layers};
use crate::language::{DecoderConfig, Mlp};
use crate::layers::NormKind;
use crate::medvint::{FusionConfig, MedvintConfig, QueryConfig, TdConfig, TeConfig};
use crate::vision::{ResnetArchitecture, ResnetConfig, VisionConfig};
use crate::weights::Source;

/// Side of the images that every MedVInT was trained on.
const IMAGE_SIZE: usize = 512;
/// Dimensions of a head in every LLaMA of the first generation.
const LLAMA_HEAD: usize = 128;
/// Attention heads of the fusion block.
const FUSION_HEADS: usize = 8;
/// Length that MedVInT-TE's texts are padded to.
const TEXT_LENGTH: usize = 256;
/// Longest answer that is tried where the length is not given: every try is a pass over the padded text.
const MAX_ANSWER: usize = 6;

/// The configuration of the checkpoint in `source`, and the names with the tower's layout completed.
pub(super) fn infer(
    request: &MedvintRequest,
    source: &Source,
    json: Option<JsonConfig>,
    names: Names,
) -> Result<(MedvintConfig, Names), ImportError> {
    let (vision, names) = vision(request, source, names)?;
    let language = language(source, json.as_ref(), &names)?;
    let config = match names.variant {
        MedvintVariant::Td => td(request, source, vision, language)?,
        MedvintVariant::Te => te(request, source, vision, language)?,
    };
    Ok((config, names))
}

fn td(
    request: &MedvintRequest,
    source: &Source,
    mut vision: VisionConfig,
    language: DecoderConfig,
) -> Result<MedvintConfig, ImportError> {
    let queries = match source.has("query_embed.weight") {
        false => None,
        true => {
            let [count, _] = dims(source, "query_embed.weight")?;
            let heads = match vision {
                VisionConfig::Clip(_) => 12,
                _ => 8,
            };
            let heads = request.query_heads.unwrap_or(heads);
            Some(queries(source, "decoder.", count, heads)?)
        }
    };
    if let (None, VisionConfig::Clip(tower)) = (&queries, &mut vision) {
        // Its class token is all that this variant reads.
        tower.keep_class_token = true;
    }
    Ok(MedvintConfig::Td(TdConfig {
        vision,
        queries,
        language,
    }))
}

fn te(
    request: &MedvintRequest,
    source: &Source,
    vision: VisionConfig,
    language: DecoderConfig,
) -> Result<MedvintConfig, ImportError> {
    let [count, _] = dims(source, "qformer_query")?;
    let [width, _] = dims(source, "mlm_projection")?;
    let heads = request.query_heads.unwrap_or(4);
    let text_length = match source.has("positional_embedding") {
        // Never used, but as long as a text.
        true => dims::<2>(source, "positional_embedding")?[0],
        false => TEXT_LENGTH,
    };
    Ok(MedvintConfig::Te(TeConfig {
        vision,
        queries: queries(source, "qformer_decoder.", count, heads)?,
        fusion: FusionConfig {
            width,
            layers: layers(source, "fusion_module.resblocks.", "ln_1.weight"),
            heads: FUSION_HEADS,
            text_length,
            max_answer: MAX_ANSWER.min(text_length),
        },
        language,
    }))
}

fn queries(
    source: &Source,
    prefix: &str,
    count: usize,
    heads: usize,
) -> Result<QueryConfig, ImportError> {
    let all = format!("{prefix}layers.");
    let [inner, _] = dims(source, &format!("{all}0.linear1.weight"))?;
    Ok(QueryConfig {
        count,
        layers: layers(source, &all, "norm1.weight"),
        heads,
        inner,
    })
}

fn vision(
    request: &MedvintRequest,
    source: &Source,
    mut names: Names,
) -> Result<(VisionConfig, Names), ImportError> {
    // The stem's last convolution, and what stands in front of a stage and its number, from the first stage on.
    let (conv3, root, first) = match &names.tower {
        Tower::Resnet(prefix) => (format!("{prefix}conv3.weight"), format!("{prefix}layer"), 1),
        Tower::NumberedResnet(prefix) => (format!("{prefix}6.weight"), prefix.clone(), 10),
        Tower::Clip(_) => {
            let found =
                hugging_face_vision(source, names.clip_prefix(), None, request.vision_heads)?;
            let (layout, config) = found.ok_or_else(|| {
                let reason = "it has neither a ResNet nor a CLIP as its vision tower".to_string();
                ImportError::config(source.origin(), reason)
            })?;
            names.tower = Tower::Clip(layout);
            return Ok((VisionConfig::Clip(config), names));
        }
    };
    let [stem, _, _, _] = dims(source, &conv3)?;
    let stages = (first..).map(|stage| layers(source, &format!("{root}{stage}."), "conv1.weight"));
    let config = ResnetConfig {
        architecture: ResnetArchitecture::ModifiedResnet,
        image_size: request.image_size.unwrap_or(IMAGE_SIZE),
        stem,
        stages: stages.take_while(|&blocks| blocks > 0).collect(),
    };
    Ok((VisionConfig::Resnet(config), names))
}

/// The LLaMA inside the checkpoint.
fn language(
    source: &Source,
    json: Option<&JsonConfig>,
    names: &Names,
) -> Result<DecoderConfig, ImportError> {
    let name = |rest: &str| format!("{}{rest}", names.decoder);
    let module = |rest: &str| names.base_weight(&name(rest));
    let [vocab_size, hidden_size] = dims(source, &name("embed_tokens.weight"))?;
    let [intermediate_size, _] = dims(source, &module("layers.0.mlp.gate_proj"))?;
    let [key_width, _] = dims(source, &module("layers.0.self_attn.k_proj"))?;
    let heads = match json {
        Some(json) => json.count(&["num_attention_heads"])?,
        None => (hidden_size / LLAMA_HEAD).max(1),
    };
    let kv_heads = key_width * heads / hidden_size.max(1);
    let number = |name: &str, default| json.map_or(default, |json| json.number(&[name], default));
    Ok(DecoderConfig {
        vocab_size,
        hidden_size,
        intermediate_size,
        layers: layers(source, &name("layers."), "input_layernorm.weight"),
        heads,
        kv_heads: Some(kv_heads).filter(|&found| found != heads),
        max_positions: number("max_position_embeddings", 2048.0) as usize,
        norm: NormKind::Rms,
        norm_eps: number("rms_norm_eps", 1e-6),
        rope_theta: Some(number("rope_theta", 10_000.0) as f32),
        rope_fraction: 1.0,
        alibi_bias_max: None,
        learned_positions: None,
        embed_scale: None,
        layer_scaled_attention: false,
        qk_norm: false,
        mlp: Mlp::SwiGlu,
        bias: false,
        parallel_residual: false,
        // MedVInT-TE predicts through its fusion and has no head.
        tied_head: names.variant == MedvintVariant::Te,
        low_rank: None,
    })
}
