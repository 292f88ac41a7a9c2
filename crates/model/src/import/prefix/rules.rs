//! How the tensors of a prefix-tuned model are made.
//!
//! A tensor of the language model comes from the checkpoint if that has it as floats, else from the language model itself: checkpoints
//! trained in 8 bits have integers there, and those were never tuned.

use super::adapters::{ADAPTER, Adapters, Factors, own_name, variants};
use crate::import::ImportError;
use crate::import::gpt;
use crate::import::key_map::{KeyMap, Rules};
use crate::import::recipe::{LanguageLayout, Recipe, Role, TensorRef};
use crate::language::{DecoderConfig, LowRankConfig, Projection};
use crate::prefix::Layout;
use crate::weights::Source;

/// Names of the encoder of virtual tokens.
pub(super) const ENCODER: &str = "gpt.prompt_encoder";

/// Naming schemes of all sources of a prefix-tuned model.
pub(super) struct PrefixMap<'a> {
    /// Names of the language model and the tower.
    pub(super) base: KeyMap,
    pub(super) checkpoint: &'a Source,
    pub(super) adapters: Adapters,
    /// Numerator of the factor of additions of low rank.
    pub(super) alpha: u32,
    /// Whether they are kept apart.
    pub(super) keep: bool,
    pub(super) layout: Layout,
}

fn checkpoint(name: impl Into<String>) -> TensorRef {
    TensorRef {
        role: Role::Checkpoint,
        name: name.into(),
    }
}

/// The encoder's tensor `end` under the first name that exists.
pub(super) fn encoder_name(source: &Source, end: &str) -> Option<String> {
    let names = ADAPTER.iter();
    let mut names = names.map(|adapter| format!("{ENCODER}{adapter}.{end}"));
    names.find(|name| source.has(name))
}

impl PrefixMap<'_> {
    /// The candidates with the checkpoint's own tensor instead of the language model's.
    fn tuned(&self, refs: &[TensorRef]) -> Vec<TensorRef> {
        let language = refs.iter().filter(|one| one.role == Role::Language);
        let mut all: Vec<TensorRef> = language
            .flat_map(|one| variants(&one.name))
            .filter(|name| self.checkpoint.is_float(name))
            .map(checkpoint)
            .collect();
        all.extend(refs.iter().cloned());
        all
    }

    /// What is added to the layer that a recipe of the language model reads, and the part of its rows.
    fn factors(&self, recipe: &Recipe) -> Option<(Factors, Option<usize>)> {
        if !self.adapters.any() {
            return None;
        }
        let part = match recipe {
            Recipe::ConvQkv(_, part) | Recipe::FusedQkv(_, part) => Some(*part),
            _ => None,
        };
        let mut names = recipe.candidates().iter();
        names.find_map(|one| {
            let name = self.published_name(&one.name);
            Some((self.adapters.factors(self.checkpoint, &name)?, part))
        })
    }

    /// The name in transformers of a language model's tensor: peft never saw llama.cpp's names.
    fn published_name(&self, name: &str) -> String {
        let Some(rest) = name.strip_prefix("blk.").filter(|_| self.base.llama_cpp) else {
            return name.to_string();
        };
        let Some((layer, part)) = rest.split_once('.') else {
            return name.to_string();
        };
        let (part, end) = part.rsplit_once('.').unwrap_or((part, ""));
        let part = match part {
            "attn_q" => "self_attn.q_proj",
            "attn_k" => "self_attn.k_proj",
            "attn_v" => "self_attn.v_proj",
            "attn_output" => "self_attn.o_proj",
            "ffn_gate" => "mlp.gate_proj",
            "ffn_up" => "mlp.up_proj",
            "ffn_down" => "mlp.down_proj",
            other => other,
        };
        format!("model.layers.{layer}.{part}.{end}")
    }

    fn language(&self, name: &str) -> Option<Recipe> {
        for (end, up) in [(".low_rank_down", false), (".low_rank_up", true)] {
            if let Some(layer) = name.strip_suffix(end) {
                let base = self.base.find(&format!("{layer}.weight"))?;
                let (factors, part) = self.factors(&base)?;
                return Some(match up {
                    true => Recipe::LowRankUp(vec![checkpoint(factors.up)], part, self.alpha),
                    false => Recipe::Copy(vec![checkpoint(factors.down)]),
                });
            }
        }
        let base = self.base.find(name)?;
        let added = self.factors(&base).filter(|_| !self.keep);
        let refs = self.tuned(base.candidates());
        let base = base.with_candidates(refs);
        // A bias has no addition.
        let Some((factors, part)) = added.filter(|_| name.ends_with(".weight")) else {
            return Some(base);
        };
        let first = base.candidates().iter().find(|one| match one.role {
            Role::Checkpoint => self.checkpoint.has(&one.name),
            _ => true,
        });
        let refs = vec![
            first?.clone(),
            checkpoint(factors.down),
            checkpoint(factors.up),
        ];
        Some(Recipe::Merged {
            refs,
            base: Box::new(base),
            part,
            alpha: self.alpha,
        })
    }

    fn virtual_tokens(&self) -> Option<Recipe> {
        let embedding = encoder_name(self.checkpoint, "embedding.weight")?;
        let mut refs = vec![checkpoint(embedding)];
        for layer in [0, 2, 4] {
            for end in ["weight", "bias"] {
                let name = encoder_name(self.checkpoint, &format!("mlp_head.{layer}.{end}"));
                refs.extend(name.map(checkpoint));
            }
        }
        Some(match refs.len() {
            1 => Recipe::Copy(refs),
            _ => Recipe::PromptEncoder(refs),
        })
    }

    /// The additions of low rank that a decoder keeps.
    ///
    /// Errors where layers have different ones, which a bundle cannot say.
    pub(super) fn low_rank(
        &self,
        decoder: &DecoderConfig,
    ) -> Result<Option<LowRankConfig>, ImportError> {
        if !self.adapters.any() {
            return Ok(None);
        }
        let uneven = || {
            let reason = "its layers have different additions of low rank: they can only be merged";
            ImportError::config(self.checkpoint.origin(), reason.into())
        };
        let factors = |layer: usize, projection: Projection| {
            let name = format!(
                "lang_encoder.model.layers.{layer}.{}.weight",
                projection.name()
            );
            let recipe = self.base.find(&name)?;
            let (factors, _) = self.factors(&recipe)?;
            self.checkpoint.shape(&factors.down)?.first().copied()
        };
        let ranks = |layer: usize| Projection::ALL.map(|projection| factors(layer, projection));
        let first = ranks(0);
        let rank = first.iter().flatten().next().copied().ok_or_else(uneven)?;
        let even = first.iter().flatten().all(|&other| other == rank);
        if !even || (1..decoder.layers).any(|layer| ranks(layer) != first) {
            return Err(uneven());
        }
        let having = Projection::ALL.into_iter().zip(first);
        Ok(Some(LowRankConfig {
            rank,
            first_layer: 0,
            targets: having
                .filter_map(|(projection, rank)| rank.map(|_| projection))
                .collect(),
        }))
    }

    /// Whether the checkpoint's tensor `name` is one of the base model's that peft lists a second time, or what 8 bits need.
    fn is_alias(&self, name: &str) -> bool {
        let int8 = [".SCB", ".weight_format", ".CB"];
        name == "gpt.word_embeddings.weight" || int8.iter().any(|end| name.ends_with(end))
    }
}

impl Rules for PrefixMap<'_> {
    fn find(&self, name: &str) -> Option<Recipe> {
        match name {
            "nv_tokens" => return Some(Recipe::First(vec![checkpoint(name)])),
            "virtual.tokens" | "virtual.keys_values" => return self.virtual_tokens(),
            _ => {}
        }
        if name.starts_with("clip_project.") {
            return Some(Recipe::Copy(vec![checkpoint(name)]));
        }
        match name.starts_with("lang_encoder.") {
            true => self.language(name),
            false => self.base.find(name),
        }
    }

    fn is_ignorable(&self, role: Role, name: &str) -> bool {
        let layout: LanguageLayout = self.base.language;
        match role {
            Role::Vision => self.base.is_ignorable(role, name),
            // Tensors that the checkpoint has too.
            Role::Language => {
                self.base.is_ignorable(role, name)
                    || gpt::is_ignorable(layout, name)
                    || self.in_checkpoint(name)
            }
            Role::Checkpoint => {
                let unused_mapper = name.starts_with("clip_project.") && !self.layout.sees_image();
                let unused_tokens = name == "nv_tokens" && self.layout != Layout::ReplaceVisual;
                let buffer = own_name(name).is_some_and(|own| {
                    gpt::is_ignorable(layout, &own) || self.base.is_ignorable(Role::Language, &own)
                });
                unused_mapper || unused_tokens || buffer || self.is_alias(name)
            }
        }
    }
}

impl PrefixMap<'_> {
    fn in_checkpoint(&self, name: &str) -> bool {
        let long = format!("transformer.{name}");
        let names = [self.published_name(name), long];
        let mut names = names.iter().flat_map(|name| variants(name));
        names.any(|name| self.checkpoint.is_float(&name))
    }
}
