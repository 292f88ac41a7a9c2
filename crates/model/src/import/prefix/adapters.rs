//! Names of a language model's tensors inside a checkpoint that was tuned with peft (versions 0.3 to 0.13).
//!
//! The language model is `gpt`. With additions of low rank peft puts `base_model.model.` in front of its names, with virtual tokens
//! `base_model.`; newer versions also put `base_layer` before the last part. The factors are `lora_A` and `lora_B`, in newer versions
//! with the adapter's name behind.

use crate::weights::Source;

/// In front of the language model's own names.
const ROOTS: [&str; 3] = ["gpt.base_model.model.", "gpt.base_model.", "gpt."];
/// Behind `lora_A` and `lora_B`, and behind the encoder of virtual tokens.
pub(super) const ADAPTER: [&str; 2] = [".default", ""];

/// Factors of an addition of low rank: names of `lora_A` `[rank, in]` and `lora_B` `[out, rank]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Factors {
    pub(super) down: String,
    pub(super) up: String,
}

/// Where a checkpoint has the language model and what was added to it.
pub(super) struct Adapters {
    any: bool,
}

impl Adapters {
    /// Looks into `checkpoint`.
    pub(super) fn find(checkpoint: &Source) -> Self {
        Self {
            any: checkpoint.names().any(|name| name.contains(".lora_")),
        }
    }

    /// Whether there are additions of low rank.
    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// The factors added to the layer with the published weight `name`.
    pub(super) fn factors(&self, checkpoint: &Source, name: &str) -> Option<Factors> {
        let layer = name.strip_suffix(".weight")?;
        ROOTS.iter().find_map(|root| {
            ADAPTER.iter().find_map(|adapter| {
                let part = |which: &str| format!("{root}{layer}.lora_{which}{adapter}.weight");
                let found = Factors {
                    down: part("A"),
                    up: part("B"),
                };
                (checkpoint.has(&found.down) && checkpoint.has(&found.up)).then_some(found)
            })
        })
    }
}

/// The names that the language model's tensor `name` may have in a checkpoint.
pub(super) fn variants(name: &str) -> impl Iterator<Item = String> {
    let wrapped = name
        .rsplit_once('.')
        .map(|(layer, end)| format!("{layer}.base_layer.{end}"));
    let names = [Some(name.to_string()), wrapped];
    let names = names.into_iter().flatten();
    names.flat_map(|name| ROOTS.iter().map(move |root| format!("{root}{name}")))
}

/// The language model's own name of a checkpoint's tensor; `None` where it is none of its tensors.
pub(super) fn own_name(name: &str) -> Option<String> {
    let rest = ROOTS.iter().find_map(|root| name.strip_prefix(root))?;
    Some(rest.replacen(".base_layer.", ".", 1))
}
