//! Masks the answer of a text, as PMC-VQA's code prepares MedVInT-TE's input and labels.
//!
//! That code compares the words of the prompt with those of prompt and answer, counted between blanks. Where no blank stands between the
//! two, the first word of the answer is glued to the last word of the prompt and is never masked: it leaks (in PMC-VQA's `dataset.py`, the
//! blank task). The number of masks leaks the length of the answer in any case.

use tokenizers::Tokenizer;

use crate::error::ModelError;

/// A text with a masked answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskedText {
    /// The model's input, without padding.
    pub input: Vec<u32>,
    /// The label of each token; [`MaskedText::NONE`] where there is none.
    pub labels: Vec<u32>,
    /// How many tokens are masked.
    pub masks: usize,
    /// The answer's word that is not masked because it is glued to the prompt, if there is one.
    pub leaked: Option<String>,
}

impl MaskedText {
    /// The label of a token that is not predicted.
    pub const NONE: u32 = 0;

    /// What PMC-VQA scores of `predictions`, one for each token: those with a label, without the first and the last, which are the begin
    /// and the end of the text.
    pub fn scored(&self, predictions: &[u32]) -> Vec<u32> {
        let labelled = predictions.iter().zip(&self.labels);
        let labelled = labelled.filter(|(_, label)| **label != Self::NONE);
        let ids: Vec<u32> = labelled.map(|(id, _)| *id).collect();
        let end = ids.len().saturating_sub(1);
        ids.get(1..end).unwrap_or_default().to_vec()
    }
}

/// Masks what `whole` has after the words of `prompt`. `begin` stands in front of the text; `mask` stands for a masked token and ends the
/// text.
pub fn mask_answer(
    tokenizer: &Tokenizer,
    (begin, mask): (u32, u32),
    prompt: &str,
    whole: &str,
) -> Result<MaskedText, ModelError> {
    let encode = |text: &str| {
        let encoding = tokenizer.encode(text, false);
        encoding
            .map(|e| e.get_ids().to_vec())
            .map_err(|e| ModelError::Tokenizer(e.to_string()))
    };
    let words: Vec<&str> = whole.split_whitespace().collect();
    let asked: Vec<&str> = prompt.split_whitespace().collect();
    let (kept, hidden) = words.split_at(asked.len().min(words.len()));
    let length = |words: &[&str]| {
        let lengths = words.iter().map(|word| Ok(encode(word)?.len()));
        lengths.sum::<Result<usize, ModelError>>()
    };
    let (unlabelled, masks) = (length(kept)?, length(hidden)?);
    let mut input = vec![begin];
    input.extend(encode(&kept.join(" "))?);
    input.extend(std::iter::repeat_n(mask, masks + 1));
    let mut labels = vec![begin];
    labels.extend(std::iter::repeat_n(MaskedText::NONE, unlabelled));
    if !hidden.is_empty() {
        labels.extend(encode(&hidden.join(" "))?);
    }
    labels.push(mask);
    let last = kept.last().zip(asked.last());
    Ok(MaskedText {
        input,
        labels,
        masks,
        leaked: last
            .and_then(|(kept, asked)| kept.strip_prefix(asked))
            .filter(|rest| !rest.is_empty())
            .map(String::from),
    })
}
