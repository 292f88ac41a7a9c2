//! Image towers: pixels to one vector per image.
//!
//! CLIP's is the tower of the Flamingos, with its projection. The other two share [`Vit`] and differ in the pooling: timm's
//! projects a class token; SigLIP's lets a learned probe attend to every patch (<https://arxiv.org/abs/2106.04560>, section 3.2) and
//! has no projection. Pixels arrive normalised: image files are not handled here.

use candle_core::{Result, Tensor};
use candle_nn::Init;

use super::blocks::{Blocks, Mlp, NormOrder, dense, head_scale, linear_without_bias, norm};
use super::config::{EncoderConfig, Family};
use crate::layers::Norm;
use crate::ops::{AttentionMask, Linear, attention, linear};
use crate::store::Store;
use crate::vision::{ClipTower, unfold};

/// The image tower of an encoder.
pub(super) enum ImageTower {
    /// A CLIP tower.
    Clip(Box<ClipTower>),
    /// The tower of SigLIP or BiomedCLIP.
    Vit(Box<Vit>),
}

impl ImageTower {
    /// Takes the tower's tensors from `store`, whose prefix is `visual`.
    pub(super) fn load(family: Family, config: &EncoderConfig, store: &Store) -> Result<Self> {
        Ok(match family {
            Family::Clip => {
                let tower = ClipTower::load(&config.clip_tower(), store.clone())?;
                Self::Clip(Box::new(tower))
            }
            Family::Siglip | Family::Biomedclip => {
                Self::Vit(Box::new(Vit::load(family, config, store)?))
            }
        })
    }

    /// Normalised `pixels` `[batch, 3, side, side]` to `[batch, dimension]`, not scaled to unit length.
    pub(super) fn forward(&self, pixels: &Tensor) -> Result<Tensor> {
        match self {
            Self::Clip(tower) => Ok(tower.forward(pixels)?.pooled),
            Self::Vit(tower) => tower.forward(pixels),
        }
    }
}

/// A vision transformer with a bias on its patches and no norm before its blocks.
pub(super) struct Vit {
    patch_size: usize,
    /// `[width, 3, patch, patch]`.
    patch_weight: Tensor,
    patch_bias: Tensor,
    /// `[positions, width]`.
    positions: Tensor,
    blocks: Blocks,
    norm: Norm,
    pool: Pool,
}

enum Pool {
    /// The class token `[1, 1, width]`, projected.
    Class {
        token: Tensor,
        projection: Linear,
    },
    Probe(Box<Probe>),
}

/// A learned query that attends to every patch, followed by a feed-forward.
struct Probe {
    /// `[1, 1, width]`.
    probe: Tensor,
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    norm: Norm,
    mlp: Mlp,
    heads: usize,
}

impl Vit {
    fn load(family: Family, config: &EncoderConfig, store: &Store) -> Result<Self> {
        let (image, blocks) = (&config.image, &config.image.blocks);
        let (width, patch) = (blocks.width, image.patch_size);
        let zero = Init::Const(0.0);
        let has_class = family == Family::Biomedclip;
        let pool = match has_class {
            true => Pool::Class {
                token: store.get((1, 1, width), "class_embedding", zero)?,
                projection: linear_without_bias(&store.pp("projection"), width, config.dimension)?,
            },
            false => Pool::Probe(Box::new(Probe::load(config, &store.pp("pool"))?)),
        };
        let patches = store.pp("patch_embedding");
        let positions = config.patches() + usize::from(has_class);
        Ok(Self {
            patch_size: patch,
            patch_weight: patches.get((width, 3, patch, patch), "weight", zero)?,
            patch_bias: patches.get(width, "bias", zero)?,
            positions: store.get((positions, width), "position_embedding", zero)?,
            blocks: Blocks::load(blocks, NormOrder::NormFirst, store)?,
            norm: norm(&store.pp("norm"), width, blocks.norm_eps)?,
            pool,
        })
    }

    fn forward(&self, pixels: &Tensor) -> Result<Tensor> {
        let patches = unfold(pixels, self.patch_size)?;
        let weight = self.patch_weight.flatten_from(1)?;
        let mut x = linear(&patches, &weight, Some(&self.patch_bias))?;
        if let Pool::Class { token, .. } = &self.pool {
            let (batch, _, width) = x.dims3()?;
            let class = token.broadcast_as((batch, 1, width))?.contiguous()?;
            x = Tensor::cat(&[class, x], 1)?;
        }
        let x = x.broadcast_add(&self.positions)?;
        let x = self
            .norm
            .forward(&self.blocks.forward(&x, &AttentionMask::All)?)?;
        match &self.pool {
            Pool::Class { projection, .. } => {
                projection.forward(&x.narrow(1, 0, 1)?.squeeze(1)?.contiguous()?)
            }
            Pool::Probe(probe) => probe.forward(&x),
        }
    }
}

impl Probe {
    fn load(config: &EncoderConfig, store: &Store) -> Result<Self> {
        let blocks = &config.image.blocks;
        let width = blocks.width;
        let layer = |name: &str| dense(&store.pp(name), width, width);
        Ok(Self {
            probe: store.get((1, 1, width), "probe", Init::Const(0.0))?,
            query: layer("query")?,
            key: layer("key")?,
            value: layer("value")?,
            out: layer("out")?,
            norm: norm(&store.pp("norm"), width, blocks.norm_eps)?,
            mlp: Mlp::load(blocks, &store.pp("mlp"))?,
            heads: blocks.heads,
        })
    }

    /// `[batch, patches, width]` to `[batch, width]`.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, _, width) = x.dims3()?;
        let query = self.query.forward(&self.probe)?;
        let query = query.broadcast_as((batch, 1, width))?.contiguous()?;
        let (key, value) = (self.key.forward(x)?, self.value.forward(x)?);
        let scale = head_scale(width, self.heads);
        let y = attention(&query, &key, &value, self.heads, scale, AttentionMask::All)?;
        let y = self.out.forward(&y)?;
        let z = self.mlp.forward(&self.norm.forward(&y)?)?;
        (y + z)?.squeeze(1)
    }
}
