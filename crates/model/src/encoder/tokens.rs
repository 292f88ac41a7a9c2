//! Turns texts into token ids as each family's reference tokenizer does.
//!
//! `tokenizer.json` defines the splitting. This module adds what the references do before it (cleaning) and after it (truncation and
//! padding). Text and file are untrusted: ids are checked against the vocabulary, and a panic of the tokenizer becomes an error.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use tokenizers::Tokenizer;

use super::manifest::TokenizerManifest;
use crate::error::ModelError;
use crate::manifest_files::damaged;
use rounds_imaging::catch_panic;

/// Characters of a text that are used. The longest context is a few hundred tokens.
const MAX_TEXT: usize = 50_000;

/// How a text is prepared for the tokenizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextKind {
    /// CLIP's byte pairs in transformers: `tokenizer.json` does everything.
    Clip,
    /// CLIP's byte pairs in open_clip: texts are cleaned first.
    OpenClip,
    /// SigLIP's unigrams: lower case, no punctuation, always padded to the context.
    Siglip,
    /// BERT's word pieces in open_clip: texts are cleaned first.
    Bert,
}

/// A loaded tokenizer.
pub(super) struct TextTokenizer {
    tokenizer: Tokenizer,
    manifest: TokenizerManifest,
    vocab_size: usize,
}

/// Parses a `tokenizer.json`. Errors say what is wrong with it.
pub(super) fn parse(json: &[u8]) -> Result<Tokenizer, String> {
    let mut tokenizer = catch_panic(|| Tokenizer::from_bytes(json))
        .ok_or("it makes the tokenizer crash")?
        .map_err(|e| e.to_string())?;
    // Truncation and padding are done here, the same way for every file.
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(|e| e.to_string())?;
    Ok(tokenizer)
}

/// Ids of `text` with special tokens, without truncation or padding.
pub(super) fn encode(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>, String> {
    let encoding = catch_panic(|| tokenizer.encode(text, true))
        .ok_or("the tokenizer crashed")?
        .map_err(|e| e.to_string())?;
    Ok(encoding.get_ids().to_vec())
}

impl TextTokenizer {
    /// Loads a `tokenizer.json` for a table of `vocab_size` rows.
    pub(super) fn load(
        json: &[u8],
        manifest: &TokenizerManifest,
        vocab_size: usize,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            tokenizer: parse(json).map_err(|reason| damaged("tokenizer.json", reason))?,
            manifest: manifest.clone(),
            vocab_size,
        })
    }

    /// The ids for the text tower: at least one, and no more than the context.
    pub(super) fn ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let shortened: Cow<str> = match text.char_indices().nth(MAX_TEXT) {
            Some((end, _)) => text.get(..end).unwrap_or(text).into(),
            None => text.into(),
        };
        let preprocessed = preprocessed(self.manifest.kind, &shortened);
        let mut ids = encode(&self.tokenizer, &preprocessed)
            .map_err(|e| ModelError::Tokenizer(rounds_support::sanitise::clean_line(&e)))?;
        let TokenizerManifest {
            context, end, pad, ..
        } = self.manifest;
        // Every reference ends a truncated text with the end token.
        if ids.len() > context {
            ids.truncate(context - 1);
            ids.push(end);
        }
        match self.manifest.kind {
            // The first end token is pooled, and later tokens cannot affect it.
            TextKind::Clip | TextKind::OpenClip => {
                if let Some(first) = ids.iter().position(|&id| id == end) {
                    ids.truncate(first + 1);
                }
            }
            TextKind::Siglip => ids.resize(context, pad),
            TextKind::Bert => {}
        }
        match ids.iter().find(|&&id| id as usize >= self.vocab_size) {
            Some(id) => {
                let reason = format!(
                    "token {id} is outside the vocabulary of {}",
                    self.vocab_size
                );
                Err(damaged("tokenizer.json", reason))
            }
            None if ids.is_empty() => Err(damaged("tokenizer.json", "it gives no end token")),
            None => Ok(ids),
        }
    }
}

/// The text that the tokenizer gets.
fn preprocessed(kind: TextKind, text: &str) -> Cow<'_, str> {
    match kind {
        TextKind::Clip => text.into(),
        TextKind::OpenClip | TextKind::Bert => clean_open_clip(text).into(),
        TextKind::Siglip => canonicalize_siglip(text).into(),
    }
}

/// The same as Python's `str.isspace`.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1C}'..='\u{1F}').contains(&c)
}

/// The words of a text, separated by single spaces.
fn collapse_whitespace(text: &str) -> String {
    let words: Vec<&str> = text.split(is_space).filter(|w| !w.is_empty()).collect();
    words.join(" ")
}

/// SigLIP was trained on texts in lower case without ASCII punctuation (big_vision's `canonicalize_text`). Like in transformers'
/// tokenizer, the word boundary mark is put in front first, so leading white space or punctuation leaves a mark of its own.
fn canonicalize_siglip(text: &str) -> String {
    const MARK: char = '\u{2581}';
    let lower = text.to_lowercase().replace(MARK, " ");
    let kept = lower.chars().filter(|c| !c.is_ascii_punctuation());
    let marked: String = std::iter::once(MARK).chain(kept).collect();
    match collapse_whitespace(&marked) {
        empty if empty.chars().eq([MARK]) => String::new(),
        words => words,
    }
}

/// open_clip's cleaning: curly quotes, ligatures and full-width letters become plain, HTML entities are decoded twice, white space
/// becomes single spaces. (The reference also repairs wrongly decoded text; that is not done here.)
fn clean_open_clip(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{2BC}' | '\u{2018}'..='\u{201B}' => plain.push('\''),
            '\u{201C}'..='\u{201F}' => plain.push('"'),
            'ﬀ' => plain.push_str("ff"),
            'ﬁ' => plain.push_str("fi"),
            'ﬂ' => plain.push_str("fl"),
            'ﬃ' => plain.push_str("ffi"),
            'ﬄ' => plain.push_str("ffl"),
            'ﬅ' => plain.push_str("ſt"),
            'ﬆ' => plain.push_str("st"),
            '\u{3000}' => plain.push(' '),
            '\u{FF01}'..='\u{FF5E}' => {
                plain.extend(char::from_u32(u32::from(c).saturating_sub(0xFEE0)));
            }
            '\u{FEFF}' => {}
            c if c.is_control() && !c.is_whitespace() => {}
            c => plain.push(c),
        }
    }
    collapse_whitespace(&unescape_html(&unescape_html(&plain)))
}

/// Decodes numeric HTML entities and the named ones that occur in medical text.
fn unescape_html(text: &str) -> String {
    /// Maximum length of an entity's name.
    const MAX_ENTITY: usize = 10;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let entity = after
            .split_once(';')
            .filter(|(name, _)| name.len() <= MAX_ENTITY)
            .and_then(|(name, behind)| Some((html_entity(name)?, behind)));
        rest = match entity {
            Some((c, behind)) => {
                out.push(c);
                behind
            }
            None => {
                out.push('&');
                after
            }
        };
    }
    out.push_str(rest);
    out
}

fn html_entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?).filter(|c| !c.is_control());
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{A0}',
        "deg" => '°',
        "micro" => 'µ',
        "plusmn" => '±',
        "times" => '×',
        "ge" => '≥',
        "le" => '≤',
        "alpha" => 'α',
        "beta" => 'β',
        "ndash" => '–',
        "mdash" => '—',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siglip_texts_are_lower_case_without_punctuation() {
        assert_eq!(
            canonicalize_siglip("A Chest\u{1C}X-ray,\n(PA):  no \u{2581}\"effusion\"! "),
            "▁a chest xray pa no effusion"
        );
        assert_eq!(canonicalize_siglip("? \u{2581}many"), "▁ many");
        assert_eq!(canonicalize_siglip(" ?! "), "");
        assert_eq!(canonicalize_siglip("≥ 5 µm – ok"), "▁≥ 5 µm – ok");
    }

    #[test]
    fn typographic_characters_and_entities_become_plain() {
        assert_eq!(
            clean_open_clip(
                "patient\u{2019}s \u{201C}ﬁbrosis\u{201D}\u{A0}&lt; 5&nbsp;mm &amp;gt; x"
            ),
            "patient's \"fibrosis\" < 5 mm > x"
        );
        assert_eq!(clean_open_clip("Ｔ２\u{3000}scan\u{7}"), "T2 scan");
    }

    #[test]
    fn unknown_entities_stay_as_they_are() {
        for text in [
            "R&D; x",
            "a & b; c",
            "&#xD800; &#7; &;",
            "&averylongname;",
            "& &&",
        ] {
            assert_eq!(unescape_html(text), text);
        }
        assert_eq!(unescape_html("&#39;&#x3B1;&amp;lt;"), "'α&lt;");
    }
}
