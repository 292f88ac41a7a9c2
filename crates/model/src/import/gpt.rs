//! Names and sizes of GPT-2 and BioGPT as published in transformers (models/gpt2, models/biogpt, 4.46.3).
//!
//! GPT-2 stores its linear layers as convolutions `[in, out]` with queries, keys and values side by side, and hub files have its names
//! with or without `transformer.` in front. BioGPT's layer norms have PyTorch's epsilon, whatever its configuration says.

use super::ImportError;
use super::infer_config::JsonConfig;
use super::recipe::{LanguageLayout, Recipe, Role, TensorRef};
use crate::language::{DecoderConfig, Mlp};
use crate::layers::NormKind;
use crate::weights::Source;

/// Rows of BioGPT's table of positions before that of the first token.
const BIOGPT_ROWS_BEFORE: usize = 2;
/// Epsilon of BioGPT's layer norms in the code.
const BIOGPT_EPS: f64 = 1e-5;

/// The layout of a model's tensors, if it is a GPT-2 or a BioGPT.
pub(super) fn layout(source: &Source) -> Option<LanguageLayout> {
    let has = |name: &str| source.has(name);
    if has("transformer.h.0.attn.c_attn.weight") || has("h.0.attn.c_attn.weight") {
        return Some(LanguageLayout::Gpt2);
    }
    has("biogpt.layers.0.fc1.weight").then_some(LanguageLayout::BioGpt)
}

/// Rows of the token table.
pub(super) fn vocabulary(source: &Source) -> Option<usize> {
    const TABLES: [&str; 3] = [
        "transformer.wte.weight",
        "wte.weight",
        "biogpt.embed_tokens.weight",
    ];
    let shape = TABLES.iter().find_map(|table| source.shape(table))?;
    shape.first().copied()
}

/// The decoder that a `config.json` describes, if its tensors are those of a GPT-2 or a BioGPT.
pub(super) fn language(
    json: &JsonConfig,
    source: &Source,
    vocab_size: usize,
) -> Result<Option<(LanguageLayout, DecoderConfig)>, ImportError> {
    let Some(layout) = layout(source) else {
        return Ok(None);
    };
    let gpt2 = layout == LanguageLayout::Gpt2;
    let activation = json.string(&["activation_function", "hidden_act"]);
    let mlp = match (gpt2, activation) {
        (true, "" | "gelu_new" | "gelu_pytorch_tanh") => Mlp::GeluTanh,
        (true, "gelu") | (false, "" | "gelu") => Mlp::Gelu,
        (false, "gelu_new") => Mlp::GeluTanh,
        (_, other) => {
            let reason = format!("activation {other} is not supported");
            return Err(ImportError::config(json.path(), reason));
        }
    };
    if gpt2 && !json.flag(&["scale_attn_weights"], true) {
        let reason = "attention without scaling is not supported".into();
        return Err(ImportError::config(json.path(), reason));
    }
    let hidden = json.count(&["n_embd", "hidden_size"])?;
    let inner = json.find(&["n_inner", "intermediate_size"]);
    let scaled = !gpt2 && json.flag(&["scale_embedding"], true);
    let config = DecoderConfig {
        vocab_size,
        hidden_size: hidden,
        intermediate_size: match inner.is_some_and(|inner| !inner.is_null()) {
            true => json.count(&["n_inner", "intermediate_size"])?,
            false => 4 * hidden,
        },
        layers: json.count(&["n_layer", "num_hidden_layers"])?,
        heads: json.count(&["n_head", "num_attention_heads"])?,
        kv_heads: None,
        max_positions: json.count(&["n_positions", "max_position_embeddings"])?,
        norm: NormKind::Layer,
        norm_eps: match gpt2 {
            true => json.number(&["layer_norm_epsilon"], 1e-5),
            false => BIOGPT_EPS,
        },
        rope_theta: None,
        rope_fraction: 1.0,
        alibi_bias_max: None,
        learned_positions: Some(if gpt2 { 0 } else { BIOGPT_ROWS_BEFORE }),
        embed_scale: scaled.then(|| (hidden as f32).sqrt()),
        layer_scaled_attention: gpt2 && json.flag(&["scale_attn_by_inverse_layer_idx"], false),
        qk_norm: false,
        mlp,
        bias: true,
        parallel_residual: false,
        tied_head: true,
        low_rank: None,
    };
    Ok(Some((layout, config)))
}

/// The recipe for `rest`, one of our names in the language model.
pub(super) fn recipe(layout: LanguageLayout, rest: &str) -> Option<Recipe> {
    match layout {
        LanguageLayout::Gpt2 => gpt2(rest),
        LanguageLayout::BioGpt => biogpt(rest),
        _ => None,
    }
}

/// Whether a published tensor of the language model is a buffer or the head, which is the token table.
pub(super) fn is_ignorable(layout: LanguageLayout, name: &str) -> bool {
    match layout {
        LanguageLayout::Gpt2 => {
            let buffers = [".attn.bias", ".attn.masked_bias"];
            name.ends_with("lm_head.weight") || buffers.iter().any(|end| name.ends_with(end))
        }
        LanguageLayout::BioGpt => name.ends_with("output_projection.weight"),
        _ => false,
    }
}

fn tensor_ref(name: String) -> TensorRef {
    TensorRef {
        role: Role::Language,
        name,
    }
}

fn gpt2(rest: &str) -> Option<Recipe> {
    let either = |name: String| {
        let long = format!("transformer.{name}");
        vec![tensor_ref(long), tensor_ref(name)]
    };
    let whole = |name: String| Some(Recipe::Copy(either(name)));
    match rest {
        "model.embed_tokens.weight" | "lm_head.weight" => return whole("wte.weight".into()),
        "model.embed_positions.weight" => return whole("wpe.weight".into()),
        _ => {}
    }
    if let Some(end) = rest.strip_prefix("model.norm.") {
        return whole(format!("ln_f.{end}"));
    }
    let (layer, part) = rest.strip_prefix("model.layers.")?.split_once('.')?;
    let (part, end) = part.rsplit_once('.')?;
    let qkv = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"];
    if let Some(part) = qkv.iter().position(|&name| name == part) {
        let fused = either(format!("h.{layer}.attn.c_attn.{end}"));
        return Some(match end {
            "weight" => Recipe::ConvQkv(fused, part),
            _ => Recipe::FusedQkv(fused, part),
        });
    }
    let (name, linear) = match part {
        "self_attn.o_proj" => ("attn.c_proj", true),
        "mlp.up_proj" => ("mlp.c_fc", true),
        "mlp.down_proj" => ("mlp.c_proj", true),
        "input_layernorm" => ("ln_1", false),
        "post_attention_layernorm" => ("ln_2", false),
        _ => return None,
    };
    let published = either(format!("h.{layer}.{name}.{end}"));
    Some(match linear && end == "weight" {
        true => Recipe::Transposed(published),
        false => Recipe::Copy(published),
    })
}

fn biogpt(rest: &str) -> Option<Recipe> {
    let whole = |name: String| {
        let published = tensor_ref(format!("biogpt.{name}"));
        Some(Recipe::Copy(vec![published]))
    };
    match rest {
        "model.embed_tokens.weight" | "lm_head.weight" => {
            return whole("embed_tokens.weight".into());
        }
        "model.embed_positions.weight" => return whole("embed_positions.weight".into()),
        _ => {}
    }
    if let Some(end) = rest.strip_prefix("model.norm.") {
        return whole(format!("layer_norm.{end}"));
    }
    let (layer, part) = rest.strip_prefix("model.layers.")?.split_once('.')?;
    let (part, end) = part.rsplit_once('.')?;
    let name = match part {
        "self_attn.q_proj" | "self_attn.k_proj" | "self_attn.v_proj" => part,
        "self_attn.o_proj" => "self_attn.out_proj",
        "mlp.up_proj" => "fc1",
        "mlp.down_proj" => "fc2",
        "input_layernorm" => "self_attn_layer_norm",
        "post_attention_layernorm" => "final_layer_norm",
        _ => return None,
    };
    whole(format!("layers.{layer}.{name}.{end}"))
}
