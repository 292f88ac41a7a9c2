//! Which option of a multiple-choice question did a model mean?

use crate::difflib::ratio;
use crate::text::{is_space, trimmed};

/// The option that an answer names by its letter (`A` is 0), strictly: `None` rather than a guess.
///
/// In this order: what stands after the last `answer:`, `answer is` or `option` (in any case), then the whole answer,
/// is read as a letter at its beginning, which must stand alone: `A`, `a`, `(A)`, `[A]`, `A)`, `A.`, `A:`, `A,`, `A -
/// chest film`, `**A**`. A letter followed by a word needs a mark in between, because in `A fracture` the `A` is an
/// article. Letters beyond the options do not count.
pub fn letter(answer: &str, options: usize) -> Option<usize> {
    let lower = answer.to_ascii_lowercase();
    let cue = ["answer:", "answer is", "option"]
        .iter()
        .filter_map(|cue| lower.rfind(cue).map(|at| at + cue.len()))
        .max()
        .and_then(|at| answer.get(at..));
    cue.and_then(|rest| leading_letter(rest.trim_start_matches([':', '*', ' ']), options))
        .or_else(|| leading_letter(answer, options))
}

/// How alike two strings are, 0 to 1: `difflib.SequenceMatcher(None, a, b).ratio()` of Python. The order matters.
pub fn likeness(a: &str, b: &str) -> f64 {
    ratio(a, b)
}

/// The option most like an answer, the first of equals; `None` if none is like it at all. As in MedVInT's evaluation
/// and MedEvalKit's (which takes the first option where this is `None`).
pub fn nearest<S: AsRef<str>>(answer: &str, options: &[S]) -> Option<usize> {
    let mut best = (None, 0.0);
    for (index, option) in options.iter().enumerate() {
        let likeness = ratio(option.as_ref(), answer);
        if likeness > best.1 {
            best = (Some(index), likeness);
        }
    }
    best.0
}

/// MedVInT's choice as published: the option nearest to the **last character** of what the model wrote.
///
/// The options carry their letters (` A:Chest`). The fault: a single character is likest to the shortest option that
/// contains it, whichever letter that option has. [`letter`] is the strict reading.
pub fn medvint<S: AsRef<str>>(generated: &str, options: &[S]) -> Option<usize> {
    let last = generated
        .chars()
        .next_back()
        .map(String::from)
        .unwrap_or_default();
    nearest(&last, options)
}

fn leading_letter(text: &str, options: usize) -> Option<usize> {
    let text = trimmed(text).trim_start_matches(['(', '[', '*', '"', '\'', '`']);
    let mut chars = text.chars();
    let index = match chars.next()? {
        c @ 'A'..='Z' => usize::from(c as u8 - b'A'),
        c @ 'a'..='z' => usize::from(c as u8 - b'a'),
        _ => return None,
    };
    if index >= options {
        return None;
    }
    let rest = chars.as_str();
    let after = rest.trim_start_matches(is_space);
    let stands_alone = match after.chars().next() {
        None => true,
        Some(')' | ']' | '.' | ':' | ',' | ';' | '*' | '"' | '`') => true,
        // `A-scan` and `a's` are words; `A - chest` and `'A'` are not.
        Some('-' | '–' | '—' | '\'') => after.len() < rest.len() || after.chars().count() == 1,
        // On the next line there is a new sentence.
        Some(_) => {
            rest.len() > after.len()
                && rest
                    .get(..rest.len() - after.len())
                    .is_some_and(|gap| gap.contains('\n'))
        }
    };
    stands_alone.then_some(index)
}
