//! The sizes that a checkpoint's shapes and configuration describe.
//!
//! Shapes say most, the configuration beside the weights says the rest. What would change vectors unseen (heads, activation,
//! pooling) is never guessed where a file says otherwise; what cannot be run is refused.

use serde_json::Value;
use std::path::Path;

use super::layout::Layout;
use super::{Overrides, hugging_face, open_clip};
use crate::bundle::Pixels;
use crate::encoder::config::{Activation, BlocksConfig, EncoderConfig};
use crate::import::ImportError;
use crate::import::shape::{Json, dims, layers};
use crate::weights::Source;

/// What a checkpoint's files say of it.
pub struct Described {
    pub config: EncoderConfig,
    pub pixels: Pixels,
    /// Most tokens of a text.
    pub context: usize,
}

/// Everything about a checkpoint that is not its tensors. `folder` is where its other files lie.
pub fn describe(
    layout: &Layout,
    source: &Source,
    folder: &Path,
    overrides: &Overrides,
) -> Result<Described, ImportError> {
    let file = match layout {
        Layout::HuggingFaceClip | Layout::HuggingFaceSiglip => "config.json",
        Layout::OpenClip { .. } | Layout::BiomedClip => "open_clip_config.json",
    };
    let path = folder.join(file);
    let json = path.exists().then(|| Json::file(&path)).transpose()?;
    let describer = Describer {
        source,
        json: json.as_ref(),
        overrides,
    };
    match layout {
        Layout::HuggingFaceClip => hugging_face::describe(&describer, folder, &hugging_face::CLIP),
        Layout::HuggingFaceSiglip => {
            hugging_face::describe(&describer, folder, &hugging_face::SIGLIP)
        }
        Layout::OpenClip { text } => open_clip::clip(&describer, text),
        Layout::BiomedClip => open_clip::biomedclip(&describer),
    }
}

/// Width, blocks and the like of one tower, before heads and activation are known.
pub struct Stack {
    pub width: usize,
    layers: usize,
    mlp_width: usize,
}

impl Stack {
    /// With the rest of what a tower needs.
    pub fn blocks(self, heads: usize, activation: Activation, norm_eps: f64) -> BlocksConfig {
        BlocksConfig {
            width: self.width,
            layers: self.layers,
            heads,
            mlp_width: self.mlp_width,
            activation,
            norm_eps,
        }
    }
}

/// What sizes are read from.
pub struct Describer<'a> {
    pub source: &'a Source,
    pub json: Option<&'a Json>,
    pub overrides: &'a Overrides,
}

impl Describer<'_> {
    /// An error about the configuration, or about the weights where there is none.
    pub fn refuse<T>(&self, reason: impl Into<String>) -> Result<T, ImportError> {
        let place = self.json.map_or(self.source.place(), Json::place);
        Err(ImportError::config(place, reason.into()))
    }

    /// Shape of a published tensor of `N` axes.
    pub fn dims<const N: usize>(&self, name: &str) -> Result<[usize; N], ImportError> {
        dims(self.source, name)
    }

    /// Sizes of the blocks `prefix0...`, told by a norm and the first layer of a feed-forward.
    pub fn stack(&self, prefix: &str, norm: &str, mlp: &str) -> Result<Stack, ImportError> {
        let [mlp_width, width] = self.dims(&format!("{prefix}0.{mlp}"))?;
        Ok(Stack {
            width,
            layers: layers(self.source, prefix, norm),
            mlp_width,
        })
    }

    /// A number of the configuration, `otherwise` where it is silent.
    pub fn count(&self, name: &str, otherwise: usize) -> Result<usize, ImportError> {
        match self.json {
            Some(json) if json.find(&[name]).is_some_and(|v| !v.is_null()) => json.count(&[name]),
            _ => Ok(otherwise),
        }
    }

    /// The activation that the configuration calls `told`, unless another was given.
    pub fn activation(&self, told: &str) -> Result<Activation, ImportError> {
        match (self.overrides.activation, told) {
            (Some(given), _) => Ok(given),
            (None, "quick_gelu") => Ok(Activation::QuickGelu),
            (None, "gelu") => Ok(Activation::Gelu),
            (None, "gelu_pytorch_tanh" | "gelu_new") => Ok(Activation::GeluTanh),
            (None, other) => self.refuse(format!("the activation {other} is not known")),
        }
    }

    /// Errors where the configuration has another word than `known` somewhere.
    pub fn refuse_unless(&self, known: &[(&str, &[&str])]) -> Result<(), ImportError> {
        let Some(json) = self.json else { return Ok(()) };
        for (name, words) in known {
            let told = json.find(&[name]).and_then(Value::as_str);
            if let Some(told) = told.filter(|told| !words.contains(told)) {
                return self.refuse(format!(
                    "{name} is {told}, only {} is supported",
                    words.join(" or ")
                ));
            }
        }
        Ok(())
    }

    /// Errors where the configuration asks for something that is not done here.
    pub fn refuse_these(&self, names: &[&str]) -> Result<(), ImportError> {
        let Some(json) = self.json else { return Ok(()) };
        let asked = names.iter().find(|name| {
            let told = json.find(&[name]);
            told.is_some_and(|v| !v.is_null() && v.as_bool() != Some(false))
        });
        match asked {
            Some(name) => self.refuse(format!("{name} is not supported")),
            None => Ok(()),
        }
    }
}

/// Side of the lattice of patches.
pub fn side(positions: usize, class_token: bool) -> usize {
    positions.saturating_sub(usize::from(class_token)).isqrt()
}
