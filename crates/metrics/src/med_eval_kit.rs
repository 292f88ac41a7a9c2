//! MedEvalKit's scores, as published and corrected.
//!
//! From `utils/utils.py` of alibaba-damo-academy/MedEvalKit (9b12e3b). The extraction of an answer from boxes, tags and
//! phrases, which comes first there, is not part of this.

use crate::llava_med;
use crate::overlap::Overlap;
use crate::text::words;
use std::collections::BTreeSet;

/// Precision, recall and F1 under the names that MedEvalKit prints. `None` where its code fails: it returns a single
/// number if either text has no words.
///
/// The fault: the function returns F1, precision, recall, and its caller unpacks precision, recall, F1. So "precision"
/// is the F1, "recall" the precision, and "f1" the **recall**.
pub fn open_published(answer: &str, reference: &str) -> Option<Overlap> {
    let right = open_corrected(answer, reference)?;
    Some(Overlap {
        precision: right.f1,
        recall: right.precision,
        f1: right.recall,
    })
}

/// The same numbers under their right names: overlap of the sets of words, in lower case and otherwise as they are.
/// `None` as for [`open_published`].
pub fn open_corrected(answer: &str, reference: &str) -> Option<Overlap> {
    let (answer, reference) = (answer.to_lowercase(), reference.to_lowercase());
    let answer: BTreeSet<&str> = words(&answer).into_iter().collect();
    let reference: BTreeSet<&str> = words(&reference).into_iter().collect();
    if answer.is_empty() || reference.is_empty() {
        return None;
    }
    let common = answer.intersection(&reference).count() as f64;
    Some(Overlap::new(
        common / answer.len() as f64,
        common / reference.len() as f64,
    ))
}

/// A yes-or-no question as published: exactly one of `yes` and `no` is somewhere in the answer, and the reference is
/// too.
///
/// The fault: they are looked for inside words. `Yes, it is abnormal` contains a `no` as well, so it is wrong against
/// `yes`.
pub fn closed_published(answer: &str, reference: &str) -> bool {
    let answer = answer.to_lowercase().replace(['\n', '.'], "");
    (answer.contains("yes") != answer.contains("no")) && answer.contains(&reference.to_lowercase())
}

/// The same question read word by word ([`llava_med::closed_corrected`]).
pub fn closed_corrected(answer: &str, reference: &str) -> bool {
    llava_med::closed_corrected(answer, reference)
}

/// The tokens of its BLEU: lower case, full stops apart, split at each single blank, so that two blanks make an empty
/// token.
pub fn bleu_tokens(text: &str) -> Vec<String> {
    text.to_lowercase()
        .replace('.', " .")
        .split(' ')
        .map(str::to_owned)
        .collect()
}
