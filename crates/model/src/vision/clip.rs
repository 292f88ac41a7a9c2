//! The CLIP vision transformer, with the tensor names of open_clip.
//!
//! Learning transferable visual models from natural language supervision, <https://arxiv.org/abs/2103.00020>; names and
//! order of operations as in `open_clip` up to 2.22: pre-norm blocks, a class token in front, and *no* `ln_post` on the
//! patch tokens that Flamingo reads (only the pooled vector passes `ln_post` and the projection).

use candle_core::{Result, Tensor};
use candle_nn::Init;
use serde::{Deserialize, Serialize};

use crate::layers::{Norm, NormKind};
use crate::ops::{AttentionMask, Linear, attention, gelu, linear, quick_gelu};
use crate::store::Store;

use super::output::VisionOutput;
use super::patches::unfold;

const EPS: f64 = 1e-5;

/// The activation in the feed-forwards.
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
pub struct ClipConfig {
    /// Side of the square input in pixels.
    pub image_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Width of the hidden states.
    pub width: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads per block.
    pub heads: usize,
    /// Width inside the feed-forward.
    pub mlp_width: usize,
    /// Width of the pooled, projected vector for searching an index; 0 where the tower has no projection and the vector is the
    /// class token after `ln_post`.
    pub embed_dim: usize,
    /// Activation of the feed-forward.
    pub activation: VisionActivation,
    /// IDEFICS: the resampler sees the class token too.
    #[serde(default)]
    pub keep_class_token: bool,
}

impl ClipConfig {
    /// Dimensions of the vector for searching an index.
    pub fn vector_width(&self) -> usize {
        match self.embed_dim {
            0 => self.width,
            projected => projected,
        }
    }

    /// Patches in one image.
    pub fn patches(&self) -> usize {
        let side = self.image_size / self.patch_size;
        side * side
    }
}

struct Block {
    ln_1: Norm,
    ln_2: Norm,
    /// Queries, keys and values, in that order.
    in_proj: Linear,
    out_proj: Linear,
    c_fc: Linear,
    c_proj: Linear,
}

/// A CLIP vision transformer.
pub struct ClipTower {
    config: ClipConfig,
    conv1: Tensor,
    class_embedding: Tensor,
    positional_embedding: Tensor,
    ln_pre: Norm,
    blocks: Vec<Block>,
    ln_post: Norm,
    proj: Option<Tensor>,
}

fn norm(store: Store, width: usize) -> Result<Norm> {
    Norm::load(NormKind::Layer, width, EPS, &store)
}

fn dense(
    store: &Store,
    names: (&str, &str),
    input: usize,
    output: usize,
    gain: f64,
) -> Result<Linear> {
    let init = Init::Randn {
        mean: 0.0,
        stdev: gain / (input as f64).sqrt(),
    };
    let bias = store.get(output, names.1, Init::Const(0.0))?;
    Ok(store
        .linear((output, input), names.0, init)?
        .with_bias(Some(bias)))
}

impl ClipTower {
    /// Takes the tower's tensors (`conv1.weight`, `transformer.resblocks.0...`) from `store`.
    pub fn load(config: &ClipConfig, store: Store) -> Result<Self> {
        let (width, patch) = (config.width, config.patch_size);
        let small = |stdev| Init::Randn { mean: 0.0, stdev };
        let inside = 1.0 / (2.0 * config.layers as f64).sqrt();
        let names = ("weight", "bias");
        let blocks = (0..config.layers)
            .map(|i| {
                let store = store.pp("transformer.resblocks").pp(i);
                let (attn, mlp) = (store.pp("attn"), store.pp("mlp"));
                let fused = ("in_proj_weight", "in_proj_bias");
                Ok(Block {
                    ln_1: norm(store.pp("ln_1"), width)?,
                    ln_2: norm(store.pp("ln_2"), width)?,
                    in_proj: dense(&attn, fused, width, 3 * width, 1.0)?,
                    out_proj: dense(&attn.pp("out_proj"), names, width, width, inside)?,
                    c_fc: dense(&mlp.pp("c_fc"), names, width, config.mlp_width, 1.0)?,
                    c_proj: dense(&mlp.pp("c_proj"), names, config.mlp_width, width, inside)?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let fan_in = (3 * patch * patch) as f64;
        let proj = small(1.0 / (width as f64).sqrt());
        Ok(Self {
            conv1: store.get(
                (width, 3, patch, patch),
                "conv1.weight",
                small(1.0 / fan_in.sqrt()),
            )?,
            class_embedding: store.get(width, "class_embedding", small(0.02))?,
            positional_embedding: store.get(
                (config.patches() + 1, width),
                "positional_embedding",
                small(0.1),
            )?,
            ln_pre: norm(store.pp("ln_pre"), width)?,
            blocks,
            ln_post: norm(store.pp("ln_post"), width)?,
            proj: match config.embed_dim {
                0 => None,
                dim => Some(store.get((width, dim), "proj", proj)?),
            },
            config: config.clone(),
        })
    }

    /// The tower's sizes.
    pub fn config(&self) -> &ClipConfig {
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
        let pooled = self.ln_post.forward(&class)?;
        Ok(VisionOutput {
            tokens: match self.config.keep_class_token {
                true => x,
                false => x.narrow(1, 1, positions - 1)?,
            },
            pooled: match &self.proj {
                Some(proj) => pooled.matmul(proj)?,
                None => pooled,
            },
        })
    }

    fn embed(&self, pixels: &Tensor) -> Result<Tensor> {
        let patches = unfold(pixels, self.config.patch_size)?;
        let (batch, width) = (pixels.dim(0)?, self.config.width);
        let tokens = linear(&patches, &self.conv1.flatten_from(1)?, None)?;
        let class = self
            .class_embedding
            .reshape((1, 1, width))?
            .broadcast_as((batch, 1, width))?
            .contiguous()?;
        let x = Tensor::cat(&[class, tokens], 1)?.broadcast_add(&self.positional_embedding)?;
        self.ln_pre.forward(&x)
    }

    fn block(&self, block: &Block, x: &Tensor) -> Result<Tensor> {
        let (width, heads) = (self.config.width, self.config.heads);
        let fused = block.in_proj.forward(&block.ln_1.forward(x)?)?;
        let part = |i: usize| fused.narrow(2, i * width, width)?.contiguous();
        let scale = ((width / heads) as f32).powf(-0.5);
        let y = attention(
            &part(0)?,
            &part(1)?,
            &part(2)?,
            heads,
            scale,
            AttentionMask::All,
        )?;
        let x = (x + block.out_proj.forward(&y)?)?;
        let y = block.c_fc.forward(&block.ln_2.forward(&x)?)?;
        let y = match self.config.activation {
            VisionActivation::QuickGelu => quick_gelu(&y)?,
            VisionActivation::Gelu => gelu(&y)?,
        };
        x + block.c_proj.forward(&y)?
    }
}
