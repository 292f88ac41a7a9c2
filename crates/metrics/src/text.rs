//! What the scorers do to text before they compare it.
//!
//! The references are written in Python, so white space and digits mean here what they mean to Python's `str`.

use std::collections::BTreeMap;

/// White space as Python's `str.isspace` has it: Unicode's, and the four ASCII separators.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Text without white space at either end, as Python's `str.strip`.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// The words between white space, as Python's `str.split`.
pub fn words(text: &str) -> Vec<&str> {
    text.split(is_space)
        .filter(|word| !word.is_empty())
        .collect()
}

/// The plain form: lower case, no ASCII punctuation, single blanks, none at either end.
///
/// This is `normalize_answer` of SMMILE (`inference_and_evaluation/evaluate_EM.py`). Punctuation is dropped, not
/// replaced by a blank: `x-ray` becomes `xray`. Punctuation beyond ASCII (typographic quotes, dashes) stays.
pub fn normalised(text: &str) -> String {
    let kept: String = text
        .to_lowercase()
        .chars()
        .filter(|c| !c.is_ascii_punctuation())
        .collect();
    words(&kept).join(" ")
}

/// The characters of a text, for scores on characters.
pub fn characters(text: &str) -> Vec<char> {
    text.chars().collect()
}

/// How often each run of `n` tokens occurs, in order of the tokens.
pub(crate) fn ngrams<T: Ord>(tokens: &[T], n: usize) -> BTreeMap<&[T], usize> {
    let mut counts = BTreeMap::new();
    if n > 0 {
        for ngram in tokens.windows(n) {
            *counts.entry(ngram).or_default() += 1;
        }
    }
    counts
}
