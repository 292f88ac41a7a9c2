//! Finds how much of a growing text no further token can change. Only that part may be streamed.

use tokenizers::Tokenizer;

use crate::error::ModelError;

/// The text of `ids`, without special tokens.
pub(super) fn decode(tokenizer: &Tokenizer, ids: &[u32]) -> Result<String, ModelError> {
    tokenizer
        .decode(ids, true)
        .map_err(|e| ModelError::Tokenizer(e.to_string()))
}

/// Number of bytes at the start of `text`, decoded from `ids`, that no further token can change.
pub(super) fn stable_prefix(
    tokenizer: &Tokenizer,
    ids: &[u32],
    text: &str,
) -> Result<usize, ModelError> {
    // A run of byte tokens is decoded as one: while its last character is incomplete, its complete ones are missing too.
    let is_byte = |id: &&u32| tokenizer.id_to_token(**id).is_some_and(|t| is_byte(&t));
    let run = ids.iter().rev().take_while(is_byte).count();
    let before = match run {
        0 => text.len(),
        _ => decode(tokenizer, &ids[..ids.len() - run])?.len(),
    };
    // In other tokenizers an incomplete character is decoded as U+FFFD until its last byte arrives.
    Ok(before.min(text.trim_end_matches('\u{FFFD}').len()))
}

/// LLaMA's tokens for single bytes: `<0xF0>`.
fn is_byte(token: &str) -> bool {
    let digits = token.strip_prefix("<0x").and_then(|t| t.strip_suffix('>'));
    digits.is_some_and(|d| d.len() == 2 && d.bytes().all(|b| b.is_ascii_hexdigit()))
}
