//! Reads an encoder's sizes from its tensors and configuration.
//!
//! Tensor shapes give most sizes, the configuration file the rest. What would silently change vectors (heads, activation, pooling) is
//! never guessed where a file says otherwise; what is not supported is an error.

use serde_json::Value;

use super::Overrides;
use crate::bundle::Pixels;
use crate::encoder::config::{Activation, BlocksConfig, EncoderConfig};
use crate::import::ImportError;
use crate::import::infer_config::{JsonConfig, dims, layers};
use crate::weights::Source;

/// What a checkpoint's files say about it.
pub(super) struct CheckpointConfig {
    /// Sizes of both towers.
    pub config: EncoderConfig,
    /// How pixels are prepared.
    pub pixels: Pixels,
    /// Most tokens of a text.
    pub context: usize,
}

/// Sizes of one tower's blocks, before heads and activation are known.
pub(super) struct BlockSizes {
    /// Width of the hidden states.
    pub width: usize,
    layers: usize,
    mlp_width: usize,
}

impl BlockSizes {
    /// Adds the remaining settings of a tower.
    pub(super) fn blocks(
        self,
        heads: usize,
        activation: Activation,
        norm_eps: f64,
    ) -> BlocksConfig {
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

/// The sources of an encoder's sizes.
pub(super) struct ConfigReader<'a> {
    /// The published weights.
    pub source: &'a Source,
    /// The configuration file, if there is one.
    pub json: Option<&'a JsonConfig>,
    /// Settings that replace what the files say.
    pub overrides: &'a Overrides,
}

impl ConfigReader<'_> {
    /// An error about the configuration file, or about the weights if there is none.
    pub(super) fn refuse<T>(&self, reason: impl Into<String>) -> Result<T, ImportError> {
        let origin = self.json.map_or(self.source.origin(), JsonConfig::path);
        Err(ImportError::config(origin, reason.into()))
    }

    /// Shape of a published tensor with `N` dimensions.
    pub(super) fn dims<const N: usize>(&self, name: &str) -> Result<[usize; N], ImportError> {
        dims(self.source, name)
    }

    /// Sizes of the blocks `{prefix}0...`, from a norm and the first layer of a feed-forward.
    pub(super) fn stack(
        &self,
        prefix: &str,
        norm: &str,
        mlp: &str,
    ) -> Result<BlockSizes, ImportError> {
        let [mlp_width, width] = self.dims(&format!("{prefix}0.{mlp}"))?;
        Ok(BlockSizes {
            width,
            layers: layers(self.source, prefix, norm),
            mlp_width,
        })
    }

    /// A number of the configuration, or `default` if it is not given.
    pub(super) fn count(&self, name: &str, default: usize) -> Result<usize, ImportError> {
        match self.json {
            Some(json) if json.find(&[name]).is_some_and(|v| !v.is_null()) => json.count(&[name]),
            _ => Ok(default),
        }
    }

    /// The activation called `configured`, unless the overrides give another.
    pub(super) fn activation(&self, configured: &str) -> Result<Activation, ImportError> {
        match (self.overrides.activation, configured) {
            (Some(given), _) => Ok(given),
            (None, "quick_gelu") => Ok(Activation::QuickGelu),
            (None, "gelu") => Ok(Activation::Gelu),
            (None, "gelu_pytorch_tanh" | "gelu_new") => Ok(Activation::GeluTanh),
            (None, other) => self.refuse(format!("activation {other} is not supported")),
        }
    }

    /// Errors where a setting has a value that is not listed as supported.
    pub(super) fn require_known(&self, known: &[(&str, &[&str])]) -> Result<(), ImportError> {
        let Some(json) = self.json else { return Ok(()) };
        for (name, supported) in known {
            let configured = json.find(&[name]).and_then(Value::as_str);
            if let Some(configured) =
                configured.filter(|configured| !supported.contains(configured))
            {
                return self.refuse(format!(
                    "{name} is {configured}, but only {} is supported",
                    supported.join(" or ")
                ));
            }
        }
        Ok(())
    }

    /// Errors where the configuration turns on one of these unsupported options.
    pub(super) fn refuse_options(&self, names: &[&str]) -> Result<(), ImportError> {
        let Some(json) = self.json else { return Ok(()) };
        let enabled = names.iter().find(|name| {
            let configured = json.find(&[name]);
            configured.is_some_and(|v| !v.is_null() && v.as_bool() != Some(false))
        });
        match enabled {
            Some(name) => self.refuse(format!("{name} is not supported")),
            None => Ok(()),
        }
    }
}

/// Patches along one side of the image.
pub(super) fn patches_per_side(positions: usize, class_token: bool) -> usize {
    positions.saturating_sub(usize::from(class_token)).isqrt()
}
