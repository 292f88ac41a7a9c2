//! The CLIP vision transformer, with the tensor names of open_clip.
//!
//! Learning transferable visual models from natural language supervision, <https://arxiv.org/abs/2103.00020>; names and
//! order of operations as in `open_clip` up to 2.22: pre-norm blocks, a class token in front, and *no* `ln_post` on the
//! patch tokens that Flamingo reads (only the pooled vector passes `ln_post` and the projection).

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use serde::{Deserialize, Serialize};

use crate::model::ops::{Visible, attention, gelu, layer_norm, linear, quick_gelu};

const EPS: f64 = 1e-5;

/// The activation inside the MLPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VisionActivation {
    /// OpenAI's weights.
    QuickGelu,
    /// LAION's weights.
    Gelu,
}

/// Sizes of a tower.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VisionConfig {
    /// Side of the square input in pixels.
    pub image_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    pub width: usize,
    pub layers: usize,
    pub heads: usize,
    pub mlp_width: usize,
    /// Width of the pooled, projected vector that searches an index.
    pub embed_dim: usize,
    pub activation: VisionActivation,
}

impl VisionConfig {
    /// Patches in one image.
    pub fn patches(&self) -> usize {
        let side = self.image_size / self.patch_size;
        side * side
    }
}

struct Block {
    ln_1: (Tensor, Tensor),
    ln_2: (Tensor, Tensor),
    /// Query, key and value weights `[3 * width, width]` in that order, and their bias.
    in_proj: (Tensor, Tensor),
    out_proj: (Tensor, Tensor),
    c_fc: (Tensor, Tensor),
    c_proj: (Tensor, Tensor),
}

/// What the tower says of a batch of images.
pub struct VisionOutput {
    /// `[batch, patches, width]`: the last block's hidden states without the class token, not normalised, not projected.
    pub tokens: Tensor,
    /// `[batch, embed_dim]`: class token after `ln_post` and projection, not scaled to unit length.
    pub pooled: Tensor,
}

/// A CLIP vision transformer.
pub struct ClipTower {
    config: VisionConfig,
    conv1: Tensor,
    class_embedding: Tensor,
    positional_embedding: Tensor,
    ln_pre: (Tensor, Tensor),
    blocks: Vec<Block>,
    ln_post: (Tensor, Tensor),
    proj: Tensor,
}

fn norm(vb: &VarBuilder, width: usize) -> Result<(Tensor, Tensor)> {
    Ok((
        vb.get_with_hints(width, "weight", Init::Const(1.0))?,
        vb.get_with_hints(width, "bias", Init::Const(0.0))?,
    ))
}

fn dense(
    vb: &VarBuilder,
    names: (&str, &str),
    input: usize,
    output: usize,
    gain: f64,
) -> Result<(Tensor, Tensor)> {
    let init = Init::Randn {
        mean: 0.0,
        stdev: gain / (input as f64).sqrt(),
    };
    Ok((
        vb.get_with_hints((output, input), names.0, init)?,
        vb.get_with_hints(output, names.1, Init::Const(0.0))?,
    ))
}

impl ClipTower {
    /// Takes the tower's tensors from `vb` (the root of the visual names: `conv1.weight`, `transformer.resblocks.0...`).
    pub fn load(config: &VisionConfig, vb: VarBuilder) -> Result<Self> {
        let (width, patch) = (config.width, config.patch_size);
        let small = |stdev| Init::Randn { mean: 0.0, stdev };
        let inside = 1.0 / (2.0 * config.layers as f64).sqrt();
        let weight_bias = ("weight", "bias");
        let blocks = (0..config.layers)
            .map(|i| {
                let vb = vb.pp("transformer.resblocks").pp(i);
                Ok(Block {
                    ln_1: norm(&vb.pp("ln_1"), width)?,
                    ln_2: norm(&vb.pp("ln_2"), width)?,
                    in_proj: dense(
                        &vb.pp("attn"),
                        ("in_proj_weight", "in_proj_bias"),
                        width,
                        3 * width,
                        1.0,
                    )?,
                    out_proj: dense(&vb.pp("attn.out_proj"), weight_bias, width, width, inside)?,
                    c_fc: dense(
                        &vb.pp("mlp.c_fc"),
                        weight_bias,
                        width,
                        config.mlp_width,
                        1.0,
                    )?,
                    c_proj: dense(
                        &vb.pp("mlp.c_proj"),
                        weight_bias,
                        config.mlp_width,
                        width,
                        inside,
                    )?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let fan_in = (3 * patch * patch) as f64;
        Ok(Self {
            conv1: vb.get_with_hints(
                (width, 3, patch, patch),
                "conv1.weight",
                small(1.0 / fan_in.sqrt()),
            )?,
            class_embedding: vb.get_with_hints(width, "class_embedding", small(0.02))?,
            positional_embedding: vb.get_with_hints(
                (config.patches() + 1, width),
                "positional_embedding",
                small(0.1),
            )?,
            ln_pre: norm(&vb.pp("ln_pre"), width)?,
            blocks,
            ln_post: norm(&vb.pp("ln_post"), width)?,
            proj: vb.get_with_hints(
                (width, config.embed_dim),
                "proj",
                small(1.0 / (width as f64).sqrt()),
            )?,
            config: config.clone(),
        })
    }

    /// The tower's sizes.
    pub fn config(&self) -> &VisionConfig {
        &self.config
    }

    /// Runs `pixels` `[batch, 3, image_size, image_size]` (already normalised) through the tower.
    pub fn forward(&self, pixels: &Tensor) -> Result<VisionOutput> {
        let mut x = self.embed(pixels)?;
        for block in &self.blocks {
            x = self.block(block, &x)?;
        }
        let (_, positions, _) = x.dims3()?;
        let class = x.narrow(1, 0, 1)?.squeeze(1)?;
        let pooled =
            layer_norm(&class, &self.ln_post.0, &self.ln_post.1, EPS)?.matmul(&self.proj)?;
        Ok(VisionOutput {
            tokens: x.narrow(1, 1, positions - 1)?,
            pooled,
        })
    }

    fn embed(&self, pixels: &Tensor) -> Result<Tensor> {
        let (batch, channels, height, _) = pixels.dims3_image()?;
        let (patch, width) = (self.config.patch_size, self.config.width);
        let grid = height / patch;
        // A convolution whose stride is its kernel is one matrix product over unfolded patches.
        let patches = pixels
            .reshape(vec![batch, channels, grid, patch, grid, patch])?
            .permute(vec![0, 2, 4, 1, 3, 5])?
            .reshape((batch, grid * grid, channels * patch * patch))?;
        let tokens = linear(&patches, &self.conv1.flatten_from(1)?, None)?;
        let class = self
            .class_embedding
            .reshape((1, 1, width))?
            .broadcast_as((batch, 1, width))?
            .contiguous()?;
        let x = Tensor::cat(&[class, tokens], 1)?.broadcast_add(&self.positional_embedding)?;
        layer_norm(&x, &self.ln_pre.0, &self.ln_pre.1, EPS)
    }

    fn block(&self, block: &Block, x: &Tensor) -> Result<Tensor> {
        let (width, heads) = (self.config.width, self.config.heads);
        let y = layer_norm(x, &block.ln_1.0, &block.ln_1.1, EPS)?;
        let part = |i: usize| {
            let weight = block.in_proj.0.narrow(0, i * width, width)?;
            let bias = block.in_proj.1.narrow(0, i * width, width)?;
            linear(&y, &weight, Some(&bias))
        };
        let scale = ((width / heads) as f32).powf(-0.5);
        let y = attention(&part(0)?, &part(1)?, &part(2)?, heads, scale, Visible::All)?;
        let x = (x + linear(&y, &block.out_proj.0, Some(&block.out_proj.1))?)?;
        let y = layer_norm(&x, &block.ln_2.0, &block.ln_2.1, EPS)?;
        let y = linear(&y, &block.c_fc.0, Some(&block.c_fc.1))?;
        let y = match self.config.activation {
            VisionActivation::QuickGelu => quick_gelu(&y)?,
            VisionActivation::Gelu => gelu(&y)?,
        };
        x + linear(&y, &block.c_proj.0, Some(&block.c_proj.1))?
    }
}

/// Shape check for image batches.
trait ImageDims {
    fn dims3_image(&self) -> Result<(usize, usize, usize, usize)>;
}

impl ImageDims for Tensor {
    fn dims3_image(&self) -> Result<(usize, usize, usize, usize)> {
        let (batch, channels, height, width) = self.dims4()?;
        if channels != 3 || height != width {
            candle_core::bail!("expected [batch, 3, side, side], got {:?}", self.shape());
        }
        Ok((batch, channels, height, width))
    }
}
