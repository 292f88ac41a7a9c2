//! Decoding with a learner whose logits are scripted.

use std::sync::Arc;
use tokenizers::Tokenizer;

use super::beam::{Beams, Hypothesis, Length, beam_search};
use super::penalty::Penalties;
use super::*;
use crate::EncodedImage;
use crate::bundle::{Bundle, Manifest};
use crate::fixtures;
use rounds_imaging::Image;

/// A learner whose logits are a function of the sequence.
struct ScriptedLearner {
    manifest: Manifest,
    tokenizer: Tokenizer,
    next: fn(&[u32]) -> Vec<f32>,
    branches: Vec<Vec<u32>>,
}

/// A scripted learner with one token per word.
fn scripted(words: &[&str], next: fn(&[u32]) -> Vec<f32>) -> ScriptedLearner {
    let vocabulary: serde_json::Map<String, serde_json::Value> = words
        .iter()
        .enumerate()
        .map(|(id, word)| ((*word).to_string(), id.into()))
        .collect();
    let json = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": null, "post_processor": null,
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": words[0]}
    });
    ScriptedLearner {
        manifest: Bundle::manifest(&fixtures::path("nano")).unwrap(),
        tokenizer: Tokenizer::from_bytes(json.to_string()).unwrap(),
        next,
        branches: Vec::new(),
    }
}

impl FewShotLearner for ScriptedLearner {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    fn context(&self) -> usize {
        1000
    }

    fn encode_image(&self, _: &Image) -> Result<EncodedImage, ModelError> {
        Err(ModelError::Cancelled)
    }

    fn prefill(
        &mut self,
        ids: &[u32],
        _: &[Arc<EncodedImage>],
        _: &Cancel,
    ) -> Result<Vec<f32>, ModelError> {
        self.branches = vec![ids.to_vec()];
        Ok((self.next)(ids))
    }

    fn branch(&mut self, parents: &[usize]) -> Result<(), ModelError> {
        let old = std::mem::take(&mut self.branches);
        self.branches = parents.iter().map(|&p| old[p].clone()).collect();
        Ok(())
    }

    fn step_branch(
        &mut self,
        branch: usize,
        token: u32,
        _: &Cancel,
    ) -> Result<Vec<f32>, ModelError> {
        self.branches[branch].push(token);
        Ok((self.next)(&self.branches[branch]))
    }
}

const WORDS: [&str; 4] = ["end", "a", "b", "other end"];

/// The best result of a beam search after a prompt of one token.
fn best_hypothesis(next: fn(&[u32]) -> Vec<f32>, ends: &[u32], length_penalty: f64) -> Hypothesis {
    let mut learner = scripted(&WORDS, next);
    let cancel = Cancel::new();
    let logits = learner.prefill(&[1], &[], &cancel).unwrap();
    let beams = Beams {
        count: 2,
        length_penalty,
        length: Length::New,
    };
    let none = Penalties::default();
    let found = beam_search(&mut learner, logits, &[1], beams, &none, ends, 6, &cancel);
    found.unwrap().remove(0)
}

fn logits(probabilities: [f32; 4]) -> Vec<f32> {
    probabilities.map(f32::ln).to_vec()
}

/// As in transformers 4.36, the end token counts, so no answer has length 0.
#[test]
fn an_answer_that_ends_at_once_has_length_one() {
    let at_once = |sequence: &[u32]| match sequence.len() {
        1 => logits([0.9, 0.05, 0.04, 0.01]),
        _ => logits([0.4, 0.3, 0.2, 0.1]),
    };
    let best = best_hypothesis(at_once, &[0], 1.0);
    assert_eq!(best.ids, [0]);
    assert!((best.score - 0.9_f64.ln()).abs() < 1e-6, "{}", best.score);
    let later = |sequence: &[u32]| match sequence.len() {
        1 => logits([0.1, 0.85, 0.04, 0.01]),
        _ => logits([0.97, 0.01, 0.01, 0.01]),
    };
    let best = best_hypothesis(later, &[0], -1.0);
    assert_eq!(best.ids, [1, 0], "an empty answer must not score 0");
    let sum = (0.85_f64 * 0.97).ln();
    assert!((best.score - 2.0 * sum).abs() < 1e-5, "{}", best.score);
}

/// As in transformers 4.33, there are enough candidates for all beams to continue even if both end tokens rank first in each.
#[test]
fn end_tokens_do_not_crowd_out_continuing_beams() {
    let next = |sequence: &[u32]| match sequence.len() {
        1 => logits([1e-6, 0.6, 0.4, 1e-6]),
        2 => logits([0.5, 0.1, 0.1, 0.3]),
        _ => logits([1.0, 1e-6, 1e-6, 1e-6]),
    };
    let best = best_hypothesis(next, &[0, 3], 3.0);
    assert_eq!(best.ids.len(), 3, "{best:?}");
    let sum = (0.6_f64 * 0.1).ln();
    assert!((best.score - sum / 27.0).abs() < 1e-3, "{}", best.score);
}

/// "a", then the bytes of an emoji over and over.
const BYTES: [&str; 6] = ["end", "a", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>"];

fn emoji(sequence: &[u32]) -> Vec<f32> {
    let next = match sequence.len() {
        1 => 1,
        n => 2 + (n + 2) % 4,
    };
    (0..6).map(|i| if i == next { 9.0 } else { 0.0 }).collect()
}

fn streamed(max_tokens: usize) -> (String, String) {
    let mut learner = scripted(&BYTES, emoji);
    let cancel = Cancel::new();
    let logits = learner.prefill(&[0], &[], &cancel).unwrap();
    let decoding = Decoding {
        max_new_tokens: max_tokens,
        ..Decoding::default()
    };
    let mut streamed_text = String::new();
    let whole = generate(
        &mut learner,
        logits,
        &[0],
        &decoding,
        &[0],
        &[],
        &[],
        &cancel,
        |text| streamed_text.push_str(text),
    );
    (streamed_text, whole.unwrap().text)
}

#[test]
fn an_answer_cut_inside_a_character_streams_as_it_is_returned() {
    for max_tokens in 1..=24 {
        let (streamed_text, whole) = streamed(max_tokens);
        assert_eq!(streamed_text, whole, "after {max_tokens} tokens");
        assert!(whole.starts_with('a'));
    }
    assert_eq!(streamed(17).1, "a😀😀😀😀");
}

/// The two highest of 0.4, 0.3, 0.2 and 0.1 are 0.57 and 0.43 when renormalised, so the first alone makes up half of them.
#[test]
fn top_p_is_a_share_of_the_top_k() {
    let chosen = |seed, top_p| {
        let mut learner = scripted(&WORDS, |_| logits([0.1, 0.4, 0.3, 0.2]));
        let cancel = Cancel::new();
        let row = learner.prefill(&[1], &[], &cancel).unwrap();
        let decoding = Decoding {
            temperature: 1.0,
            top_k: Some(2),
            top_p: Some(top_p),
            seed,
            max_new_tokens: 1,
            ..Decoding::default()
        };
        let ends = [0];
        let generated = generate(
            &mut learner,
            row,
            &[1],
            &decoding,
            &ends,
            &[],
            &[],
            &cancel,
            |_| {},
        );
        generated.unwrap().text
    };
    assert!((0..40).all(|seed| chosen(seed, 0.5) == "a"));
    assert!((0..40).any(|seed| chosen(seed, 0.9) == "b"));
    assert!((0..40).all(|seed| ["a", "b"].contains(&chosen(seed, 0.9).as_str())));
}

#[test]
fn a_tiny_temperature_is_greedy() {
    let mut learner = scripted(&WORDS, |_| logits([0.1, 0.2, 0.4, 0.3]));
    let cancel = Cancel::new();
    let row = learner.prefill(&[1], &[], &cancel).unwrap();
    let decoding = Decoding {
        temperature: 1e-40,
        max_new_tokens: 3,
        ..Decoding::default()
    };
    let generated = generate(
        &mut learner,
        row,
        &[1],
        &decoding,
        &[0],
        &[],
        &[],
        &cancel,
        |_| {},
    );
    assert_eq!(generated.unwrap().text, "bbb");
}
