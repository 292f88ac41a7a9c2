//! CLIP's ModifiedResNet, <https://arxiv.org/abs/2103.00020>, as PMC-CLIP trained it and MedVInT uses it.
//!
//! A stem of three convolutions, average pooling in place of strided convolutions, and bottlenecks whose shortcut is pooled too. MedVInT
//! reads a feature map and drops the attention pool, so none is here. Batch norm is folded into the convolutions at import. Maps are
//! `[batch, channels, height, width]`; places are numbered row by row.

use candle_core::{Result, Tensor};
use candle_nn::Init;
use serde::{Deserialize, Serialize};

use super::output::VisionOutput;
use crate::store::Store;

/// Output channels of a bottleneck, in multiples of its inner ones.
const EXPANSION: usize = 4;

/// The name by which `model.toml` tells this tower from the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResnetArchitecture {
    /// CLIP's ModifiedResNet.
    #[default]
    ModifiedResnet,
}

/// Sizes of a tower.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResnetConfig {
    /// Always the same: it tells this tower from the others.
    pub architecture: ResnetArchitecture,
    /// Side of the square input in pixels.
    pub image_size: usize,
    /// Channels of the stem's result; even.
    pub stem: usize,
    /// Bottlenecks of each stage. A stage less than published is a tower that is cut off early.
    pub stages: Vec<usize>,
}

impl ResnetConfig {
    /// PMC-CLIP's ResNet-50 for images of 512 pixels, with its first `stages` stages.
    pub fn resnet_50(stages: usize) -> Self {
        Self {
            architecture: ResnetArchitecture::ModifiedResnet,
            image_size: 512,
            stem: 64,
            stages: [3, 4, 6, 3].into_iter().take(stages).collect(),
        }
    }

    /// Channels of the last map, which are also the length of the vector for searching an index.
    pub fn channels(&self) -> usize {
        let last = self.stages.len().saturating_sub(1);
        (self.stem * EXPANSION) << last
    }

    /// Places along one side of the last map.
    pub fn map_side(&self) -> usize {
        let stem = self.image_size.div_ceil(2) / 2;
        stem >> self.stages.len().saturating_sub(1)
    }
}

/// A convolution with the batch norm after it folded in.
struct Conv {
    weight: Tensor,
    /// `[channels, 1, 1]`.
    bias: Tensor,
    stride: usize,
}

impl Conv {
    fn load(store: &Store, input: usize, output: usize, kernel: usize) -> Result<Self> {
        let fan_in = (input * kernel * kernel) as f64;
        let init = Init::Randn {
            mean: 0.0,
            stdev: (2.0 / fan_in).sqrt(),
        };
        let bias = store.get(output, "bias", Init::Const(0.0))?;
        Ok(Self {
            weight: store.get((output, input, kernel, kernel), "weight", init)?,
            bias: bias.reshape((output, 1, 1))?,
            stride: 1,
        })
    }

    fn with_stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (output, input, kernel, _) = self.weight.dims4()?;
        let y = match kernel {
            // A 1 x 1 convolution is a product over the channels.
            1 => {
                let (batch, _, height, width) = x.dims4()?;
                let places = x.reshape((batch, input, height * width))?;
                let weight = self.weight.reshape((output, input))?;
                let y = weight.broadcast_matmul(&places)?;
                y.reshape((batch, output, height, width))?
            }
            _ => x.conv2d(&self.weight, kernel / 2, self.stride, 1, 1)?,
        };
        y.broadcast_add(&self.bias)
    }
}

/// Reduce, convolve, pool, expand; the shortcut is pooled and projected where sizes differ.
struct Bottleneck {
    conv1: Conv,
    conv2: Conv,
    conv3: Conv,
    downsample: Option<Conv>,
    stride: usize,
}

impl Bottleneck {
    fn load(store: &Store, input: usize, inner: usize, stride: usize) -> Result<Self> {
        let output = inner * EXPANSION;
        let conv =
            |name: &str, input, output, kernel| Conv::load(&store.pp(name), input, output, kernel);
        Ok(Self {
            conv1: conv("conv1", input, inner, 1)?,
            conv2: conv("conv2", inner, inner, 3)?,
            conv3: conv("conv3", inner, output, 1)?,
            downsample: match stride > 1 || input != output {
                true => Some(conv("downsample", input, output, 1)?),
                false => None,
            },
            stride,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let pooled = |x: &Tensor| match self.stride {
            1 => Ok(x.clone()),
            stride => x.avg_pool2d(stride),
        };
        let y = self.conv1.forward(x)?.relu()?;
        let y = self.conv2.forward(&y)?.relu()?;
        let y = self.conv3.forward(&pooled(&y)?)?;
        let shortcut = match &self.downsample {
            Some(conv) => conv.forward(&pooled(x)?)?,
            None => x.clone(),
        };
        (y + shortcut)?.relu()
    }
}

/// A tower.
pub struct ResnetTower {
    config: ResnetConfig,
    stem: [Conv; 3],
    blocks: Vec<Bottleneck>,
}

impl ResnetTower {
    /// Takes the tower's tensors from `store`: `conv1` to `conv3`, `layer1.0.conv1` and so on, `layer1.0.downsample`; a weight and a bias
    /// each.
    pub fn load(config: &ResnetConfig, store: Store) -> Result<Self> {
        let half = config.stem / 2;
        let conv = |name: &str, input, output| Conv::load(&store.pp(name), input, output, 3);
        let stem = [
            conv("conv1", 3, half)?.with_stride(2),
            conv("conv2", half, half)?,
            conv("conv3", half, config.stem)?,
        ];
        let mut blocks = Vec::new();
        let mut channels = config.stem;
        for (stage, &count) in config.stages.iter().enumerate() {
            let inner = config.stem << stage;
            for block in 0..count {
                let store = store.pp(format!("layer{}", stage + 1)).pp(block);
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                blocks.push(Bottleneck::load(&store, channels, inner, stride)?);
                channels = inner * EXPANSION;
            }
        }
        Ok(Self {
            config: config.clone(),
            stem,
            blocks,
        })
    }

    /// The tower's sizes.
    pub fn config(&self) -> &ResnetConfig {
        &self.config
    }

    /// Runs `pixels` `[batch, 3, image_size, image_size]` (already normalised) through the tower: a token for each place of the last map,
    /// row by row, and their mean.
    pub fn forward(&self, pixels: &Tensor) -> Result<VisionOutput> {
        let mut stem = self.stem.iter();
        let x = stem.try_fold(pixels.clone(), |x, conv| conv.forward(&x)?.relu())?;
        let mut blocks = self.blocks.iter();
        let map = blocks.try_fold(x.avg_pool2d(2)?, |x, block| block.forward(&x))?;
        let tokens = map.flatten_from(2)?.transpose(1, 2)?.contiguous()?;
        Ok(VisionOutput {
            pooled: tokens.mean(1)?,
            tokens,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_towers_have_the_published_maps() {
        let (third, fourth) = (ResnetConfig::resnet_50(3), ResnetConfig::resnet_50(4));
        assert_eq!((third.channels(), third.map_side()), (1024, 32));
        assert_eq!((fourth.channels(), fourth.map_side()), (2048, 16));
    }
}
