//! Tokenizers for models of random weights: one word for every id.

use serde_json::{Value, json};
use std::path::Path;

/// A tokenizer with a word for every id, and `special` on the last ones.
pub fn write(folder: &Path, words: usize, special: &[(&str, usize)]) {
    let name = |id: usize| {
        special
            .iter()
            .find(|(_, at)| *at == id)
            .map_or_else(|| format!("t{id}"), |(name, _)| (*name).to_string())
    };
    let vocabulary: serde_json::Map<String, Value> =
        (0..words).map(|id| (name(id), id.into())).collect();
    let added: Vec<Value> = special
        .iter()
        .filter(|(_, id)| *id < words)
        .map(|(name, id)| {
            json!({"id": id, "content": name, "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": true})
        })
        .collect();
    let json = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "t0"}
    });
    std::fs::write(folder.join("tokenizer.json"), json.to_string()).expect("written");
}
