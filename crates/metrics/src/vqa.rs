//! The VQA v2 evaluation: its normalisation of answers and its accuracy over several annotators.
//!
//! As in `open_flamingo/eval/vqa_metric.py`, which differs from the original evaluation in one point: it normalises
//! always, not only where the annotators disagree.

use crate::text::{is_space, trimmed};

/// Punctuation that the normalisation takes out, in the order in which it does so.
const PUNCTUATION: [char; 21] = [
    ';', '/', '[', ']', '"', '{', '}', '(', ')', '=', '+', '\\', '_', '-', '>', '<', '@', '`', ',',
    '?', '!',
];

/// The words that become digits.
const NUMBERS: [(&str, &str); 12] = [
    ("none", "0"),
    ("zero", "0"),
    ("one", "1"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
];

/// Contractions as they should be written. A word that is one of these but for one missing apostrophe is corrected. The
/// evaluation's list has gaps (neither `she's` nor `I've` is mended), and so has this one.
const CONTRACTIONS: &[&str] = &[
    "ain't",
    "aren't",
    "can't",
    "could've",
    "couldn't",
    "couldn't've",
    "didn't",
    "doesn't",
    "don't",
    "hadn't",
    "hadn't've",
    "hasn't",
    "haven't",
    "he'd",
    "he'd've",
    "he's",
    "how'd",
    "how'll",
    "how's",
    "isn't",
    "it'd",
    "it'd've",
    "it'll",
    "ma'am",
    "mightn't",
    "mightn't've",
    "might've",
    "mustn't",
    "must've",
    "needn't",
    "not've",
    "o'clock",
    "oughtn't",
    "'ow's'at",
    "shan't",
    "she'd've",
    "should've",
    "shouldn't",
    "shouldn't've",
    "somebody'd've",
    "somebody'll",
    "somebody's",
    "someone'd",
    "someone'd've",
    "someone'll",
    "someone's",
    "something'd",
    "something'd've",
    "something'll",
    "that's",
    "there'd",
    "there'd've",
    "there're",
    "there's",
    "they'd",
    "they'd've",
    "they'll",
    "they're",
    "they've",
    "'twas",
    "wasn't",
    "we'd've",
    "we've",
    "weren't",
    "what'll",
    "what're",
    "what's",
    "what've",
    "when's",
    "where'd",
    "where's",
    "where've",
    "who'd",
    "who'd've",
    "who'll",
    "who's",
    "who've",
    "why'll",
    "why're",
    "why's",
    "won't",
    "would've",
    "wouldn't",
    "wouldn't've",
    "y'all",
    "y'all'll",
    "y'all'd've",
    "you'd",
    "you'd've",
    "you'll",
    "you're",
    "you've",
];

/// An answer in the form that the evaluation compares.
///
/// A punctuation mark is dropped if it stands beside a blank anywhere in the answer, or if the answer has a comma
/// between two digits; otherwise it becomes a blank. Full stops before anything but a digit are dropped (the first 32
/// of them: the reference hands a flag where a count belongs). Then lower case, number words as digits, no articles,
/// and apostrophes put back into contractions.
pub fn normalised(answer: &str) -> String {
    let answer = answer.replace(['\n', '\t'], " ");
    processed(trimmed(&answer))
}

/// The evaluation's two steps, on text that it has not trimmed.
pub(crate) fn processed(text: &str) -> String {
    digits_and_articles(&without_punctuation(text))
}

/// Accuracy against what several annotators said, 0 to 1: for each annotator, a third of a point for each of the others
/// who said the same, at most one; the mean of that. `None` if there is no annotator.
pub fn soft_accuracy<S: AsRef<str>>(answer: &str, annotators: &[S]) -> Option<f64> {
    if annotators.is_empty() {
        return None;
    }
    let answer = normalised(answer);
    let agree: Vec<bool> = annotators
        .iter()
        .map(|said| normalised(said.as_ref()) == answer)
        .collect();
    let all = agree.iter().filter(|agrees| **agrees).count();
    let points: f64 = agree
        .iter()
        .map(|agrees| ((all - usize::from(*agrees)) as f64 / 3.0).min(1.0))
        .sum();
    Some(points / annotators.len() as f64)
}

/// The answer in what a model wrote, as OpenFlamingo takes it: what stands before the first `Question`, `Answer` or
/// `Short`, and before the first comma with a blank.
pub fn first_answer(generated: &str) -> &str {
    let end = ["Question", "Answer", "Short"]
        .iter()
        .filter_map(|word| generated.find(word))
        .min()
        .unwrap_or(generated.len());
    let answer = generated.get(..end).unwrap_or(generated);
    answer.split(", ").next().unwrap_or(answer)
}

fn without_punctuation(answer: &str) -> String {
    let drop_all = has_comma_between_digits(answer);
    let mut out = answer.to_owned();
    for mark in PUNCTUATION {
        let dropped = drop_all
            || answer.contains(&format!("{mark} "))
            || answer.contains(&format!(" {mark}"));
        out = out.replace(mark, if dropped { "" } else { " " });
    }
    let mut budget = 32;
    let mut kept = String::with_capacity(out.len());
    let mut chars = out.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '.' && budget > 0 && !chars.peek().copied().is_some_and(is_digit) {
            budget -= 1;
        } else {
            kept.push(c);
        }
    }
    kept
}

fn digits_and_articles(text: &str) -> String {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(is_space)
        .filter(|word| !word.is_empty())
        .map(|word| {
            NUMBERS
                .iter()
                .find(|(name, _)| *name == word)
                .map_or(word, |(_, digits)| digits)
        })
        .filter(|word| !matches!(*word, "a" | "an" | "the"))
        .map(mended)
        .collect();
    words.join(" ")
}

/// A word with its apostrophe back. The reference has one entry the wrong way round, kept here.
fn mended(word: &str) -> &str {
    if word == "somebody'd" {
        return "somebodyd";
    }
    CONTRACTIONS
        .iter()
        .find(|form| form.len() == word.len() + 1 && lacks_one_apostrophe(word, form))
        .copied()
        .unwrap_or(word)
}

fn lacks_one_apostrophe(word: &str, form: &str) -> bool {
    form.match_indices('\'').any(|(at, _)| {
        form.get(..at)
            .zip(form.get(at + 1..))
            .is_some_and(|(before, after)| word.strip_prefix(before) == Some(after))
    })
}

fn has_comma_between_digits(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    chars
        .windows(3)
        .any(|three| matches!(three, [before, ',', after] if is_digit(*before) && is_digit(*after)))
}

/// A decimal digit of any script. Unlike Python's `\d` this takes fractions and superscripts for digits too.
fn is_digit(c: char) -> bool {
    c.is_numeric()
}
