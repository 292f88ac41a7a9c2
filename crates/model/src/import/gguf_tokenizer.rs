//! The tokenizer inside a GGUF file, as a `tokenizer.json`.
//!
//! Only byte-level BPE is read, whose vocabulary and merges say everything but how text is split first. llama.cpp names that rule in
//! `tokenizer.ggml.pre`; one that is not known here is refused, since it would give other tokens.

use serde_json::{Value, json};
use tokenizers::Tokenizer;

use super::ImportError;
use crate::weights::gguf::GgufFile;

/// llama.cpp's type of a token that text never contains, and of one that a user added.
const CONTROL: u32 = 3;
const USER_DEFINED: u32 = 4;

/// The `tokenizer.json` of a file, called `origin` in messages; `None` where it has no tokenizer.
pub(super) fn read(file: &GgufFile, origin: &str) -> Result<Option<String>, ImportError> {
    let wrong = |reason: String| ImportError::config(origin, reason);
    let text = |key: &str| file.value(key).and_then(|value| value.text());
    let Some(kind) = text("tokenizer.ggml.model") else {
        return Ok(None);
    };
    let splitting = text("tokenizer.ggml.pre").unwrap_or("gpt-2");
    let split = match (kind, splitting) {
        ("gpt2", "smollm") => pre_tokenizer(true),
        ("gpt2", "gpt-2") => pre_tokenizer(false),
        _ => {
            return Err(wrong(format!(
                "the tokenizer inside it is of the kind {kind} / {splitting}, which is not read: give its tokenizer.json with --tokenizer"
            )));
        }
    };
    let missing = |key: &str| wrong(format!("its metadata has no {key}"));
    let texts = |key: &str| file.texts(key)?.ok_or_else(|| missing(key));
    let tokens = texts("tokenizer.ggml.tokens")?;
    let merges = texts("tokenizer.ggml.merges")?;
    let kinds = file.integers("tokenizer.ggml.token_type")?;
    let kinds = kinds.unwrap_or_else(|| vec![1; tokens.len()]);
    if kinds.len() != tokens.len() {
        return Err(wrong("its tokens and their types differ in number".into()));
    }
    let json = tokenizer_json(&tokens, &kinds, &merges, split).map_err(wrong)?;
    let text = json.to_string();
    Tokenizer::from_bytes(&text).map_err(|e| wrong(format!("its tokenizer: {e}")))?;
    Ok(Some(text))
}

/// GPT-2's rule, with every digit apart for SmolLM.
fn pre_tokenizer(digits_apart: bool) -> Value {
    let bytes = byte_level();
    match digits_apart {
        true => json!({
            "type": "Sequence",
            "pretokenizers": [{ "type": "Digits", "individual_digits": true }, bytes]
        }),
        false => bytes,
    }
}

fn byte_level() -> Value {
    json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true })
}

fn tokenizer_json(
    tokens: &[String],
    kinds: &[u32],
    merges: &[String],
    pre_tokenizer: Value,
) -> Result<Value, String> {
    let mut vocabulary = serde_json::Map::new();
    let mut added = Vec::new();
    for (id, (token, kind)) in tokens.iter().zip(kinds).enumerate() {
        if vocabulary.insert(token.clone(), id.into()).is_some() {
            return Err(format!("the token {token} occurs twice"));
        }
        if [CONTROL, USER_DEFINED].contains(kind) {
            added.push(json!({
                "id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": *kind == CONTROL
            }));
        }
    }
    let mut pairs = Vec::with_capacity(merges.len());
    for merge in merges {
        let (left, right) = merge
            .split_once(' ')
            .ok_or_else(|| format!("the merge {merge} is not of two tokens"))?;
        pairs.push([left, right]);
    }
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": null, "pre_tokenizer": pre_tokenizer, "post_processor": null,
        "decoder": byte_level(),
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": false, "vocab": vocabulary, "merges": pairs
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vocabulary_merges_and_special_tokens_become_a_tokenizer() {
        let words = ["<|end|>", "a", "b", "ab", "1", "2", "12", "Ġ"];
        let tokens = words.map(String::from);
        let merges = ["a b", "1 2"].map(String::from);
        let kinds = [3, 1, 1, 1, 1, 1, 1, 1];
        let ids = |digits_apart, text: &str| {
            let json = tokenizer_json(&tokens, &kinds, &merges, pre_tokenizer(digits_apart));
            let tokenizer = Tokenizer::from_bytes(json.unwrap().to_string()).unwrap();
            let encoding = tokenizer.encode(text, false).unwrap();
            encoding.get_ids().to_vec()
        };
        assert_eq!(ids(true, "ab12<|end|>"), [3, 4, 5, 0]);
        assert_eq!(ids(false, "ab12"), [3, 6]);
    }

    #[test]
    fn damaged_vocabularies_are_refused() {
        let twice = ["a", "a"].map(String::from);
        let refused = tokenizer_json(&twice, &[1, 1], &[], byte_level());
        assert!(refused.unwrap_err().contains("twice"));
        let merges = ["ab".to_string()];
        let refused = tokenizer_json(&twice[..1], &[1], &merges, byte_level());
        assert!(refused.unwrap_err().contains("two tokens"));
    }
}
