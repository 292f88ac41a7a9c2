//! Maps an encoder's tensor names to those of each published layout.
//!
//! Taken from the publishers' code: transformers' CLIP, SigLIP and BERT, open_clip, timm's ViT. Only names are here; values are
//! converted by [`assemble`](mod@crate::import::assemble).

use super::layout::Layout;
use crate::import::key_map::{Rules, VisionLayout, clip_tower};
use crate::import::recipe::{Recipe, Role, TensorRef};

/// Names of the blocks and their parts.
struct BlockNames {
    root: &'static str,
    norm_1: &'static str,
    norm_2: &'static str,
    out_proj: &'static str,
    fc_1: &'static str,
    fc_2: &'static str,
    in_proj: InProj,
}

/// Queries, keys and values.
enum InProj {
    /// In one tensor with this name, to which `weight` or `bias` is appended.
    Fused(&'static str),
    /// In three.
    Parts([&'static str; 3]),
}

const HUGGING_FACE: BlockNames = BlockNames {
    root: "encoder.layers",
    norm_1: "layer_norm1",
    norm_2: "layer_norm2",
    out_proj: "self_attn.out_proj",
    fc_1: "mlp.fc1",
    fc_2: "mlp.fc2",
    in_proj: InProj::Parts(["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
};

const OPEN_CLIP: BlockNames = BlockNames {
    root: "transformer.resblocks",
    norm_1: "ln_1",
    norm_2: "ln_2",
    out_proj: "attn.out_proj",
    fc_1: "mlp.c_fc",
    fc_2: "mlp.c_proj",
    in_proj: InProj::Fused("attn.in_proj_"),
};

const TIMM: BlockNames = BlockNames {
    root: "blocks",
    norm_1: "norm1",
    norm_2: "norm2",
    out_proj: "attn.proj",
    fc_1: "mlp.fc1",
    fc_2: "mlp.fc2",
    in_proj: InProj::Fused("attn.qkv."),
};

const BERT: BlockNames = BlockNames {
    root: "encoder.layer",
    norm_1: "attention.output.LayerNorm",
    norm_2: "output.LayerNorm",
    out_proj: "attention.output.dense",
    fc_1: "intermediate.dense",
    fc_2: "output.dense",
    in_proj: InProj::Parts([
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
    ]),
};

fn at(name: impl Into<String>) -> TensorRef {
    TensorRef {
        role: Role::Checkpoint,
        name: name.into(),
    }
}

fn whole(name: impl Into<String>) -> Recipe {
    Recipe::Copy(vec![at(name)])
}

impl BlockNames {
    /// The recipe for `rest` (such as `3.mlp.fc_1.weight`) under `prefix`.
    fn find(&self, prefix: &str, rest: &str) -> Option<Recipe> {
        let (layer, part) = rest.split_once('.')?;
        let (part, end) = part.rsplit_once('.')?;
        let root = format!("{prefix}{}.{layer}", self.root);
        let name = match part {
            "norm_1" => self.norm_1,
            "norm_2" => self.norm_2,
            "attn.out_proj" => self.out_proj,
            "mlp.fc_1" => self.fc_1,
            "mlp.fc_2" => self.fc_2,
            "attn.in_proj" => {
                return Some(match &self.in_proj {
                    InProj::Fused(name) => whole(format!("{root}.{name}{end}")),
                    InProj::Parts(parts) => Recipe::Concat(
                        parts
                            .map(|part| at(format!("{root}.{part}.{end}")))
                            .to_vec(),
                    ),
                });
            }
            _ => return None,
        };
        Some(whole(format!("{root}.{name}.{end}")))
    }
}

impl Rules for Layout {
    fn find(&self, name: &str) -> Option<Recipe> {
        let (tower, rest) = name.split_once('.')?;
        match (self, tower) {
            (Self::HuggingFaceClip, "visual") => {
                let layout = VisionLayout::HuggingFace {
                    prefix: "vision_model.".into(),
                    projection: "visual_projection.weight".into(),
                };
                clip_tower(&layout, Role::Checkpoint, rest)
            }
            (Self::OpenClip { .. }, "visual") => {
                let layout = VisionLayout::OpenClip {
                    prefix: "visual.".into(),
                };
                clip_tower(&layout, Role::Checkpoint, rest)
            }
            (Self::HuggingFaceSiglip, "visual") => siglip_image(rest),
            (Self::BiomedClip, "visual") => timm_image(rest),
            (Self::HuggingFaceClip, "text") => hugging_face_text(rest, "text_projection"),
            (Self::HuggingFaceSiglip, "text") => hugging_face_text(rest, "text_model.head"),
            (Self::OpenClip { text }, "text") => open_clip_text(text, rest),
            (Self::BiomedClip, "text") => bert_text(rest),
            _ => None,
        }
    }

    fn is_ignorable(&self, _: Role, name: &str) -> bool {
        // Scales of the loss, and BERT's pooler, which is not used.
        ["logit_scale", "logit_bias"].contains(&name)
            || name.starts_with("text.transformer.pooler.")
    }
}

fn siglip_image(rest: &str) -> Option<Recipe> {
    const MODEL: &str = "vision_model.";
    if let Some(rest) = rest.strip_prefix("blocks.") {
        return HUGGING_FACE.find(MODEL, rest);
    }
    if rest == "position_embedding" {
        return Some(whole("vision_model.embeddings.position_embedding.weight"));
    }
    if rest == "pool.probe" {
        return Some(whole("vision_model.head.probe"));
    }
    let (part, end) = rest.rsplit_once('.')?;
    if let Some(part) = ["pool.query", "pool.key", "pool.value"]
        .iter()
        .position(|&p| p == part)
    {
        let fused = format!("vision_model.head.attention.in_proj_{end}");
        return Some(Recipe::FusedQkv(vec![at(fused)], part));
    }
    let name = match part {
        "patch_embedding" => "embeddings.patch_embedding",
        "norm" => "post_layernorm",
        "pool.out" => "head.attention.out_proj",
        "pool.norm" => "head.layernorm",
        "pool.mlp.fc_1" => "head.mlp.fc1",
        "pool.mlp.fc_2" => "head.mlp.fc2",
        _ => return None,
    };
    Some(whole(format!("{MODEL}{name}.{end}")))
}

fn timm_image(rest: &str) -> Option<Recipe> {
    const TRUNK: &str = "visual.trunk.";
    if let Some(rest) = rest.strip_prefix("blocks.") {
        return TIMM.find(TRUNK, rest);
    }
    Some(match rest {
        "class_embedding" => whole("visual.trunk.cls_token"),
        "position_embedding" => Recipe::Reshaped(vec![at("visual.trunk.pos_embed")]),
        "projection.weight" => whole("visual.head.proj.weight"),
        _ => match rest.rsplit_once('.')? {
            ("patch_embedding", end) => whole(format!("{TRUNK}patch_embed.proj.{end}")),
            ("norm", end) => whole(format!("{TRUNK}norm.{end}")),
            _ => return None,
        },
    })
}

fn hugging_face_text(rest: &str, projection: &str) -> Option<Recipe> {
    const MODEL: &str = "text_model.";
    if let Some(rest) = rest.strip_prefix("blocks.") {
        return HUGGING_FACE.find(MODEL, rest);
    }
    Some(match rest {
        "token_embedding" | "position_embedding" => {
            whole(format!("{MODEL}embeddings.{rest}.weight"))
        }
        _ => match rest.rsplit_once('.')? {
            ("norm", end) => whole(format!("{MODEL}final_layer_norm.{end}")),
            ("projection", end) => whole(format!("{projection}.{end}")),
            _ => return None,
        },
    })
}

fn open_clip_text(prefix: &str, rest: &str) -> Option<Recipe> {
    if let Some(rest) = rest.strip_prefix("blocks.") {
        return OPEN_CLIP.find(prefix, rest);
    }
    Some(match rest {
        "token_embedding" => whole(format!("{prefix}token_embedding.weight")),
        "position_embedding" => whole(format!("{prefix}positional_embedding")),
        "projection.weight" => Recipe::Transposed(vec![at(format!("{prefix}text_projection"))]),
        _ => match rest.rsplit_once('.')? {
            ("norm", end) => whole(format!("{prefix}ln_final.{end}")),
            _ => return None,
        },
    })
}

fn bert_text(rest: &str) -> Option<Recipe> {
    const MODEL: &str = "text.transformer.";
    if let Some(rest) = rest.strip_prefix("blocks.") {
        return BERT.find(MODEL, rest);
    }
    let embeddings = |name: &str| whole(format!("{MODEL}embeddings.{name}"));
    Some(match rest {
        "token_embedding" => embeddings("word_embeddings.weight"),
        "position_embedding" => embeddings("position_embeddings.weight"),
        "segment_embedding" => embeddings("token_type_embeddings.weight"),
        "projection.0.weight" => whole("text.proj.0.weight"),
        "projection.1.weight" => whole("text.proj.2.weight"),
        _ => match rest.rsplit_once('.')? {
            ("embedding_norm", end) => embeddings(&format!("LayerNorm.{end}")),
            _ => return None,
        },
    })
}
