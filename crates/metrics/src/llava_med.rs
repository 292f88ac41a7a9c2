//! LLaVA-Med's scores, as published and corrected.
//!
//! From `llava/eval/run_eval.py` and `eval_metrics/evaluate_metrics.py` of microsoft/LLaVA-Med, before version 1.5
//! removed them. Answers and references are put into the form of [`form`] first, the metrics do so once more, and that
//! is kept.
//!
//! What papers call "open" accuracy is the **recall** of [`open_published`].

use crate::overlap::{Overlap, token_overlap};
use crate::text::words;
use crate::vqa::processed;
use std::collections::BTreeMap;

/// An answer as LLaVA-Med compares it: the VQA evaluation's normalisation, and no commas.
pub fn form(text: &str) -> String {
    processed(&text.to_lowercase()).replace(',', "")
}

/// Precision, recall and F1 as published.
///
/// The fault: a word that is in both counts as often as the **answer** has it, for the recall as well. An answer that
/// repeats a word of the reference raises its recall: against `left lung`, `lung lung lung` has recall 0.75 and
/// precision 1.
pub fn open_published(answer: &str, reference: &str) -> Overlap {
    let (answer, reference) = (form(&form(answer)), form(&form(reference)));
    let (answer, reference) = (counted(&answer), counted(&reference));
    let (mut both, mut only_answer, mut only_reference) = (0usize, 0usize, 0usize);
    for (word, count) in &answer {
        if reference.contains_key(word) {
            both += count;
        } else {
            only_answer += count;
        }
    }
    for (word, count) in &reference {
        if !answer.contains_key(word) {
            only_reference += count;
        }
    }
    if both == 0 {
        return Overlap::default();
    }
    let both = both as f64;
    Overlap::new(
        both / (both + only_answer as f64),
        both / (both + only_reference as f64),
    )
}

/// Precision, recall and F1 of the same words, each counted as often as both have it.
pub fn open_corrected(answer: &str, reference: &str) -> Overlap {
    let (answer, reference) = (form(answer), form(reference));
    token_overlap(&words(&answer), &words(&reference))
}

/// The "exact match score" as published, which is none: the share of the answer's words that are, each once, in the
/// reference. The corrected score is [`ExactRule::Vqa`](crate::exact::ExactRule::Vqa).
pub fn exact_published(answer: &str, reference: &str) -> f64 {
    let (answer, reference) = (form(&form(answer)), form(&form(reference)));
    let (answer, reference) = (counted(&answer), counted(&reference));
    let found = reference
        .keys()
        .filter(|word| answer.contains_key(*word))
        .count();
    let all: usize = answer.values().sum();
    if all == 0 {
        0.0
    } else {
        found as f64 / all as f64
    }
}

/// "Open accuracy" as published: the candidate that shares most of its distinct words with the answer, the first of
/// equals, must be the reference. `None` without candidates.
///
/// The faults: the list of candidates is not published, a candidate of one word that the answer happens to contain
/// beats the right answer with a word missing, and an answer that shares no word with any candidate becomes the first
/// of the list.
pub fn open_accuracy_published<S: AsRef<str>>(
    answer: &str,
    reference: &str,
    candidates: &[S],
) -> Option<bool> {
    let (answer, reference) = (form(&form(answer)), form(&form(reference)));
    let answer = counted(&answer);
    let mut best: Option<(f64, String)> = None;
    for candidate in candidates {
        let candidate = form_as_is(candidate.as_ref());
        let distinct = counted(&candidate);
        let shared = answer
            .keys()
            .filter(|word| distinct.contains_key(*word))
            .count();
        let share = if distinct.is_empty() {
            0.0
        } else {
            shared as f64 / distinct.len() as f64
        };
        if best.as_ref().is_none_or(|(most, _)| share > *most) {
            best = Some((share, candidate));
        }
    }
    best.map(|(_, nearest)| nearest == reference)
}

/// Which of the two published scripts scores closed questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedScript {
    /// Of the release of August 2023. An answer that contains `yes` or `no` but is wrong is not counted at all, so that
    /// the accuracy is nearly always close to 1.
    Release,
    /// From December 2023 on: such an answer is wrong.
    Repaired,
}

/// A closed question as published: whether it is right, `None` if the script does not count it.
///
/// The faults of both scripts: `yes` and `no` are looked for inside words, so `normal` contains a `no`; an answer with
/// both is right whatever the reference is; and a reference that is neither (`left`, in SLAKE) is right only if the
/// answer also happens to contain a `yes` or a `no`.
pub fn closed_published(script: ClosedScript, answer: &str, reference: &str) -> Option<bool> {
    let (answer, reference) = (form(answer), form(reference));
    if !answer.contains("yes") && !answer.contains("no") {
        return Some(false);
    }
    match (answer.contains(&reference), script) {
        (true, _) => Some(true),
        (false, ClosedScript::Repaired) => Some(false),
        (false, ClosedScript::Release) => None,
    }
}

/// A closed question, read word by word: against a reference of `yes` or `no`, the answer has exactly that one of the
/// two words; against another, it has the words of the reference, in a row. Every item counts.
pub fn closed_corrected(answer: &str, reference: &str) -> bool {
    let (answer, reference) = (form(answer), form(reference));
    let (answer, reference) = (words(&answer), words(&reference));
    let opposite = match reference.as_slice() {
        ["yes"] => Some("no"),
        ["no"] => Some("yes"),
        _ => None,
    };
    !reference.is_empty()
        && answer.windows(reference.len()).any(|run| run == reference)
        && opposite.is_none_or(|word| !answer.contains(&word))
}

/// The form of a candidate, whose case is lowered within.
fn form_as_is(text: &str) -> String {
    processed(text).replace(',', "")
}

fn counted(text: &str) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for word in words(text) {
        *counts.entry(word).or_default() += 1;
    }
    counts
}
