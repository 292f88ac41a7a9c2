//! Makes a bundle's `tokenizer.json` from the publisher's files.
//!
//! A `tokenizer.json` is used as it is. Otherwise it is built: CLIP's from `vocab.json` and `merges.txt`, or from the merges alone
//! (open_clip's `bpe_simple_vocab_16e6.txt`); SigLIP's from `spiece.model`; BERT's from `vocab.txt`. Built ones split texts like the
//! publishers' (tests/encoders.rs).

use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use tokenizers::Tokenizer;
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{NormalizerWrapper, Precompiled, Replace, Sequence, Strip};

use super::layout::Layout;
use super::sentencepiece;
use crate::encoder::manifest::{MAX_TOKENIZER, TokenizerManifest};
use crate::encoder::tokens::{self, TextKind};
use crate::import::ImportError;
use rounds_imaging::catch_panic;
use rounds_support::files;

/// A tokenizer ready to be written.
pub(super) struct ImportedTokenizer {
    /// The content of `tokenizer.json`.
    pub json: String,
    /// Its entry in the manifest.
    pub manifest: TokenizerManifest,
}

const BEGIN: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";

/// The tokenizer for `layout` at `given`, a file or a folder, for a table of `rows` rows.
pub(super) fn find(
    layout: &Layout,
    given: &Path,
    rows: usize,
    context: usize,
) -> Result<ImportedTokenizer, ImportError> {
    let kind = match layout {
        Layout::HuggingFaceClip => TextKind::Clip,
        Layout::OpenClip { .. } => TextKind::OpenClip,
        Layout::HuggingFaceSiglip => TextKind::Siglip,
        Layout::BiomedClip => TextKind::Bert,
    };
    let file = find_file(kind, given)?;
    let wrong = |reason: String| ImportError::config(&file.to_string_lossy(), reason);
    let bytes = files::read_limited(&file, MAX_TOKENIZER)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let tokenizer = match name.as_ref() {
        "spiece.model" => unigram(&bytes).map_err(wrong)?,
        "vocab.txt" => {
            tokenizer_from(&word_piece(&file, &text(&bytes).map_err(wrong)?)?).map_err(wrong)?
        }
        "vocab.json" => {
            let vocabulary = serde_json::from_slice(&bytes).map_err(|e| wrong(e.to_string()))?;
            let merges_file = file.with_file_name("merges.txt");
            let merges = files::read_limited(&merges_file, MAX_TOKENIZER)?;
            let merges = parse_merges(&text(&merges).map_err(wrong)?);
            tokenizer_from(&byte_pairs(vocabulary, &merges)).map_err(wrong)?
        }
        end if end.ends_with(".txt") => {
            let mut merges = parse_merges(&text(&bytes).map_err(wrong)?);
            // The list may be longer than the vocabulary: 256 bytes, alone and at a word's end, the merges, two special tokens.
            merges.truncate(rows.saturating_sub(2 * 256 + 2));
            tokenizer_from(&byte_pairs(clip_vocabulary(&merges), &merges)).map_err(wrong)?
        }
        _ => tokens::parse(&bytes).map_err(wrong)?,
    };
    let manifest = manifest(kind, &tokenizer, &file, rows, context)?;
    let json = tokenizer
        .to_string(false)
        .map_err(|e| wrong(e.to_string()))?;
    Ok(ImportedTokenizer { json, manifest })
}

/// The tokenizer file of `given`, a file or a folder.
fn find_file(kind: TextKind, given: &Path) -> Result<PathBuf, ImportError> {
    if !given.is_dir() {
        return Ok(given.to_path_buf());
    }
    let names: &[&str] = match kind {
        TextKind::Clip | TextKind::OpenClip => &[
            "tokenizer.json",
            "vocab.json",
            "merges.txt",
            "bpe_simple_vocab_16e6.txt",
        ],
        // The reference reads the SentencePiece model, never a tokenizer.json.
        TextKind::Siglip => &["spiece.model", "tokenizer.json"],
        TextKind::Bert => &["tokenizer.json", "vocab.txt"],
    };
    let found = names.iter().map(|n| given.join(n)).find(|p| p.exists());
    found.ok_or_else(|| {
        let reason = format!(
            "it has none of {}: give the tokenizer's folder with --tokenizer",
            names.join(", ")
        );
        ImportError::config(&given.to_string_lossy(), reason)
    })
}

/// What truncation and padding need to know about a tokenizer.
fn manifest(
    kind: TextKind,
    tokenizer: &Tokenizer,
    file: &Path,
    rows: usize,
    context: usize,
) -> Result<TokenizerManifest, ImportError> {
    let wrong = |reason: String| ImportError::config(&file.to_string_lossy(), reason);
    let size = tokenizer.get_vocab_size(true);
    if size > rows {
        return Err(wrong(format!(
            "it has {size} tokens, but the text tower's table has {rows} rows: this is not its tokenizer"
        )));
    }
    let special = tokens::encode(tokenizer, "").map_err(wrong)?;
    let end = match (kind, special.as_slice()) {
        (TextKind::Siglip, [end]) => *end,
        (TextKind::Clip | TextKind::OpenClip | TextKind::Bert, [_, end]) => *end,
        _ => {
            let reason = format!("it adds {} special tokens to a text", special.len());
            return Err(wrong(reason));
        }
    };
    let pad = match kind {
        TextKind::Clip | TextKind::OpenClip => end,
        TextKind::Siglip => padding(file, tokenizer).unwrap_or(end),
        TextKind::Bert => tokenizer
            .token_to_id("[PAD]")
            .ok_or_else(|| wrong("the token [PAD] is missing".into()))?,
    };
    Ok(TokenizerManifest {
        kind,
        context,
        end,
        pad,
    })
}

/// The padding token in the `tokenizer_config.json` next to `file`.
fn padding(file: &Path, tokenizer: &Tokenizer) -> Option<u32> {
    let text = files::read_limited(&file.with_file_name("tokenizer_config.json"), 1 << 20).ok()?;
    let config: Value = serde_json::from_slice(&text).ok()?;
    let token = config.get("pad_token")?;
    let token = token.get("content").unwrap_or(token).as_str()?;
    tokenizer.token_to_id(token)
}

fn text(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "it is not UTF-8".to_string())
}

fn tokenizer_from(json: &Value) -> Result<Tokenizer, String> {
    tokens::parse(json.to_string().as_bytes())
}

fn special(content: &str, id: Option<&Value>) -> Option<Value> {
    Some(json!({
        "id": id?, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true
    }))
}

/// The pairs of a merges file, one per line after a version line.
fn parse_merges(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter(|line| !line.contains("#version"))
        .filter_map(|line| line.trim().split_once(' '))
        .map(|(left, right)| (left.to_string(), right.to_string()))
        .collect()
}

/// CLIP's vocabulary as its merges define it: bytes, bytes at a word's end, merges, special tokens.
fn clip_vocabulary(merges: &[(String, String)]) -> Map<String, Value> {
    let bytes: Vec<String> = byte_letters().map(String::from).collect();
    let ends = bytes.iter().map(|b| format!("{b}</w>"));
    let joined = merges.iter().map(|(left, right)| format!("{left}{right}"));
    let special = [BEGIN, END].map(String::from);
    bytes
        .iter()
        .cloned()
        .chain(ends)
        .chain(joined)
        .chain(special)
        .zip(0u32..)
        .map(|(token, id)| (token, id.into()))
        .collect()
}

/// The character that represents each byte, in CLIP's order: printable bytes represent themselves and come first.
fn byte_letters() -> impl Iterator<Item = char> {
    let prints = |b: &u8| matches!(*b, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let shifted = (0..=u8::MAX).filter(move |b| !prints(b)).zip(256u32..);
    (0..=u8::MAX)
        .filter(prints)
        .map(char::from)
        .chain(shifted.filter_map(|(_, code)| char::from_u32(code)))
}

/// The `tokenizer.json` of CLIP's byte pairs.
fn byte_pairs(vocabulary: Map<String, Value>, merges: &[(String, String)]) -> Value {
    let (begin, end) = (vocabulary.get(BEGIN).cloned(), vocabulary.get(END).cloned());
    let added: Vec<Value> = [special(BEGIN, begin.as_ref()), special(END, end.as_ref())]
        .into_iter()
        .flatten()
        .collect();
    let merges: Vec<Value> = merges.iter().map(|(l, r)| json!([l, r])).collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"},
            {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
            {"type": "Lowercase"}
        ]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split",
             "pattern": {"Regex": r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"},
             "behavior": "Removed", "invert": true},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
        ]},
        "post_processor": {
            "type": "RobertaProcessing", "sep": [END, end], "cls": [BEGIN, begin],
            "trim_offsets": false, "add_prefix_space": false
        },
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {
            "type": "BPE", "dropout": null, "unk_token": END, "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>", "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": false, "vocab": vocabulary, "merges": merges
        }
    })
}

/// The `tokenizer.json` of BERT's word pieces, lower case unless the `tokenizer_config.json` next to `file` says otherwise.
fn word_piece(file: &Path, text: &str) -> Result<Value, ImportError> {
    let vocabulary: Map<String, Value> = text
        .lines()
        .zip(0u32..)
        .map(|(token, id)| (token.trim_end().to_string(), id.into()))
        .collect();
    let config = files::read_limited(&file.with_file_name("tokenizer_config.json"), 1 << 20);
    let lower = config
        .ok()
        .and_then(|text| serde_json::from_slice::<Value>(&text).ok())
        .and_then(|json| json.get("do_lower_case").and_then(Value::as_bool))
        .unwrap_or(true);
    const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    let added = SPECIAL
        .iter()
        .map(|token| special(token, vocabulary.get(*token)));
    let Some(added) = added.collect::<Option<Vec<Value>>>() else {
        let reason = format!("it must have all of {}", SPECIAL.join(", "));
        return Err(ImportError::config(&file.to_string_lossy(), reason));
    };
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": lower
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "BertProcessing", "sep": ["[SEP]", vocabulary.get("[SEP]")],
            "cls": ["[CLS]", vocabulary.get("[CLS]")]
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary
        }
    }))
}

/// SigLIP's unigram tokenizer from a SentencePiece model.
fn unigram(bytes: &[u8]) -> Result<Tokenizer, String> {
    let model = sentencepiece::read(bytes)?;
    let end = model.pieces.iter().position(|(piece, _)| piece == "</s>");
    let end = end.ok_or("the piece </s> is missing")?;
    let json = json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [special("</s>", Some(&end.into()))],
        "normalizer": null,
        "pre_tokenizer": {
            "type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "pair": [],
            "special_tokens": {"</s>": {"id": "</s>", "ids": [end], "tokens": ["</s>"]}}
        },
        "decoder": {
            "type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true
        },
        "model": {
            "type": "Unigram", "unk_id": model.unknown, "byte_fallback": false,
            "vocab": model.pieces
        }
    });
    let mut tokenizer = tokenizer_from(&json)?;
    let mut steps: Vec<NormalizerWrapper> = Vec::new();
    if !model.charsmap.is_empty() {
        let table = catch_panic(|| Precompiled::from(&model.charsmap))
            .ok_or("its table of replacements is damaged")?
            .map_err(|e| e.to_string())?;
        steps.push(table.into());
    }
    let blanks = ReplacePattern::Regex(" {2,}".into());
    steps.push(Replace::new(blanks, " ").map_err(|e| e.to_string())?.into());
    steps.push(Strip::new(true, true).into());
    tokenizer
        .with_normalizer(Some(Sequence::new(steps)))
        .map_err(|e| e.to_string())?;
    Ok(tokenizer)
}
