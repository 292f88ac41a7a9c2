//! EfficientNet-Lite: a convolutional tower without squeeze-and-excitation, <https://arxiv.org/abs/1905.11946>.
//!
//! As in TensorFlow's lite variants: ReLU6, `SAME` padding, stem and head of fixed width. Batch norm is folded into the convolutions
//! when a checkpoint is imported, with the statistics of its training. Images are `[batch, height, width, channels]` inside.

use candle_core::{Result, Tensor};
use candle_nn::Init;
use serde::{Deserialize, Serialize};

use super::output::VisionOutput;
use crate::ops::{Linear, bias_relu6, depthwise, same_padding};
use crate::store::Store;

/// The name by which `model.toml` tells this tower from a CLIP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// EfficientNet-Lite.
    #[default]
    EfficientnetLite,
}

/// Blocks of equal width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageConfig {
    /// Side of the depthwise kernel.
    pub kernel: usize,
    /// Stride of the first block.
    pub stride: usize,
    /// Width inside a block, in multiples of its input.
    pub expansion: usize,
    /// Channels of the result.
    pub channels: usize,
    /// Number of blocks.
    pub blocks: usize,
}

/// Sizes of a tower.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EfficientNetConfig {
    /// Always the same: it tells this tower from a CLIP.
    pub architecture: Architecture,
    /// Side of the square input in pixels.
    pub image_size: usize,
    /// Channels of the stem.
    pub stem: usize,
    /// Channels of the last map, which are also the length of the vector for searching an index.
    pub head: usize,
    /// Stages in between.
    pub stages: Vec<StageConfig>,
}

impl EfficientNetConfig {
    /// EfficientNet-Lite0, for images of 224 pixels.
    pub fn lite0() -> Self {
        let stage = |(kernel, stride, expansion, channels, blocks)| StageConfig {
            kernel,
            stride,
            expansion,
            channels,
            blocks,
        };
        let stages = [
            (3, 1, 1, 16, 1),
            (3, 2, 6, 24, 2),
            (5, 2, 6, 40, 2),
            (3, 2, 6, 80, 3),
            (5, 1, 6, 112, 3),
            (5, 2, 6, 192, 4),
            (3, 1, 6, 320, 1),
        ];
        Self {
            architecture: Architecture::EfficientnetLite,
            image_size: 224,
            stem: 32,
            head: 1280,
            stages: stages.map(stage).to_vec(),
        }
    }

    /// Places along one side of the last map.
    pub fn map_side(&self) -> usize {
        let strides = self.stages.iter().map(|stage| stage.stride);
        std::iter::once(2)
            .chain(strides)
            .fold(self.image_size, |side, stride| side.div_ceil(stride.max(1)))
    }
}

/// One inverted bottleneck: expand, convolve each channel, project.
struct Block {
    expand: Option<(Linear, Tensor)>,
    depthwise: (Tensor, Tensor),
    project: Linear,
    stride: usize,
    residual: bool,
}

/// A tower.
pub struct EfficientNetTower {
    config: EfficientNetConfig,
    stem: (Tensor, Tensor),
    blocks: Vec<Block>,
    head: (Linear, Tensor),
}

/// Maps of a batch of images, `[batch, side, side, channels]` each.
pub struct Maps {
    /// The last map before the side falls below a sixteenth of the image's.
    pub stride_16: Tensor,
    /// The map of the head.
    pub head: Tensor,
}

fn normal(fan_in: usize) -> Init {
    Init::Randn {
        mean: 0.0,
        stdev: (2.0 / fan_in as f64).sqrt(),
    }
}

fn bias(store: &Store, channels: usize) -> Result<Tensor> {
    store.get(channels, "bias", Init::Const(0.0))
}

/// A 1 x 1 convolution.
fn pointwise(store: &Store, input: usize, output: usize) -> Result<Linear> {
    store.linear((output, input), "weight", normal(input))
}

impl Block {
    fn load(stage: &StageConfig, first: bool, input: usize, store: &Store) -> Result<Self> {
        let inner = input * stage.expansion;
        let stride = if first { stage.stride } else { 1 };
        let expand = store.pp("expand");
        let own = store.pp("depthwise");
        let project = store.pp("project");
        let kernel = (inner, 1, stage.kernel, stage.kernel);
        Ok(Self {
            expand: match stage.expansion {
                1 => None,
                _ => Some((pointwise(&expand, input, inner)?, bias(&expand, inner)?)),
            },
            depthwise: (
                own.get(kernel, "weight", normal(stage.kernel * stage.kernel))?,
                bias(&own, inner)?,
            ),
            project: pointwise(&project, inner, stage.channels)?
                .with_bias(Some(bias(&project, stage.channels)?)),
            stride,
            residual: stride == 1 && input == stage.channels,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let inner = match &self.expand {
            Some((expand, bias)) => bias_relu6(&expand.forward(x)?, bias)?,
            None => x.clone(),
        };
        let (weight, bias) = &self.depthwise;
        let inner = bias_relu6(&depthwise(&inner, weight, self.stride)?, bias)?;
        let out = self.project.forward(&inner)?;
        if self.residual { out + x } else { Ok(out) }
    }
}

impl EfficientNetTower {
    /// Takes the tower's tensors (`stem.weight`, `blocks.0.depthwise.weight`, `head.weight`, and a bias beside each) from `store`.
    pub fn load(config: &EfficientNetConfig, store: Store) -> Result<Self> {
        let mut blocks = Vec::new();
        let mut channels = config.stem;
        for stage in &config.stages {
            for block in 0..stage.blocks {
                let store = store.pp("blocks").pp(blocks.len());
                blocks.push(Block::load(stage, block == 0, channels, &store)?);
                channels = stage.channels;
            }
        }
        let (stem, head) = (store.pp("stem"), store.pp("head"));
        Ok(Self {
            stem: (
                stem.get((config.stem, 3, 3, 3), "weight", normal(27))?,
                bias(&stem, config.stem)?,
            ),
            blocks,
            head: (
                pointwise(&head, channels, config.head)?,
                bias(&head, config.head)?,
            ),
            config: config.clone(),
        })
    }

    /// The tower's sizes.
    pub fn config(&self) -> &EfficientNetConfig {
        &self.config
    }

    /// The stem and the first `blocks` blocks: `pixels` `[batch, 3, height, width]` (already normalised) to a map
    /// `[batch, height, width, channels]`.
    pub fn front(&self, pixels: &Tensor, blocks: usize) -> Result<Tensor> {
        let (_, _, height, width) = pixels.dims4()?;
        let (top, bottom, _) = same_padding(height, 3, 2);
        let (left, right, _) = same_padding(width, 3, 2);
        let x = pixels
            .pad_with_zeros(2, top, bottom)?
            .pad_with_zeros(3, left, right)?
            .conv2d(&self.stem.0, 0, 2, 1, 1)?
            .permute((0, 2, 3, 1))?;
        let x = bias_relu6(&x, &self.stem.1)?;
        self.blocks
            .iter()
            .take(blocks)
            .try_fold(x, |x, block| block.forward(&x))
    }

    /// What comes after [`Self::front`] with the same number of `blocks`.
    pub fn back(&self, front: &Tensor, blocks: usize) -> Result<Maps> {
        let mut x = front.clone();
        let smallest = self.config.image_size.div_ceil(16);
        let mut stride_16 = x.clone();
        for block in self.blocks.iter().skip(blocks) {
            x = block.forward(&x)?;
            if x.dim(1)? >= smallest {
                stride_16 = x.clone();
            }
        }
        let (head, bias) = &self.head;
        Ok(Maps {
            stride_16,
            head: bias_relu6(&head.forward(&x)?, bias)?,
        })
    }

    /// Maps of `pixels` `[batch, 3, image_size, image_size]` (already normalised).
    pub fn maps(&self, pixels: &Tensor) -> Result<Maps> {
        self.back(&self.front(pixels, 0)?, 0)
    }

    /// Runs `pixels` `[batch, 3, image_size, image_size]` through the tower: a token for each place of the last map, row by row, and
    /// their mean.
    pub fn forward(&self, pixels: &Tensor) -> Result<VisionOutput> {
        let tokens = self.maps(pixels)?.head.flatten(1, 2)?;
        Ok(VisionOutput {
            pooled: tokens.mean(1)?,
            tokens,
        })
    }
}
