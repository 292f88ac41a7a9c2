//! Text towers: token ids to one vector per text.
//!
//! CLIP's is causal and pools the end token, so later tokens are never computed. SigLIP's attends to every token including padding,
//! and pools the last. BERT's attends to every token except padding, and pools the first. Ids come from [`super::tokens`]: truncated
//! to the context, with special tokens.

use candle_core::{Device, Result, Tensor};
use candle_nn::Init;

use super::blocks::{Blocks, NormOrder, dense, linear_without_bias, norm};
use super::config::{EncoderConfig, Family};
use crate::layers::Norm;
use crate::ops::{AttentionMask, Linear, gelu};
use crate::store::Store;

/// The text tower of an encoder.
pub(super) struct TextTower {
    family: Family,
    /// `[vocabulary, width]`.
    tokens: Tensor,
    /// `[positions, width]`.
    positions: Tensor,
    /// BERT's segments and the norm after its embeddings.
    bert: Option<(Tensor, Norm)>,
    blocks: Blocks,
    /// The norm after the blocks; BERT has none.
    norm: Option<Norm>,
    projection: Projection,
    device: Device,
}

enum Projection {
    One(Linear),
    /// Two layers with a GELU in between.
    Two(Linear, Linear),
}

impl TextTower {
    /// Takes the tower's tensors from `store`, whose prefix is `text`.
    pub(super) fn load(family: Family, config: &EncoderConfig, store: &Store) -> Result<Self> {
        let (text, blocks) = (&config.text, &config.text.blocks);
        let (width, eps) = (blocks.width, blocks.norm_eps);
        let is_bert = family == Family::Biomedclip;
        let table = |rows: usize, name: &str| store.get((rows, width), name, Init::Const(0.0));
        let bert = match is_bert {
            true => Some((
                table(text.segments, "segment_embedding")?,
                norm(&store.pp("embedding_norm"), width, eps)?,
            )),
            false => None,
        };
        let order = match is_bert {
            true => NormOrder::NormLast,
            false => NormOrder::NormFirst,
        };
        let projection = store.pp("projection");
        Ok(Self {
            family,
            tokens: table(text.vocab_size, "token_embedding")?,
            positions: table(text.positions, "position_embedding")?,
            bert,
            blocks: Blocks::load(blocks, order, store)?,
            norm: match is_bert {
                true => None,
                false => Some(norm(&store.pp("norm"), width, eps)?),
            },
            projection: match family {
                Family::Clip => {
                    Projection::One(linear_without_bias(&projection, width, config.dimension)?)
                }
                Family::Siglip => Projection::One(dense(&projection, width, config.dimension)?),
                Family::Biomedclip => Projection::Two(
                    linear_without_bias(&projection.pp(0), width, text.projection_width)?,
                    linear_without_bias(
                        &projection.pp(1),
                        text.projection_width,
                        config.dimension,
                    )?,
                ),
            },
            device: store.device().clone(),
        })
    }

    /// `ids`, at least one and no more than there are positions, to `[1, dimension]`, not scaled to unit length. BERT ignores tokens
    /// with the id `pad`.
    pub(super) fn forward(&self, ids: &[u32], pad: u32) -> Result<Tensor> {
        // Tokens that no token attends to are left out; the others keep their positions.
        let ignored = |id: u32| self.bert.is_some() && id == pad;
        let (positions, ids): (Vec<u32>, Vec<u32>) = (0u32..)
            .zip(ids.iter().copied())
            .filter(|(_, id)| !ignored(*id))
            .unzip();
        if ids.is_empty() {
            candle_core::bail!("the text has no tokens");
        }
        let rows =
            |table: &Tensor, ids: &[u32]| table.index_select(&Tensor::new(ids, &self.device)?, 0);
        let mut x = (rows(&self.tokens, &ids)? + rows(&self.positions, &positions)?)?;
        if let Some((segments, norm)) = &self.bert {
            x = norm.forward(&x.broadcast_add(&segments.narrow(0, 0, 1)?)?)?;
        }
        let mask = match self.family {
            Family::Clip => AttentionMask::Causal {
                past: 0,
                padding: 0,
            },
            Family::Siglip | Family::Biomedclip => AttentionMask::All,
        };
        let x = self.blocks.forward(&x.unsqueeze(0)?, &mask)?;
        let pooled = match self.family {
            Family::Biomedclip => 0,
            Family::Clip | Family::Siglip => ids.len() - 1,
        };
        let x = x.narrow(1, pooled, 1)?.squeeze(1)?.contiguous()?;
        let x = match &self.norm {
            Some(norm) => norm.forward(&x)?,
            None => x,
        };
        match &self.projection {
            Projection::One(layer) => layer.forward(&x),
            Projection::Two(first, second) => second.forward(&gelu(&first.forward(&x)?)?),
        }
    }
}
