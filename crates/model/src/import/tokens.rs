//! The tokenizer of an imported learner, with the tokens that it adds.

use std::path::Path;
use tokenizers::{AddedToken, Tokenizer};

use super::{ImportError, MedvintVariant};
use crate::bundle::SpecialTokens;
use rounds_support::files;

/// An imported tokenizer and its special tokens.
pub(super) struct ImportedTokenizer {
    /// The content of `tokenizer.json`.
    pub json: String,
    /// Its special tokens.
    pub special: SpecialTokens,
}

/// The text of a `tokenizer.json`, and where it is from.
pub(super) struct TokenizerText {
    /// For messages.
    pub origin: String,
    /// The content.
    pub bytes: Vec<u8>,
}

impl TokenizerText {
    /// Reads a file.
    pub(super) fn from_file(file: &Path) -> Result<Self, ImportError> {
        Ok(Self {
            origin: file.to_string_lossy().into_owned(),
            bytes: files::read_limited(file, 256 << 20)?,
        })
    }

    fn parse(&self) -> Result<Tokenizer, ImportError> {
        Tokenizer::from_bytes(&self.bytes).map_err(|e| self.error(e.to_string()))
    }

    fn error(&self, reason: String) -> ImportError {
        ImportError::config(&self.origin, reason)
    }

    fn to_json(&self, tokenizer: &Tokenizer) -> Result<String, ImportError> {
        tokenizer
            .to_string(false)
            .map_err(|e| self.error(e.to_string()))
    }
}

/// The first of `names` that is in the tokenizer.
fn first_known(tokenizer: &Tokenizer, names: &[&str]) -> Option<String> {
    names
        .iter()
        .find(|n| tokenizer.token_to_id(n).is_some())
        .map(|n| (*n).to_string())
}

/// The tokenizer of an OpenFlamingo, which adds `<|endofchunk|>` and `<image>`, and `<PAD>` where there is no padding token. Their ids
/// follow the base vocabulary in this order. `rows` is the size of the embedding table, `untrained` whether the output head's rows
/// for these tokens are noise.
///
/// Errors where the ids do not fit the table.
pub(super) fn flamingo(
    text: &TokenizerText,
    rows: usize,
    untrained: bool,
) -> Result<ImportedTokenizer, ImportError> {
    let mut tokenizer = text.parse()?;
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
            "token {token} would have id {id}, but the checkpoint's table has {rows} rows: this is not its language model's tokenizer"
        );
        return Err(text.error(reason));
    }
    let begin = first_known(&tokenizer, &["<s>"]).unwrap_or_default();
    Ok(ImportedTokenizer {
        json: text.to_json(&tokenizer)?,
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

/// The tokenizer of a prefix-tuned model, which adds `<image>`. That token never reaches the embedding table, so its id may lie behind it.
///
/// Errors where no token can end an answer.
pub(super) fn prefix(text: &TokenizerText) -> Result<ImportedTokenizer, ImportError> {
    const IMAGE: &str = "<image>";
    let mut tokenizer = text.parse()?;
    if tokenizer.token_to_id(IMAGE).is_none() {
        let _ = tokenizer.add_special_tokens([AddedToken::from(IMAGE, true)]);
    }
    let end = first_known(&tokenizer, &["<|endoftext|>", "</s>", "<|im_end|>"]);
    let none = || text.error("it has none of <|endoftext|>, </s> and <|im_end|>".into());
    Ok(ImportedTokenizer {
        json: text.to_json(&tokenizer)?,
        special: SpecialTokens {
            begin: String::new(),
            image: IMAGE.into(),
            end_of_chunk: end.ok_or_else(none)?,
            stop: Vec::new(),
            media_reset: None,
            untrained: vec![IMAGE.into()],
            around_image: None,
        },
    })
}

/// The tokenizer of an IDEFICS, which already has all tokens.
pub(super) fn idefics(text: &TokenizerText) -> Result<ImportedTokenizer, ImportError> {
    let tokenizer = text.parse()?;
    for token in ["<image>", "<fake_token_around_image>", "</s>"] {
        if tokenizer.token_to_id(token).is_none() {
            let reason = format!("the token {token} is missing");
            return Err(text.error(reason));
        }
    }
    let turn = first_known(&tokenizer, &["<end_of_utterance>"]);
    Ok(ImportedTokenizer {
        json: text.to_json(&tokenizer)?,
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

/// The tokenizer of a MedVInT: LLaMA's, to which a token for images is added. No text of PMC-VQA has one: images stand in front.
///
/// The begin and end of MedVInT-TD's texts are ids 0 and 1, as PMC-LLaMA was trained; MedVInT-TE begins with `<s>`, and `</s>` is both its
/// mask and the end of a text.
pub(super) fn medvint(
    text: &TokenizerText,
    variant: MedvintVariant,
) -> Result<ImportedTokenizer, ImportError> {
    let mut tokenizer = text.parse()?;
    for (id, token) in (0..).zip(["<unk>", "<s>", "</s>"]) {
        if tokenizer.token_to_id(token) != Some(id) {
            let reason = format!("the token {token} does not have id {id}, as in LLaMA's");
            return Err(text.error(reason));
        }
    }
    const IMAGE: &str = "<image>";
    if tokenizer.token_to_id(IMAGE).is_none() {
        let _ = tokenizer.add_special_tokens([AddedToken::from(IMAGE, true)]);
    }
    let (begin, end, stop) = match variant {
        MedvintVariant::Td => ("<unk>", "<s>", vec!["</s>".into()]),
        MedvintVariant::Te => ("<s>", "</s>", Vec::new()),
    };
    Ok(ImportedTokenizer {
        json: text.to_json(&tokenizer)?,
        special: SpecialTokens {
            begin: begin.into(),
            image: IMAGE.into(),
            end_of_chunk: end.into(),
            stop,
            media_reset: None,
            untrained: vec![IMAGE.into()],
            around_image: None,
        },
    })
}
