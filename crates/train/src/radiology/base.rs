//! What the learner starts from: a published decoder with a smaller vocabulary, and a published tower.

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use tokenizers::Tokenizer;

use rounds_model::import::{PretrainedDecoder, PretrainedTower};
use rounds_model::language::DecoderConfig;
use rounds_model::vision::EfficientNetConfig;

/// The token in front of every prompt.
pub(crate) const BEGIN: &str = "<|im_start|>";
/// The token that ends a turn.
pub(crate) const END: &str = "<|im_end|>";
/// The token that stands for an image.
pub(crate) const IMAGE: &str = "<image>";
/// The published token whose place it takes: it separates files of source code.
const REPLACED: &str = "<file_sep>";
/// How the token table is stored. Training sees the stored values.
pub(crate) const TABLE_TYPE: GgmlDType = GgmlDType::Q5_1;
/// Longest sequence; the shots of a prompt are chosen to fit.
const MAX_POSITIONS: usize = 2048;

/// What the learner starts from.
pub(crate) struct Base {
    /// Sizes of the decoder, with the smaller vocabulary.
    pub decoder: DecoderConfig,
    /// Sizes of the tower.
    pub tower: EfficientNetConfig,
    /// The content of `tokenizer.json`.
    pub tokenizer: String,
    /// The decoder's weights, `lang_encoder.*`, f32.
    pub decoder_tensors: HashMap<String, Tensor>,
    /// The tower's weights, `vision_encoder.*`, f32.
    pub tower_tensors: HashMap<String, Tensor>,
}

impl Base {
    /// Reads the decoder (a GGUF file or a folder of transformers) and the tower. The vocabulary keeps its first `kept` tokens and every
    /// token that `texts` need.
    pub(crate) fn read<'a>(
        decoder: &Path,
        tower: &Path,
        image_size: usize,
        kept: usize,
        texts: impl Iterator<Item = &'a str>,
    ) -> Result<Self, String> {
        let decoder = PretrainedDecoder::open(decoder).map_err(|e| e.to_string())?;
        let vocabulary = Vocabulary::new(&decoder.tokenizer, kept, texts)?;
        let rows = Tensor::new(vocabulary.rows.as_slice(), &Device::Cpu).map_err(text)?;
        let mut decoder_tensors = HashMap::new();
        for spec in decoder.tensors() {
            let mut tensor = decoder.tensor(spec).map_err(|e| e.to_string())?;
            if spec.name.ends_with("embed_tokens.weight") {
                let fewer = tensor.index_select(&rows, 0).map_err(text)?;
                tensor = match fewer.dim(1).map_err(text)?.is_multiple_of(32) {
                    true => rounded(&fewer, TABLE_TYPE).map_err(text)?,
                    false => fewer,
                };
            }
            decoder_tensors.insert(spec.name.clone(), tensor);
        }
        if !decoder.config.tied_head {
            return Err("the decoder's head must be its token table".into());
        }
        let tower = PretrainedTower::open(tower, image_size).map_err(|e| e.to_string())?;
        let mut tower_tensors = HashMap::new();
        for spec in tower.tensors() {
            let tensor = tower.tensor(spec).map_err(|e| e.to_string())?;
            tower_tensors.insert(spec.name.clone(), tensor);
        }
        Ok(Self {
            decoder: DecoderConfig {
                vocab_size: vocabulary.rows.len(),
                max_positions: decoder.config.max_positions.min(MAX_POSITIONS),
                ..decoder.config.clone()
            },
            tower: tower.config.clone(),
            tokenizer: vocabulary.json,
            decoder_tensors,
            tower_tensors,
        })
    }
}

fn text(error: candle_core::Error) -> String {
    error.to_string()
}

/// `tensor` as it reads after it was stored as `kind`.
pub(crate) fn rounded(tensor: &Tensor, kind: GgmlDType) -> candle_core::Result<Tensor> {
    QTensor::quantize(tensor, kind)?.dequantize(&Device::Cpu)
}

/// A smaller vocabulary.
struct Vocabulary {
    /// Old numbers of the kept tokens, ascending.
    rows: Vec<u32>,
    /// The content of its `tokenizer.json`.
    json: String,
}

impl Vocabulary {
    fn new<'a>(
        json: &str,
        kept: usize,
        texts: impl Iterator<Item = &'a str>,
    ) -> Result<Self, String> {
        let full: Tokenizer = json.parse().map_err(|e: tokenizers::Error| e.to_string())?;
        let mut value: Value = serde_json::from_str(json).map_err(|e| e.to_string())?;
        let model = &value["model"];
        let ids: BTreeMap<String, u32> = model["vocab"]
            .as_object()
            .ok_or("the tokenizer has no vocabulary")?
            .iter()
            .filter_map(|(token, id)| Some((token.clone(), id.as_u64()? as u32)))
            .collect();
        let merges: Vec<[String; 2]> =
            serde_json::from_value(model["merges"].clone()).map_err(|e| e.to_string())?;
        let mut made_of: HashMap<u32, [u32; 2]> = HashMap::new();
        for [left, right] in &merges {
            let known = (
                ids.get(left),
                ids.get(right),
                ids.get(&format!("{left}{right}")),
            );
            if let (Some(&left), Some(&right), Some(&both)) = known {
                made_of.entry(both).or_insert([left, right]);
            }
        }
        let mut wanted: BTreeSet<u32> = (0..ids.len().min(kept) as u32).collect();
        for text in texts {
            let encoding = full.encode(text, false).map_err(|e| e.to_string())?;
            wanted.extend(encoding.get_ids());
        }
        // Every single byte, and whatever a kept token is merged from.
        wanted.extend(ids.values().filter(|id| !made_of.contains_key(id)));
        let mut open: Vec<u32> = wanted.iter().copied().collect();
        while let Some(id) = open.pop() {
            for part in made_of.get(&id).into_iter().flatten() {
                if wanted.insert(*part) {
                    open.push(*part);
                }
            }
        }
        let rows: Vec<u32> = wanted.into_iter().collect();
        let new_id = |id: u32| rows.binary_search(&id).ok();
        let spelled = |token: &str| match token {
            REPLACED => IMAGE.to_string(),
            other => other.to_string(),
        };
        let mut by_id: Vec<(usize, String)> = ids
            .iter()
            .filter_map(|(token, &id)| Some((new_id(id)?, spelled(token))))
            .collect();
        by_id.sort();
        let vocab: serde_json::Map<String, Value> = by_id
            .into_iter()
            .map(|(id, token)| (token, id.into()))
            .collect();
        let kept = |token: &str| ids.get(token).is_some_and(|id| new_id(*id).is_some());
        let merges: Vec<[String; 2]> = merges
            .into_iter()
            .filter(|[left, right]| kept(left) && kept(right) && kept(&format!("{left}{right}")))
            .collect();
        if let Some(added) = value["added_tokens"].as_array_mut() {
            for token in added.iter_mut() {
                let old = token["id"].as_u64().unwrap_or(0) as u32;
                let name = spelled(token["content"].as_str().unwrap_or_default());
                token["content"] = name.into();
                token["id"] = new_id(old).unwrap_or(0).into();
            }
        }
        value["model"]["vocab"] = Value::Object(vocab);
        value["model"]["merges"] = serde_json::to_value(merges).map_err(|e| e.to_string())?;
        Ok(Self {
            rows,
            json: value.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_vocabulary_keeps_what_texts_need() {
        let tokens = [
            "<|im_start|>",
            "<file_sep>",
            "a",
            "b",
            "c",
            "ab",
            "abc",
            "bc",
            "ca",
        ];
        let vocab: serde_json::Map<String, Value> = tokens
            .iter()
            .enumerate()
            .map(|(id, token)| (token.to_string(), id.into()))
            .collect();
        let special = |id: usize| {
            serde_json::json!({
                "id": id, "content": tokens[id], "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true
            })
        };
        let json = serde_json::json!({
            "version": "1.0", "truncation": null, "padding": null,
            "added_tokens": [special(0), special(1)],
            "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
            "model": {
                "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
                "ignore_merges": false, "vocab": vocab,
                "merges": [["b", "c"], ["a", "b"], ["ab", "c"], ["c", "a"]]
            }
        })
        .to_string();
        let small = Vocabulary::new(&json, 2, ["ab"].into_iter()).unwrap();
        // The two special tokens, the letters, and `ab`; not `bc`, `abc` and `ca`.
        assert_eq!(small.rows, [0, 1, 2, 3, 4, 5]);
        let tokenizer: Tokenizer = small.json.parse().unwrap();
        let ids = |text: &str| tokenizer.encode(text, false).unwrap().get_ids().to_vec();
        assert_eq!(ids("ab"), [5]);
        assert_eq!(ids("<image>abc"), [1, 5, 4]);
    }
}
