//! The hidden state of every token of a text, from a published BERT or RoBERTa: what BERTScore compares.
//!
//! Unlike the other encoders these are read as published (`config.json`, weights, tokenizer) and never imported: they
//! only score, and one layer of them is used. Devlin et al. 2018, <https://arxiv.org/abs/1810.04805>; Liu et al. 2019,
//! <https://arxiv.org/abs/1907.11692>, which differs in the first position and the tokenizer. The tokens are those that
//! `bert_score` makes: trimmed, with special tokens, cut to the longest sequence.

use candle_core::{DType, Device, Tensor};
use candle_nn::{Init, VarBuilder};
use std::collections::HashMap;
use std::path::Path;
use tokenizers::Tokenizer;

use super::blocks::{Blocks, NormOrder, norm};
use super::config::{Activation, BlocksConfig, check_blocks};
use super::import::word_piece_tokenizer;
use super::tokens;
use crate::bounds::{MAX_SIZE, check_range};
use crate::error::ModelError;
use crate::import::ImportError;
use crate::import::infer_config::{JsonConfig, dims, layers};
use crate::layers::Norm;
use crate::ops::AttentionMask;
use crate::store::Store;
use crate::weights::Source;
use rounds_support::{files, sanitise};

/// Characters of a text that are used.
const MAX_TEXT: usize = 50_000;

/// A text encoder that gives a vector for each token.
pub struct TokenEncoder {
    tokens: Tensor,
    positions: Tensor,
    segments: Tensor,
    embedding_norm: Norm,
    blocks: Blocks,
    tokenizer: Tokenizer,
    /// The row of the first token's position: RoBERTa leaves out those up to its padding.
    first_position: usize,
    /// RoBERTa's tokenizer wants a blank before the first word.
    leading_blank: bool,
    special: (u32, u32),
    longest: usize,
    layer: usize,
    device: Device,
}

impl TokenEncoder {
    /// Opens the published encoder in `folder` up to its layer number `layer`, counted from 1.
    pub fn open(folder: &Path, layer: usize, device: &Device) -> Result<Self, ImportError> {
        let json = JsonConfig::from_folder(folder)?;
        let wrong = |reason: String| ImportError::config(json.path(), reason);
        let is_roberta = match json.string(&["model_type"]) {
            "bert" => false,
            "roberta" => true,
            other => {
                return Err(wrong(format!(
                    "model_type is {other:?}, not bert or roberta"
                )));
            }
        };
        let activation = match json.string(&["hidden_act"]) {
            "gelu" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" => Activation::GeluTanh,
            other => {
                return Err(wrong(format!(
                    "hidden_act is {other:?}, not gelu or gelu_new"
                )));
            }
        };
        if !matches!(json.string(&["position_embedding_type"]), "" | "absolute") {
            return Err(wrong("its positions are not absolute".into()));
        }
        let source = Source::open(folder)?;
        let published = Published::find(&source)?;
        let [rows, width] = dims(&source, &published.at("embeddings.word_embeddings.weight"))?;
        let [positions, _] = dims(
            &source,
            &published.at("embeddings.position_embeddings.weight"),
        )?;
        let [segments, _] = dims(
            &source,
            &published.at("embeddings.token_type_embeddings.weight"),
        )?;
        let found = layers(
            &source,
            &published.at("encoder.layer."),
            "output.dense.weight",
        );
        check_range("layer", layer, found).map_err(wrong)?;
        check_range("vocabulary", rows, MAX_SIZE).map_err(wrong)?;
        let config = BlocksConfig {
            width,
            layers: layer,
            heads: json.count(&["num_attention_heads"])?,
            mlp_width: json.count(&["intermediate_size"])?,
            activation,
            norm_eps: json.number(&["layer_norm_eps"], 1e-12),
        };
        check_blocks("text", &config).map_err(wrong)?;
        let first_position = match is_roberta {
            true => (json.number(&["pad_token_id"], 1.0) as usize).saturating_add(1),
            false => 0,
        };
        let longest = positions
            .checked_sub(first_position)
            .filter(|longest| *longest > 2)
            .ok_or_else(|| wrong("it has no positions for tokens".into()))?;

        let tensors = published.tensors(layer)?;
        let store = Store::full(VarBuilder::from_tensors(tensors, DType::F32, device));
        let table = |rows: usize, name: &str| store.get((rows, width), name, Init::Const(0.0));
        let tokenizer = match is_roberta {
            true => byte_pair_tokenizer(folder)?,
            false => word_piece_tokenizer(folder, rows, longest)?,
        };
        let special = match tokens::encode(&tokenizer, "").map_err(wrong)?.as_slice() {
            [first, last] if (*first).max(*last) < rows as u32 => (*first, *last),
            other => {
                return Err(wrong(format!(
                    "an empty text has {} tokens, not 2",
                    other.len()
                )));
            }
        };
        Ok(Self {
            tokens: table(rows, "token_embedding")?,
            positions: table(positions, "position_embedding")?,
            segments: table(segments, "segment_embedding")?,
            embedding_norm: norm(&store.pp("embedding_norm"), width, config.norm_eps)?,
            blocks: Blocks::load(&config, NormOrder::NormLast, &store)?,
            tokenizer,
            first_position,
            leading_blank: is_roberta,
            special,
            longest: longest_sequence(folder).map_or(longest, |limit| limit.clamp(3, longest)),
            layer,
            device: device.clone(),
        })
    }

    /// The ids of the special tokens before and after a text.
    pub fn special(&self) -> (u32, u32) {
        self.special
    }

    /// The layer whose states it gives.
    pub fn layer(&self) -> usize {
        self.layer
    }

    /// The token ids of a text, special tokens included; an empty text has nothing else.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let text: String = text.trim().chars().take(MAX_TEXT).collect();
        let text = match self.leading_blank && !text.is_empty() {
            true => format!(" {text}"),
            false => text,
        };
        let mut ids = tokens::encode(&self.tokenizer, &text)
            .map_err(|e| ModelError::Tokenizer(sanitise::clean_line(&e)))?;
        if ids.len() > self.longest {
            ids.truncate(self.longest - 1);
            ids.push(self.special.1);
        }
        match self.tokens.dim(0) {
            Ok(rows) if ids.iter().all(|id| (*id as usize) < rows) => Ok(ids),
            _ => Err(ModelError::Tokenizer(
                "a token is outside the vocabulary".into(),
            )),
        }
    }

    /// The state of each token after the layer, `[tokens, width]`, for ids of [`Self::ids`].
    pub fn states(&self, ids: &[u32]) -> Result<Vec<Vec<f32>>, ModelError> {
        let rows =
            |table: &Tensor, ids: &[u32]| table.index_select(&Tensor::new(ids, &self.device)?, 0);
        let first = self.first_position as u32;
        let places: Vec<u32> = (first..).take(ids.len()).collect();
        let x = (rows(&self.tokens, ids)? + rows(&self.positions, &places)?)?;
        let x = self
            .embedding_norm
            .forward(&x.broadcast_add(&self.segments.narrow(0, 0, 1)?)?)?;
        let x = self.blocks.forward(&x.unsqueeze(0)?, &AttentionMask::All)?;
        Ok(x.squeeze(0)?.to_dtype(DType::F32)?.to_vec2()?)
    }
}

/// The published tensors, with the prefix that their names have.
struct Published<'a> {
    source: &'a Source,
    prefix: &'static str,
}

impl<'a> Published<'a> {
    fn find(source: &'a Source) -> Result<Self, ImportError> {
        let has = |prefix: &&str| source.has(&format!("{prefix}embeddings.word_embeddings.weight"));
        match ["", "bert.", "roberta."].into_iter().find(has) {
            Some(prefix) => Ok(Self { source, prefix }),
            None => Err(ImportError::config(
                source.origin(),
                "it is not a BERT or RoBERTa".into(),
            )),
        }
    }

    fn at(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn tensor(&self, name: &str) -> Result<Tensor, ImportError> {
        // Weights from TensorFlow keep its names for the parts of a norm.
        let name = self.at(name);
        let older = name
            .replace("LayerNorm.weight", "LayerNorm.gamma")
            .replace("LayerNorm.bias", "LayerNorm.beta");
        match self.source.has(&name) || !self.source.has(&older) {
            true => Ok(self.source.tensor(&name)?),
            false => Ok(self.source.tensor(&older)?),
        }
    }

    /// The tensors up to a layer under the names of [`Blocks`].
    fn tensors(&self, layers: usize) -> Result<HashMap<String, Tensor>, ImportError> {
        let mut tensors = HashMap::new();
        for (ours, theirs) in [
            ("token_embedding", "word_embeddings.weight"),
            ("position_embedding", "position_embeddings.weight"),
            ("segment_embedding", "token_type_embeddings.weight"),
            ("embedding_norm.weight", "LayerNorm.weight"),
            ("embedding_norm.bias", "LayerNorm.bias"),
        ] {
            tensors.insert(
                ours.to_string(),
                self.tensor(&format!("embeddings.{theirs}"))?,
            );
        }
        for layer in 0..layers {
            for end in ["weight", "bias"] {
                let published =
                    |part: &str| self.tensor(&format!("encoder.layer.{layer}.{part}.{end}"));
                let parts = ["query", "key", "value"]
                    .map(|part| published(&format!("attention.self.{part}")));
                let parts: Vec<Tensor> = parts.into_iter().collect::<Result<_, _>>()?;
                let mut insert = |part: &str, tensor: Tensor| {
                    tensors.insert(format!("blocks.{layer}.{part}.{end}"), tensor);
                };
                insert("attn.in_proj", Tensor::cat(&parts, 0)?);
                insert("attn.out_proj", published("attention.output.dense")?);
                insert("norm_1", published("attention.output.LayerNorm")?);
                insert("mlp.fc_1", published("intermediate.dense")?);
                insert("mlp.fc_2", published("output.dense")?);
                insert("norm_2", published("output.LayerNorm")?);
            }
        }
        Ok(tensors)
    }
}

/// RoBERTa's tokenizer, which is read from `tokenizer.json` only.
fn byte_pair_tokenizer(folder: &Path) -> Result<Tokenizer, ImportError> {
    let file = folder.join("tokenizer.json");
    let json = files::read_limited(&file, super::manifest::MAX_TOKENIZER)?;
    tokens::parse(&json).map_err(|reason| ImportError::config(&file.to_string_lossy(), reason))
}

/// The longest sequence that `tokenizer_config.json` allows, if it says so.
fn longest_sequence(folder: &Path) -> Option<usize> {
    let text = files::read_limited(&folder.join("tokenizer_config.json"), 1 << 20).ok()?;
    let json: serde_json::Value = serde_json::from_slice(&text).ok()?;
    usize::try_from(json.get("model_max_length")?.as_u64()?).ok()
}
