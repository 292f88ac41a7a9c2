//! The tokenizer of an imported model, with the tokens that a Flamingo adds.

use std::path::Path;
use tokenizers::{AddedToken, Tokenizer};

use super::ImportError;
use crate::bundle::SpecialTokens;
use rounds_support::files;

/// A tokenizer that is ready, and the names of its special tokens.
pub struct ImportedTokenizer {
    /// The content of `tokenizer.json`.
    pub json: String,
    /// Its special tokens.
    pub special: SpecialTokens,
}

fn read(file: &Path) -> Result<Tokenizer, ImportError> {
    let bytes = files::read_limited(file, 256 << 20)?;
    Tokenizer::from_bytes(&bytes)
        .map_err(|e| ImportError::config(&file.to_string_lossy(), e.to_string()))
}

fn to_json(tokenizer: &Tokenizer, file: &Path) -> Result<String, ImportError> {
    tokenizer
        .to_string(false)
        .map_err(|e| ImportError::config(&file.to_string_lossy(), e.to_string()))
}

/// The first of `names` that the tokenizer has.
fn first_known(tokenizer: &Tokenizer, names: &[&str]) -> Option<String> {
    names
        .iter()
        .find(|n| tokenizer.token_to_id(n).is_some())
        .map(|n| (*n).to_string())
}

/// OpenFlamingo adds `<|endofchunk|>` and `<image>`, and `<PAD>` where there is no padding token; their ids follow the base
/// vocabulary, in this order. `rows` is the embedding's size: the ids must fit it exactly. `untrained` says that the head's rows for them are noise.
pub fn flamingo(
    file: &Path,
    rows: usize,
    untrained: bool,
) -> Result<ImportedTokenizer, ImportError> {
    let mut tokenizer = read(file)?;
    const ADDED: [&str; 3] = ["<|endofchunk|>", "<image>", "<PAD>"];
    for token in ADDED {
        let full = tokenizer.get_vocab_size(true) >= rows;
        if tokenizer.token_to_id(token).is_none() && !(token == "<PAD>" && full) {
            let _ = tokenizer.add_special_tokens([AddedToken::from(token, true)]);
        }
    }
    let out_of_range = ADDED
        .iter()
        .filter_map(|t| Some((t, tokenizer.token_to_id(t)?)))
        .find(|(_, id)| *id as usize >= rows);
    if let Some((token, id)) = out_of_range {
        let reason = format!(
            "token {token} would have id {id}, the checkpoint's table has {rows} rows: this is not the tokenizer of its language model"
        );
        return Err(ImportError::config(&file.to_string_lossy(), reason));
    }
    let begin = first_known(&tokenizer, &["<s>"]).unwrap_or_default();
    Ok(ImportedTokenizer {
        json: to_json(&tokenizer, file)?,
        special: SpecialTokens {
            begin,
            image: "<image>".into(),
            end_of_chunk: "<|endofchunk|>".into(),
            stop: first_known(&tokenizer, &["</s>", "<|endoftext|>"])
                .into_iter()
                .collect(),
            media_reset: None,
            untrained: match untrained {
                true => ADDED.map(String::from).to_vec(),
                false => Vec::new(),
            },
            around_image: None,
        },
    })
}

/// IDEFICS' tokenizer has all its tokens.
pub fn idefics(file: &Path) -> Result<ImportedTokenizer, ImportError> {
    let tokenizer = read(file)?;
    for token in ["<image>", "<fake_token_around_image>", "</s>"] {
        if tokenizer.token_to_id(token).is_none() {
            let reason = format!("it has no token {token}");
            return Err(ImportError::config(&file.to_string_lossy(), reason));
        }
    }
    let turn = first_known(&tokenizer, &["<end_of_utterance>"]);
    Ok(ImportedTokenizer {
        json: to_json(&tokenizer, file)?,
        special: SpecialTokens {
            begin: "<s>".into(),
            image: "<image>".into(),
            end_of_chunk: turn.unwrap_or_else(|| "</s>".into()),
            stop: vec!["</s>".into()],
            media_reset: Some("</s>".into()),
            untrained: vec!["<image>".into(), "<fake_token_around_image>".into()],
            around_image: Some("<fake_token_around_image>".into()),
        },
    })
}
