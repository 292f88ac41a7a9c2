//! How PMC-VQA's checkpoints call the tensors of a MedVInT.
//!
//! A checkpoint is the state dict of the whole training model: the LLaMA inside peft's wrapper, in MedVInT-TE a second time outside it
//! (one storage, two names), the layer that the query decoder's were copied from, and parts that are never used.

use std::collections::BTreeSet;

use super::MedvintVariant;
use crate::import::ImportError;
use crate::import::key_map::{Rules, VisionLayout, clip_tower};
use crate::import::recipe::{BatchNorm, Recipe, Role, TensorRef};
use crate::weights::Source;

/// Naming scheme of the vision tower.
#[derive(Clone, Debug)]
pub(super) enum Tower {
    /// A CLIP of transformers.
    Clip(VisionLayout),
    /// PMC-CLIP's ResNet with its own names after this prefix.
    Resnet(String),
    /// The children of PMC-CLIP's ResNet by their position, after this prefix.
    NumberedResnet(String),
}

/// The names in one checkpoint.
pub(super) struct Names {
    pub(super) variant: MedvintVariant,
    /// In front of `layers.0` in the language model.
    pub(super) decoder: String,
    /// Full name of the output head.
    head: String,
    pub(super) tower: Tower,
    /// peft's `lora_alpha`.
    alpha: u32,
    /// Everything in the checkpoint.
    known: BTreeSet<String>,
}

impl Names {
    /// The names in `source`, whose LoRA has this alpha. A tower that is not a ResNet is taken for a CLIP.
    ///
    /// Errors where it has no language model.
    pub(super) fn of(
        variant: MedvintVariant,
        source: &Source,
        alpha: u32,
    ) -> Result<Self, ImportError> {
        let prefixes: &[&str] = match variant {
            MedvintVariant::Td => &["llamacasual.base_model.model.", "llamacasual."],
            MedvintVariant::Te => &["text_encoder.base_model.model.", "llama_model."],
        };
        let inside = match variant {
            MedvintVariant::Td => "model.",
            MedvintVariant::Te => "",
        };
        let has = |prefix: &&&str| source.has(&format!("{prefix}{inside}embed_tokens.weight"));
        let prefix = prefixes.iter().find(has).ok_or_else(|| {
            let reason = format!(
                "it has no language model under {}, so it is no {}",
                prefixes.join(" or "),
                variant.name()
            );
            ImportError::config(source.origin(), reason)
        })?;
        let tower = match variant {
            MedvintVariant::Td if source.has("vision_model.0.weight") => {
                Tower::NumberedResnet("vision_model.".into())
            }
            MedvintVariant::Te if source.has("image_encoder.visual.conv1.weight") => {
                Tower::Resnet("image_encoder.visual.".into())
            }
            // Replaced once the tower is known.
            _ => Tower::Clip(VisionLayout::EfficientNet),
        };
        Ok(Self {
            variant,
            decoder: format!("{prefix}{inside}"),
            head: format!("{prefix}lm_head.weight"),
            tower,
            alpha,
            known: source.names().map(String::from).collect(),
        })
    }

    /// Where the CLIP tower's names begin.
    pub(super) fn clip_prefix(&self) -> &'static str {
        match self.variant {
            MedvintVariant::Td => "vision_model.vision_model.",
            MedvintVariant::Te => "image_encoder.vision_model.",
        }
    }

    /// The weight of the linear layer `module` without its LoRA.
    pub(super) fn base_weight(&self, module: &str) -> String {
        let wrapped = format!("{module}.base_layer.weight");
        match self.known.contains(&wrapped) {
            true => wrapped,
            false => format!("{module}.weight"),
        }
    }

    /// The weight of the linear layer `module`, with its LoRA merged if it has one.
    fn merged(&self, module: &str) -> Recipe {
        let base = checkpoint(self.base_weight(module));
        let factors = [".default", ""].map(|adapter| {
            let factor = |letter| format!("{module}.lora_{letter}{adapter}.weight");
            [factor('A'), factor('B')]
        });
        let found = factors
            .into_iter()
            .find(|pair| pair.iter().any(|name| self.known.contains(name)));
        match found {
            Some([a, b]) => Recipe::Merged {
                refs: vec![base.clone(), checkpoint(a), checkpoint(b)],
                base: Box::new(Recipe::Copy(vec![base])),
                part: None,
                alpha: self.alpha,
            },
            None => Recipe::Copy(vec![base]),
        }
    }

    fn language(&self, rest: &str) -> Option<Recipe> {
        if rest == "lm_head.weight" {
            return Some(copy(self.head.clone()));
        }
        let name = format!("{}{}", self.decoder, rest.strip_prefix("model.")?);
        match name.strip_suffix("_proj.weight") {
            Some(module) => Some(self.merged(&format!("{module}_proj"))),
            None => Some(copy(name)),
        }
    }

    fn vision(&self, rest: &str) -> Option<Recipe> {
        if let Tower::Clip(layout) = &self.tower {
            return clip_tower(layout, Role::Checkpoint, rest);
        }
        let (module, end) = rest.rsplit_once('.')?;
        let (conv, norm) = match &self.tower {
            Tower::Clip(_) => return None,
            Tower::Resnet(prefix) => {
                let (conv, norm) = conv_and_norm(module)?;
                (format!("{prefix}{conv}"), format!("{prefix}{norm}"))
            }
            Tower::NumberedResnet(prefix) => {
                let (conv, norm) = numbered(module)?;
                (format!("{prefix}{conv}"), format!("{prefix}{norm}"))
            }
        };
        let of_norm = |name: &str| checkpoint(format!("{norm}.{name}"));
        match end {
            "weight" => Some(Recipe::FoldedWeight(
                vec![
                    checkpoint(format!("{conv}.weight")),
                    of_norm("weight"),
                    of_norm("running_var"),
                ],
                BatchNorm::PyTorch,
            )),
            "bias" => Some(Recipe::FoldedBias(
                ["bias", "running_mean", "weight", "running_var"]
                    .map(of_norm)
                    .to_vec(),
                BatchNorm::PyTorch,
            )),
            _ => None,
        }
    }
}

fn checkpoint(name: String) -> TensorRef {
    TensorRef {
        role: Role::Checkpoint,
        name,
    }
}

fn copy(name: String) -> Recipe {
    Recipe::Copy(vec![checkpoint(name)])
}

/// The published convolution and norm of our `module`, which is a convolution with its norm folded in.
fn conv_and_norm(module: &str) -> Option<(String, String)> {
    if let Some(block) = module.strip_suffix(".downsample") {
        return Some((
            format!("{block}.downsample.0"),
            format!("{block}.downsample.1"),
        ));
    }
    let (before, number) = module.rsplit_once("conv")?;
    Some((module.to_string(), format!("{before}bn{number}")))
}

/// [`conv_and_norm`] where the tower is a sequence of its children: three times convolution, norm and ReLU, a pool, then the stages.
fn numbered(module: &str) -> Option<(String, String)> {
    if let Some(conv) = module.strip_prefix("conv") {
        let first = 3 * conv.parse::<usize>().ok()?.checked_sub(1)?;
        return Some((first.to_string(), (first + 1).to_string()));
    }
    let (stage, rest) = module.strip_prefix("layer")?.split_once('.')?;
    let at = 9 + stage.parse::<usize>().ok()?;
    let (conv, norm) = conv_and_norm(rest)?;
    Some((format!("{at}.{conv}"), format!("{at}.{norm}")))
}

impl Rules for Names {
    fn find(&self, name: &str) -> Option<Recipe> {
        if let Some(rest) = name.strip_prefix("lang_encoder.") {
            return self.language(rest);
        }
        if let Some(rest) = name.strip_prefix("vision_encoder.") {
            return self.vision(rest);
        }
        if self.variant == MedvintVariant::Td {
            return Some(copy(name.to_string()));
        }
        if let Some(rest) = name.strip_prefix("decoder.") {
            return Some(copy(format!("qformer_decoder.{rest}")));
        }
        Some(match name {
            "query_embed.weight" => copy("qformer_query".into()),
            "img_special_token" => Recipe::Reshaped(vec![checkpoint(name.to_string())]),
            "mlm_projection.weight" => {
                Recipe::Transposed(vec![checkpoint("mlm_projection".into())])
            }
            _ => match name.split_once('.')? {
                // Sequences of one layer.
                (part @ ("text_embed" | "image_embed"), end) => copy(format!("{part}.0.{end}")),
                _ => copy(name.to_string()),
            },
        })
    }

    fn is_ignorable(&self, _: Role, name: &str) -> bool {
        const BUFFERS: [&str; 3] = ["rotary_emb.inv_freq", "position_ids", "num_batches_tracked"];
        // The second names of the language model and of the decoder's norm, the layer that was copied, and what is never used.
        const OF_TE: [&str; 8] = [
            "llama_model.",
            "text_encoder.",
            "qformer_decoder_layer.",
            "qformer_decoder_norm.",
            "image_encoder.visual.attnpool.",
            "positional_embedding",
            "text_projection",
            "logit_scale",
        ];
        let alias = |prefix: &&str| name.starts_with(*prefix) && !self.decoder.starts_with(*prefix);
        BUFFERS.iter().any(|end| name.ends_with(end))
            || self.variant == MedvintVariant::Te && OF_TE.iter().any(alias)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_children_of_the_tower_are_numbered_as_published() {
        let name = |module: &str| numbered(module).unwrap();
        let pair = |conv: &str, norm: &str| (conv.to_string(), norm.to_string());
        assert_eq!(name("conv1"), pair("0", "1"));
        assert_eq!(name("conv3"), pair("6", "7"));
        assert_eq!(name("layer1.0.conv2"), pair("10.0.conv2", "10.0.bn2"));
        assert_eq!(
            name("layer3.0.downsample"),
            pair("12.0.downsample.0", "12.0.downsample.1")
        );
        assert_eq!(numbered("conv0"), None);
    }
}
