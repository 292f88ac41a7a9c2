//! ROUGE-N and ROUGE-L as the package `rouge-score` computes them, without its stemmer.

use crate::overlap::Overlap;
use crate::text::ngrams;

/// The tokens that ROUGE compares: runs of ASCII letters and digits in lower case. Whatever else there is, letters with
/// accents included, separates tokens.
pub fn tokens(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|token| !token.is_empty())
        .map(str::to_owned)
        .collect()
}

/// ROUGE-L: the longest common subsequence of tokens, as a share of the answer (precision) and of the reference
/// (recall).
pub fn rouge_l(answer: &str, reference: &str) -> Overlap {
    let (answer, reference) = (tokens(answer), tokens(reference));
    if answer.is_empty() || reference.is_empty() {
        return Overlap::default();
    }
    let common = longest_common_subsequence(&answer, &reference) as f64;
    Overlap::new(
        common / answer.len() as f64,
        common / reference.len() as f64,
    )
}

/// ROUGE-N: the runs of `n` tokens that answer and reference have in common.
pub fn rouge_n(answer: &str, reference: &str, n: usize) -> Overlap {
    let (answer, reference) = (tokens(answer), tokens(reference));
    let (answer, reference) = (ngrams(&answer, n), ngrams(&reference, n));
    let common: usize = answer
        .iter()
        .filter_map(|(ngram, count)| reference.get(ngram).map(|other| (*count).min(*other)))
        .sum();
    let share = |all: usize| common as f64 / all.max(1) as f64;
    Overlap::new(
        share(answer.values().sum()),
        share(reference.values().sum()),
    )
}

/// The score of the reference with the highest F1, the first of equals. `None` without references.
pub fn best<S: AsRef<str>>(references: &[S], score: impl Fn(&str) -> Overlap) -> Option<Overlap> {
    references
        .iter()
        .map(|reference| score(reference.as_ref()))
        .reduce(|best, next| if next.f1 > best.f1 { next } else { best })
}

fn longest_common_subsequence<T: Eq>(a: &[T], b: &[T]) -> usize {
    let mut row = vec![0usize; b.len() + 1];
    for left in a {
        let mut diagonal = 0;
        let mut before = 0;
        for (right, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            *cell = if left == right {
                diagonal + 1
            } else {
                above.max(before)
            };
            diagonal = above;
            before = *cell;
        }
    }
    row.last().copied().unwrap_or(0)
}
