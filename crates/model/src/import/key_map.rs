//! Maps our tensor names to published tensors.
//!
//! For each tensor that the model needs: which published tensors it is made from, and how. Taken from the publishers' code:
//! open_flamingo 0.0.2 and 2.0.1, transformers (LLaMA, GPT-NeoX, MPT, IDEFICS, CLIP), MosaicGPT, open_clip. llama.cpp's names are in
//! [`super::llama_cpp`].

use super::efficientnet;
use super::gpt;
use super::llama_cpp;
use super::recipe::{LanguageLayout, Recipe, Role, TensorRef};
use crate::ops::Heads;

/// Naming scheme of a published vision tower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VisionLayout {
    /// open_clip; the prefix is `visual.` or empty.
    OpenClip { prefix: String },
    /// An EfficientNet-Lite of efficientnet_lite_pytorch.
    EfficientNet,
    /// transformers; the prefix ends with `vision_model.` or is empty.
    HuggingFace {
        /// In front of every name.
        prefix: String,
        /// Full name of `visual_projection.weight`.
        projection: String,
    },
}

/// Naming scheme of the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// OpenFlamingo and Med-Flamingo.
    Flamingo,
    /// IDEFICS.
    Idefics {
        /// Layers per gated block.
        every: usize,
    },
}

/// Naming schemes of all sources of a Flamingo.
#[derive(Clone, Debug)]
pub(crate) struct KeyMap {
    /// Whose names the checkpoint has.
    pub family: Family,
    /// Names of the language model.
    pub language: LanguageLayout,
    /// Whether the language model is a GGUF file of llama.cpp.
    pub llama_cpp: bool,
    /// Names of the vision tower.
    pub vision: VisionLayout,
    /// Attention heads of the language model.
    pub heads: Heads,
    /// Whether the language model's head is its embedding table, whatever its family.
    pub tied_head: bool,
}

/// Maps our tensors to those of one published layout.
pub(crate) trait Rules {
    /// The recipe for our tensor `name`; `None` if it is unknown.
    fn find(&self, name: &str) -> Option<Recipe>;
    /// Whether a published tensor that no recipe uses can be ignored.
    fn is_ignorable(&self, role: Role, name: &str) -> bool;
}

impl Rules for KeyMap {
    fn find(&self, name: &str) -> Option<Recipe> {
        KeyMap::find(self, name)
    }

    fn is_ignorable(&self, role: Role, name: &str) -> bool {
        // MPT's head is its embedding table; training checkpoints have it under both names.
        let mpt = matches!(self.language, LanguageLayout::Mpt | LanguageLayout::Mosaic);
        let alias = mpt && name == "lang_encoder.lm_head.weight";
        let buffer = role == Role::Language && gpt::is_ignorable(self.language, name);
        alias || buffer || is_buffer_or_alias(role, name) || is_replaced_table(role, name)
    }
}

/// Whether it is a table of the base model, which the checkpoint's resized one may replace.
fn is_replaced_table(role: Role, name: &str) -> bool {
    const TABLES: [&str; 7] = [
        "token_embd.weight",
        "output.weight",
        "model.embed_tokens.weight",
        "lm_head.weight",
        "gpt_neox.embed_in.weight",
        "embed_out.weight",
        "transformer.wte.weight",
    ];
    role == Role::Language && TABLES.contains(&name)
}

fn tensor_ref(role: Role, name: impl Into<String>) -> TensorRef {
    TensorRef {
        role,
        name: name.into(),
    }
}

impl KeyMap {
    /// The recipe for our tensor `name`; `None` if it is unknown.
    pub(crate) fn find(&self, name: &str) -> Option<Recipe> {
        if let Some(rest) = name.strip_prefix("vision_encoder.") {
            return self.vision(rest);
        }
        if let Some(rest) = name.strip_prefix("perceiver.") {
            return Some(match self.family {
                Family::Flamingo => Recipe::Copy(vec![tensor_ref(Role::Checkpoint, name)]),
                Family::Idefics { .. } => idefics_resampler(rest)?,
            });
        }
        let rest = name.strip_prefix("lang_encoder.")?;
        if let Some(rest) = rest.strip_prefix("gated_cross_attn_layers.") {
            let (layer, rest) = rest.split_once('.')?;
            let layer: usize = layer.parse().ok()?;
            return match self.family {
                Family::Flamingo => Some(self.gated(layer, rest)),
                Family::Idefics { every } => idefics_gated(layer / every.max(1), rest),
            };
        }
        self.language(rest)
    }

    fn gated(&self, layer: usize, rest: &str) -> Recipe {
        let blocks = match self.language {
            LanguageLayout::Llama => "model.layers",
            LanguageLayout::Neox => "gpt_neox.layers",
            LanguageLayout::Mosaic | LanguageLayout::Mpt => "transformer.blocks",
            LanguageLayout::Gpt2 => "transformer.h",
            LanguageLayout::BioGpt => "biogpt.layers",
        };
        let old = format!("lang_encoder.gated_cross_attn_layers.{layer}.{rest}");
        let new = format!("lang_encoder.{blocks}.{layer}.gated_cross_attn_layer.{rest}");
        Recipe::Copy(vec![
            tensor_ref(Role::Checkpoint, old),
            tensor_ref(Role::Checkpoint, new),
        ])
    }

    fn language(&self, rest: &str) -> Option<Recipe> {
        if let Family::Idefics { .. } = self.family {
            let extra = match rest {
                "model.embed_tokens.weight" => {
                    Some("model.embed_tokens.additional_embedding.weight")
                }
                "lm_head.weight" => Some("lm_head.additional_fc.weight"),
                _ => None,
            };
            let mut tensors = vec![tensor_ref(Role::Checkpoint, rest)];
            return Some(match extra {
                Some(extra) => {
                    tensors.push(tensor_ref(Role::Checkpoint, extra));
                    Recipe::Concat(tensors)
                }
                None => Recipe::Copy(tensors),
            });
        }
        if let Some(recipe) = gpt::recipe(self.language, rest) {
            return Some(recipe);
        }
        let (embed, head) = match self.language {
            LanguageLayout::Llama => ("model.embed_tokens.weight", "lm_head.weight"),
            LanguageLayout::Neox => ("gpt_neox.embed_in.weight", "embed_out.weight"),
            LanguageLayout::Mosaic | LanguageLayout::Mpt => {
                ("transformer.wte.weight", "transformer.wte.weight")
            }
            LanguageLayout::Gpt2 | LanguageLayout::BioGpt => return None,
        };
        let tied = embed == head || self.tied_head;
        let resized = |name: &str, llama_cpp: &str| {
            let base = if self.llama_cpp { llama_cpp } else { name };
            Recipe::Resized(vec![
                tensor_ref(Role::Checkpoint, format!("lang_encoder.{name}")),
                tensor_ref(Role::Language, base),
            ])
        };
        match rest {
            "model.embed_tokens.weight" => return Some(resized(embed, "token_embd.weight")),
            "lm_head.weight" if tied => return Some(resized(embed, "token_embd.weight")),
            "lm_head.weight" => return Some(resized(head, "output.weight")),
            _ => {}
        }
        if self.llama_cpp {
            return llama_cpp::recipe(self.language, self.heads, rest);
        }
        let whole = |name: String| Some(Recipe::Copy(vec![tensor_ref(Role::Language, name)]));
        if self.language == LanguageLayout::Llama {
            return whole(rest.to_string());
        }
        if let Some(end) = rest.strip_prefix("model.norm.") {
            return whole(match self.language {
                LanguageLayout::Neox => format!("gpt_neox.final_layer_norm.{end}"),
                LanguageLayout::Mosaic => format!("transformer.ln_f.{end}"),
                _ => format!("transformer.norm_f.{end}"),
            });
        }
        let (layer, part) = rest.strip_prefix("model.layers.")?.split_once('.')?;
        let (part, end) = part.rsplit_once('.')?;
        let qkv = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]
            .iter()
            .position(|&p| p == part);
        if self.language == LanguageLayout::Neox {
            let root = format!("gpt_neox.layers.{layer}");
            if let Some(part) = qkv {
                let fused = format!("{root}.attention.query_key_value.{end}");
                return Some(Recipe::InterleavedQkv(
                    vec![tensor_ref(Role::Language, fused)],
                    part,
                    self.heads.query,
                ));
            }
            let name = match part {
                "self_attn.o_proj" => "attention.dense",
                "mlp.up_proj" => "mlp.dense_h_to_4h",
                "mlp.down_proj" => "mlp.dense_4h_to_h",
                "input_layernorm" | "post_attention_layernorm" => part,
                _ => return None,
            };
            return whole(format!("{root}.{name}.{end}"));
        }
        let root = format!("transformer.blocks.{layer}");
        if let Some(part) = qkv {
            let fused = format!("{root}.attn.Wqkv.{end}");
            return Some(Recipe::FusedQkv(
                vec![tensor_ref(Role::Language, fused)],
                part,
            ));
        }
        let mosaic = self.language == LanguageLayout::Mosaic;
        let name = match (part, mosaic) {
            ("self_attn.o_proj", _) => "attn.out_proj",
            ("self_attn.q_norm", _) => "attn.q_ln",
            ("self_attn.k_norm", _) => "attn.k_ln",
            ("mlp.up_proj", true) => "mlp.mlp_up",
            ("mlp.up_proj", false) => "ffn.up_proj",
            ("mlp.down_proj", true) => "mlp.mlp_down",
            ("mlp.down_proj", false) => "ffn.down_proj",
            ("input_layernorm", true) => "ln_1",
            ("input_layernorm", false) => "norm_1",
            ("post_attention_layernorm", true) => "ln_2",
            ("post_attention_layernorm", false) => "norm_2",
            _ => return None,
        };
        whole(format!("{root}.{name}.{end}"))
    }

    fn vision(&self, rest: &str) -> Option<Recipe> {
        let role = match self.family {
            Family::Flamingo => Role::Vision,
            Family::Idefics { .. } => Role::Checkpoint,
        };
        match &self.vision {
            VisionLayout::EfficientNet => efficientnet::recipe(role, rest),
            layout => clip_tower(layout, role, rest),
        }
    }
}

/// The recipe for `rest`, a tensor of our CLIP tower, in a published `layout`.
pub(crate) fn clip_tower(layout: &VisionLayout, role: Role, rest: &str) -> Option<Recipe> {
    let (prefix, projection) = match layout {
        VisionLayout::OpenClip { prefix } => {
            return Some(Recipe::Copy(vec![tensor_ref(
                role,
                format!("{prefix}{rest}"),
            )]));
        }
        VisionLayout::HuggingFace { prefix, projection } => (prefix, projection),
        VisionLayout::EfficientNet => return None,
    };
    let whole = |name: String| Recipe::Copy(vec![tensor_ref(role, format!("{prefix}{name}"))]);
    let (layer, part) = match rest.strip_prefix("transformer.resblocks.") {
        Some(inside) => inside.split_once('.')?,
        None => {
            return Some(match rest {
                "conv1.weight" => whole("embeddings.patch_embedding.weight".into()),
                "class_embedding" => whole("embeddings.class_embedding".into()),
                "positional_embedding" => whole("embeddings.position_embedding.weight".into()),
                "proj" => Recipe::Transposed(vec![tensor_ref(role, projection.clone())]),
                _ => match rest.split_once('.')? {
                    ("ln_pre", end) => whole(format!("pre_layrnorm.{end}")),
                    ("ln_post", end) => whole(format!("post_layernorm.{end}")),
                    _ => return None,
                },
            });
        }
    };
    let root = format!("encoder.layers.{layer}");
    let fused = |end: &str| {
        let one = |p: &str| tensor_ref(role, format!("{prefix}{root}.self_attn.{p}_proj.{end}"));
        Recipe::Concat(["q", "k", "v"].map(one).to_vec())
    };
    Some(match part {
        "attn.in_proj_weight" => fused("weight"),
        "attn.in_proj_bias" => fused("bias"),
        _ => {
            let (part, end) = part.rsplit_once('.')?;
            let name = match part {
                "ln_1" => "layer_norm1",
                "ln_2" => "layer_norm2",
                "attn.out_proj" => "self_attn.out_proj",
                "mlp.c_fc" => "mlp.fc1",
                "mlp.c_proj" => "mlp.fc2",
                _ => return None,
            };
            whole(format!("{root}.{name}.{end}"))
        }
    })
}

fn idefics_resampler(rest: &str) -> Option<Recipe> {
    let root = "model.perceiver_resampler";
    let whole = |name: String| {
        Some(Recipe::Copy(vec![tensor_ref(
            Role::Checkpoint,
            format!("{root}.{name}"),
        )]))
    };
    if rest == "latents" {
        return whole("latents".into());
    }
    if let Some(end) = rest.strip_prefix("norm.") {
        return whole(format!("layer_norm.{end}"));
    }
    let (layer, part) = rest.strip_prefix("layers.")?.split_once('.')?;
    let (part, end) = part.rsplit_once('.')?;
    let block = format!("blocks.{layer}");
    let name = match part {
        "0.norm_media" => "0.context_layer_norm",
        "0.norm_latents" => "0.latents_layer_norm",
        "0.to_q" => "0.q_proj",
        "0.q_norm" => "0.q_layer_norm",
        "0.k_norm" => "0.k_layer_norm",
        "0.to_out" => "0.output_proj",
        "1.0" => "1.ln",
        "1.1" => "1.fc",
        "1.3" => "1.c_proj",
        "0.to_kv" => {
            let one =
                |p: &str| tensor_ref(Role::Checkpoint, format!("{root}.{block}.0.{p}_proj.{end}"));
            return Some(Recipe::Concat(["k", "v"].map(one).to_vec()));
        }
        _ => return None,
    };
    whole(format!("{block}.{name}.{end}"))
}

fn idefics_gated(block: usize, rest: &str) -> Option<Recipe> {
    let root = format!("model.gated_cross_attn_layers.{block}");
    let name = match rest {
        "attn_gate" => "alpha_cross_attn".to_string(),
        "ff_gate" => "alpha_dense".to_string(),
        _ => {
            let (part, end) = rest.rsplit_once('.')?;
            let name = match part {
                "attn.norm" => "input_layernorm",
                "attn.to_q" => "cross_attn.q_proj",
                "attn.to_out" => "cross_attn.o_proj",
                "attn.q_norm" => "cross_attn.q_layer_norm",
                "attn.k_norm" => "cross_attn.k_layer_norm",
                "ff.norm" => "post_attention_layernorm",
                "ff.gate_proj" => "mlp.gate_proj",
                "ff.up_proj" => "mlp.up_proj",
                "ff.down_proj" => "mlp.down_proj",
                "attn.to_kv" => {
                    let one = |p: &str| {
                        tensor_ref(
                            Role::Checkpoint,
                            format!("{root}.cross_attn.{p}_proj.{end}"),
                        )
                    };
                    return Some(Recipe::Concat(["k", "v"].map(one).to_vec()));
                }
                _ => return None,
            };
            format!("{name}.{end}")
        }
    };
    Some(Recipe::Copy(vec![tensor_ref(
        Role::Checkpoint,
        format!("{root}.{name}"),
    )]))
}

/// Whether a published tensor is known to be unneeded: buffers, the text tower of a CLIP, aliases.
pub(crate) fn is_buffer_or_alias(role: Role, name: &str) -> bool {
    const ENDS: [&str; 6] = [
        "rotary_emb.inv_freq",
        "attention.bias",
        "attention.masked_bias",
        "position_ids",
        "attn_bias",
        "rotary_pos_emb.inv_freq",
    ];
    if ENDS.iter().any(|end| name.ends_with(end)) {
        return true;
    }
    match role {
        // An EfficientNet has a classifier; a CLIP file has a text tower too.
        Role::Vision if efficientnet::is_unneeded(name) => true,
        Role::Vision => {
            const OURS: [&str; 3] = ["visual.", "vision_model.", "visual_projection."];
            const TEXT: [&str; 8] = [
                "text_model.",
                "text_projection",
                "logit_scale",
                "token_embedding.",
                "ln_final.",
                "transformer.resblocks.",
                "positional_embedding",
                "logit_bias",
            ];
            !OURS.iter().any(|p| name.starts_with(p)) && TEXT.iter().any(|p| name.starts_with(p))
        }
        // Version 0.0.2 has every gated block under two names; training checkpoints have frozen parts.
        Role::Checkpoint => {
            name.contains(".gated_cross_attn_layer.")
                || name.starts_with("lang_encoder.old_decoder_blocks.")
                || name.starts_with("vision_encoder.")
                || name.contains(".decoder_layer.")
        }
        Role::Language => false,
    }
}
