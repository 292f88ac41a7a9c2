//! How PMC-VQA tells which choice a model's text means, and a strict way beside it.
//!
//! The published way compares texts by Python's `difflib.SequenceMatcher`. A prediction of one letter is like every choice that contains the
//! letter, and most like the shortest of them, which need not be the one that it labels. Say which way a figure was made with.

use std::collections::HashMap;

/// `difflib.SequenceMatcher(None, a, b).ratio()`: twice the length of the matching blocks over both lengths, from 0 to 1.
pub fn similarity(a: &str, b: &str) -> f64 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.is_empty() && b.is_empty() {
        return 1.0;
    }
    let mut places: HashMap<char, Vec<usize>> = HashMap::new();
    for (at, letter) in b.iter().enumerate() {
        places.entry(*letter).or_default().push(at);
    }
    // Python ignores letters that make up more than a hundredth of a long text.
    if b.len() >= 200 {
        let most = b.len() / 100 + 1;
        places.retain(|_, at| at.len() <= most);
    }
    let mut matched = 0;
    let mut open = vec![(0..a.len(), 0..b.len())];
    while let Some((in_a, in_b)) = open.pop() {
        let (i, j, length) = longest_match(&a, &b, &places, in_a.clone(), in_b.clone());
        if length > 0 {
            matched += length;
            open.push((in_a.start..i, in_b.start..j));
            open.push((i + length..in_a.end, j + length..in_b.end));
        }
    }
    2.0 * matched as f64 / (a.len() + b.len()) as f64
}

/// Start in `a`, start in `b` and length of the longest matching block in the ranges; of equal ones the first in `a`, then in `b`.
fn longest_match(
    a: &[char],
    b: &[char],
    places: &HashMap<char, Vec<usize>>,
    in_a: std::ops::Range<usize>,
    in_b: std::ops::Range<usize>,
) -> (usize, usize, usize) {
    let (mut i, mut j, mut length) = (in_a.start, in_b.start, 0);
    let mut lengths: HashMap<usize, usize> = HashMap::new();
    for at in in_a.clone() {
        let mut next = HashMap::new();
        let found = places.get(&a[at]).map_or(&[][..], Vec::as_slice);
        for &place in found.iter().filter(|place| in_b.contains(place)) {
            let before = place.checked_sub(1).and_then(|p| lengths.get(&p));
            let run = before.copied().unwrap_or(0) + 1;
            next.insert(place, run);
            if run > length {
                (i, j, length) = (at + 1 - run, place + 1 - run, run);
            }
        }
        lengths = next;
    }
    // Letters that were ignored may extend the block on either side.
    while i > in_a.start && j > in_b.start && a[i - 1] == b[j - 1] {
        (i, j, length) = (i - 1, j - 1, length + 1);
    }
    while i + length < in_a.end && j + length < in_b.end && a[i + length] == b[j + length] {
        length += 1;
    }
    (i, j, length)
}

/// Which of `texts` is most like `target`: the first of the most similar ones; `None` if nothing is alike at all.
pub fn most_similar(texts: &[&str], target: &str) -> Option<usize> {
    let mut best = (None, 0.0);
    for (at, text) in texts.iter().enumerate() {
        let found = similarity(text, target);
        if found > best.1 {
            best = (Some(at), found);
        }
    }
    best.0
}

/// The choice that MedVInT-TD's `decoded` text means as published: the one most like its last character. `decoded` is the most probable
/// token after every position, image included. The published code fails on an empty text; here it means no choice.
pub fn published_choice(choices: &[&str], decoded: &str) -> Option<usize> {
    let last = decoded.chars().last()?;
    most_similar(choices, &last.to_string())
}

/// The choice that a text means strictly: its last character must be the letter of one of `choices`, `A` being the first.
pub fn last_letter(choices: usize, decoded: &str) -> Option<usize> {
    let last = decoded.trim_end().chars().last()?;
    let at = ('A'..='Z').position(|letter| letter == last)?;
    Some(at).filter(|&at| at < choices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_most_like_the_shortest_choice_that_contains_it() {
        let choices = [
            " A: Abdominal CT, axial",
            " B: MRA",
            " C: chest",
            " D: none",
        ];
        assert_eq!(published_choice(&choices, "xxA"), Some(1), "not choice A");
        assert_eq!(last_letter(4, "xxA"), Some(0));
        assert_eq!(published_choice(&choices, "x"), Some(0));
        assert_eq!(published_choice(&choices, "!"), None);
        assert_eq!(published_choice(&choices, ""), None);
        assert_eq!(last_letter(4, "E"), None);
    }
}
