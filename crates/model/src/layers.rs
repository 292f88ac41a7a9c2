//! Layers with their tensors, shared by all models.

use candle_core::{Result, Tensor};

use super::ops::{layer_norm, rms_norm};
use super::store::Store;

/// Which normalisation a model uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormKind {
    /// RMS norm: weight only, the mean is not subtracted.
    #[default]
    Rms,
    /// Layer norm with weight and bias.
    Layer,
    /// Layer norm with weight only.
    LayerNoBias,
}

/// A normalisation over the last axis with its tensors.
#[derive(Clone)]
pub struct Norm {
    weight: Tensor,
    /// Zeros for [`NormKind::LayerNoBias`], `None` for [`NormKind::Rms`].
    bias: Option<Tensor>,
    eps: f64,
}

impl Norm {
    /// Takes `weight` (and `bias`) `[width]` from `store`.
    pub fn load(kind: NormKind, width: usize, eps: f64, store: &Store) -> Result<Self> {
        let weight = store.get(width, "weight", candle_nn::Init::Const(1.0))?;
        let bias = match kind {
            NormKind::Rms => None,
            NormKind::Layer => Some(store.get(width, "bias", candle_nn::Init::Const(0.0))?),
            NormKind::LayerNoBias => Some(weight.zeros_like()?),
        };
        Ok(Self { weight, bias, eps })
    }

    /// Normalises `x` `[.., width]`; the result has the same shape and dtype.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match &self.bias {
            Some(bias) => layer_norm(x, &self.weight, bias, self.eps),
            None => rms_norm(x, &self.weight, self.eps),
        }
    }
}
