//! llama.cpp's names of a language model's tensors, and its metadata in GGUF files.
//!
//! Taken from its converter and graphs (conversion/llama.py, gptneox.py and mpt.py, src/models/*.cpp, 2026): the rows of LLaMA's
//! queries and keys are interleaved for rotary positions; GPT-NeoX' fused layer is split into all queries, all keys, all values;
//! MPT's stays as published. Metadata that the decoder here does not support is an error, never ignored.

use super::ImportError;
use super::infer_config::{dims, layers};
use super::recipe::{LanguageLayout, Recipe, Role, TensorRef};
use crate::language::{DecoderConfig, Mlp};
use crate::layers::NormKind;
use crate::ops::Heads;
use crate::weights::Source;
use crate::weights::gguf::{GgufFile, Value};

/// Maximum context length of a model.
const MAX_CONTEXT: u64 = 1 << 17;

/// The recipe for `rest`, one of our names in the language model, except for the embedding tables.
pub(super) fn recipe(layout: LanguageLayout, heads: Heads, rest: &str) -> Option<Recipe> {
    let checkpoint_tensor = |name: String| {
        vec![TensorRef {
            role: Role::Language,
            name,
        }]
    };
    if let Some(end) = rest.strip_prefix("model.norm.") {
        return Some(Recipe::Copy(checkpoint_tensor(format!(
            "output_norm.{end}"
        ))));
    }
    let (layer, part) = rest.strip_prefix("model.layers.")?.split_once('.')?;
    let (part, end) = part.rsplit_once('.')?;
    let block_tensor = |name: &str| checkpoint_tensor(format!("blk.{layer}.{name}.{end}"));
    let llama = layout == LanguageLayout::Llama;
    Some(match part {
        "self_attn.q_proj" if llama => Recipe::RopePairs(block_tensor("attn_q"), heads.query),
        "self_attn.k_proj" if llama => Recipe::RopePairs(block_tensor("attn_k"), heads.key_value),
        "self_attn.v_proj" if llama => Recipe::Copy(block_tensor("attn_v")),
        "self_attn.q_proj" => Recipe::FusedQkv(block_tensor("attn_qkv"), 0),
        "self_attn.k_proj" => Recipe::FusedQkv(block_tensor("attn_qkv"), 1),
        "self_attn.v_proj" => Recipe::FusedQkv(block_tensor("attn_qkv"), 2),
        "self_attn.o_proj" => Recipe::Copy(block_tensor("attn_output")),
        "self_attn.q_norm" => Recipe::Copy(block_tensor("attn_q_norm")),
        "self_attn.k_norm" => Recipe::Copy(block_tensor("attn_k_norm")),
        "mlp.gate_proj" => Recipe::Copy(block_tensor("ffn_gate")),
        "mlp.up_proj" => Recipe::Copy(block_tensor("ffn_up")),
        "mlp.down_proj" => Recipe::Copy(block_tensor("ffn_down")),
        "input_layernorm" => Recipe::Copy(block_tensor("attn_norm")),
        "post_attention_layernorm" => Recipe::Copy(block_tensor("ffn_norm")),
        _ => return None,
    })
}

/// The metadata of a GGUF file under its architecture's prefix.
struct Metadata<'a> {
    file: &'a GgufFile,
    architecture: &'a str,
    origin: &'a str,
}

impl Metadata<'_> {
    fn key(&self, end: &str) -> String {
        format!("{}.{end}", self.architecture)
    }

    fn error(&self, reason: String) -> ImportError {
        ImportError::config(self.origin, reason)
    }

    /// The value of a key, if there is one. Errors where it has the wrong type.
    fn read<T>(
        &self,
        end: &str,
        convert: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, ImportError> {
        let key = self.key(end);
        let Some(value) = self.file.value(&key) else {
            return Ok(None);
        };
        let invalid = || self.error(format!("its {key} is invalid: {value}"));
        convert(value).map(Some).ok_or_else(invalid)
    }

    /// An integer from 1 to `max`.
    fn count(&self, end: &str, max: u64) -> Result<usize, ImportError> {
        let within = |value: &Value| value.whole().filter(|n| (1..=max).contains(n));
        let count = self.read(end, within)?;
        let missing = || self.error(format!("its metadata has no {}", self.key(end)));
        Ok(count.ok_or_else(missing)? as usize)
    }

    fn eps(&self, end: &str) -> Result<f64, ImportError> {
        let within = |value: &Value| value.number().filter(|eps| (0.0..1.0).contains(eps));
        let missing = || self.error(format!("its metadata has no {}", self.key(end)));
        self.read(end, within)?.ok_or_else(missing)
    }

    /// Errors where a key has another value than `wanted`.
    fn require(&self, end: &str, wanted: f64) -> Result<(), ImportError> {
        match self.read(end, Value::number)? {
            Some(found) if found != wanted => {
                let key = self.key(end);
                let reason = format!("its {key} is {found}, but only {wanted} is supported");
                Err(self.error(reason))
            }
            _ => Ok(()),
        }
    }
}

/// The decoder that a file's metadata and tensors describe.
pub(super) fn language(
    file: &GgufFile,
    source: &Source,
    vocab_size: usize,
) -> Result<(LanguageLayout, DecoderConfig), ImportError> {
    let origin = source.origin();
    let text = |key: &str| file.value(key).and_then(|value| value.text());
    let architecture = text("general.architecture").unwrap_or_default();
    let layout = match architecture {
        "llama" => LanguageLayout::Llama,
        "gptneox" => LanguageLayout::Neox,
        "mpt" => LanguageLayout::Mpt,
        other => {
            let reason = format!(
                "its architecture is '{other}', but only llama, gptneox and mpt are supported"
            );
            return Err(ImportError::config(origin, reason));
        }
    };
    let metadata = Metadata {
        file,
        architecture,
        origin,
    };
    let parts = file.value("split.count").and_then(|value| value.whole());
    if parts.is_some_and(|parts| parts > 1) {
        let reason =
            "it is one of several parts: merge them with llama.cpp's llama-gguf-split --merge";
        return Err(metadata.error(reason.into()));
    }
    let config = decoder(&metadata, layout, source, vocab_size)?;
    check_against_tensors(&metadata, &config, source)?;
    Ok((layout, config))
}

fn decoder(
    metadata: &Metadata,
    layout: LanguageLayout,
    source: &Source,
    vocab_size: usize,
) -> Result<DecoderConfig, ImportError> {
    const MAX_SIZE: u64 = 1_000_000;
    let (llama, mpt) = (
        layout == LanguageLayout::Llama,
        layout == LanguageLayout::Mpt,
    );
    let hidden = metadata.count("embedding_length", MAX_SIZE)?;
    let heads = metadata.count("attention.head_count", hidden as u64)?;
    let head = hidden / heads;
    if !hidden.is_multiple_of(heads) || !head.is_multiple_of(2) {
        let reason = format!("{hidden} channels cannot be split into {heads} heads of even width");
        return Err(metadata.error(reason));
    }
    let kv_heads = kv_heads(metadata, layout, heads)?;
    for length in ["attention.key_length", "attention.value_length"] {
        metadata.require(length, head as f64)?;
    }
    metadata.require("attention.clamp_kqv", 0.0)?;
    metadata.require("expert_count", 0.0)?;
    Ok(DecoderConfig {
        vocab_size,
        hidden_size: hidden,
        intermediate_size: metadata.count("feed_forward_length", MAX_SIZE)?,
        layers: metadata.count("block_count", MAX_SIZE)?,
        heads,
        kv_heads,
        max_positions: metadata.count("context_length", MAX_CONTEXT)?,
        norm: match source.has("blk.0.attn_norm.bias") {
            _ if llama => NormKind::Rms,
            true => NormKind::Layer,
            false => NormKind::LayerNoBias,
        },
        norm_eps: metadata.eps(match llama {
            true => "attention.layer_norm_rms_epsilon",
            false => "attention.layer_norm_epsilon",
        })?,
        rope_theta: rope_theta(metadata, mpt)?,
        rope_fraction: match mpt {
            true => 1.0,
            false => rope_fraction(metadata, head)?,
        },
        alibi_bias_max: match mpt {
            true => Some(alibi(metadata)?),
            false => None,
        },
        qk_norm: source.has("blk.0.attn_q_norm.weight"),
        mlp: match llama {
            true => Mlp::SwiGlu,
            false => Mlp::Gelu,
        },
        bias: source.has("blk.0.attn_output.bias"),
        parallel_residual: layout == LanguageLayout::Neox
            && metadata
                .read("use_parallel_residual", Value::flag)?
                .unwrap_or(true),
        tied_head: mpt || llama && !source.has("output.weight"),
        low_rank: None,
        learned_positions: None,
        embed_scale: None,
        layer_scaled_attention: false,
    })
}

/// Key-value heads, where there are fewer than heads.
fn kv_heads(
    metadata: &Metadata,
    layout: LanguageLayout,
    heads: usize,
) -> Result<Option<usize>, ImportError> {
    let key = "attention.head_count_kv";
    if layout != LanguageLayout::Llama {
        metadata.require(key, heads as f64)?;
        return Ok(None);
    }
    let divides = |value: &Value| {
        let whole = value.whole().and_then(|n| usize::try_from(n).ok());
        whole.filter(|&n| (1..=heads).contains(&n) && heads.is_multiple_of(n))
    };
    let found = metadata.read(key, divides)?;
    Ok(found.filter(|&found| found != heads))
}

fn rope_theta(metadata: &Metadata, mpt: bool) -> Result<Option<f32>, ImportError> {
    if mpt {
        return Ok(None);
    }
    metadata.require("rope.scaling.factor", 1.0)?;
    metadata.require("rope.scale_linear", 1.0)?;
    let within = |value: &Value| value.number().filter(|base| *base >= 1.0);
    let base = metadata.read("rope.freq_base", within)?;
    Ok(Some(base.unwrap_or(10_000.0) as f32))
}

/// The share of a head's channels that are rotated.
fn rope_fraction(metadata: &Metadata, head: usize) -> Result<f32, ImportError> {
    let within = |value: &Value| value.whole().filter(|n| (1..=head as u64).contains(n));
    let rotated_dims = metadata.read("rope.dimension_count", within)?;
    Ok(rotated_dims.unwrap_or(head as u64) as f32 / head as f32)
}

fn alibi(metadata: &Metadata) -> Result<f32, ImportError> {
    match metadata.read("attention.max_alibi_bias", Value::number)? {
        Some(max) if max > 0.0 => Ok(max as f32),
        _ => Err(metadata.error("MPT with learned positions is not supported".into())),
    }
}

/// Errors where the sizes in the metadata are not those of the tensors.
fn check_against_tensors(
    metadata: &Metadata,
    config: &DecoderConfig,
    source: &Source,
) -> Result<(), ImportError> {
    let [up, hidden] = dims(source, "blk.0.ffn_up.weight")?;
    let found = [hidden, up, layers(source, "blk.", "attn_norm.weight")];
    let metadata_sizes = [config.hidden_size, config.intermediate_size, config.layers];
    match found == metadata_sizes {
        true => Ok(()),
        false => Err(metadata.error(format!(
            "its metadata gives width, feed-forward and layers as {metadata_sizes:?}, but its tensors have {found:?}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layer_names_are_mapped_to_llama_cpp_names() {
        let found = |layout, rest: &str| {
            let recipe = recipe(layout, Heads::from(4), rest)?;
            Some(recipe.candidates()[0].name.clone())
        };
        let rest = "model.layers.7.self_attn.k_proj.bias";
        let fused = found(LanguageLayout::Neox, rest);
        assert_eq!(fused.as_deref(), Some("blk.7.attn_qkv.bias"));
        let separate = found(LanguageLayout::Llama, rest);
        assert_eq!(separate.as_deref(), Some("blk.7.attn_k.bias"));
        let norm = found(
            LanguageLayout::Mpt,
            "model.layers.0.self_attn.q_norm.weight",
        );
        assert_eq!(norm.as_deref(), Some("blk.0.attn_q_norm.weight"));
        assert_eq!(
            found(LanguageLayout::Mpt, "model.layers.0.strange.weight"),
            None
        );
        assert_eq!(found(LanguageLayout::Mpt, "strange"), None);
    }
}
