//! The opposite of an answer, word by word.

/// Words of which an image shows one only.
const PAIRS: [(&str, &str); 5] = [
    ("yes", "no"),
    ("left", "right"),
    ("upper", "lower"),
    ("normal", "abnormal"),
    ("present", "absent"),
];

/// The word's opposite, with the same first letter in upper case.
fn of_word(word: &str) -> Option<String> {
    let lower = word.to_lowercase();
    let other = PAIRS.iter().find_map(|(a, b)| match lower.as_str() {
        w if w == *a => Some(*b),
        w if w == *b => Some(*a),
        _ => None,
    })?;
    Some(like(word, other))
}

/// `other` with a first letter in upper case if `word` has one.
pub(super) fn like(word: &str, other: &str) -> String {
    let mut letters = other.chars();
    match (word.chars().next(), letters.next()) {
        (Some(first), Some(letter)) if first.is_uppercase() => {
            letter.to_uppercase().chain(letters).collect()
        }
        _ => other.to_string(),
    }
}

/// Whether a word may be an answer with this text after it: `no` is none in "no nodule".
pub(super) fn is_answer(word: &str, after: &str) -> bool {
    let closed = matches!(word.to_lowercase().as_str(), "yes" | "no");
    let goes_on = after.starts_with([' ', '-'])
        && after
            .trim_start_matches([' ', '-'])
            .starts_with(char::is_alphanumeric);
    !closed || !goes_on
}

/// `text` with every word replaced for which `change`, which is also told what comes after it, has another, and how many were.
pub(super) fn with_words(
    text: &str,
    change: impl Fn(&str, &str) -> Option<String>,
) -> (String, usize) {
    let (mut out, mut changed, mut rest) = (String::with_capacity(text.len()), 0, text);
    while let Some(start) = rest.find(char::is_alphanumeric) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c: char| !c.is_alphanumeric());
        let (word, after) = from.split_at(end.unwrap_or(from.len()));
        out.push_str(before);
        match change(word, after) {
            Some(other) => {
                out.push_str(&other);
                changed += 1;
            }
            None => out.push_str(word),
        }
        rest = after;
    }
    out.push_str(rest);
    (out, changed)
}

/// The answer with left for right, yes for no and the like; `None` if it has no such word. `no` is an answer only where it stands first:
/// "no fracture" has no opposite that could be made by changing a word.
pub fn opposite(answer: &str) -> Option<String> {
    let words = rounds_assistant::comparable(answer);
    let is_short = !words.contains(' ');
    let (other, changed) = with_words(answer, |word, _| {
        let closed = matches!(word.to_lowercase().as_str(), "yes" | "no");
        of_word(word).filter(|_| is_short || !closed)
    });
    // Both sides of a pair, as in "left and right lung", would only change their order.
    let both = PAIRS.iter().any(|(a, b)| {
        let has = |wanted: &str| words.split(' ').any(|word| word == wanted);
        has(a) && has(b)
    });
    (changed > 0 && !both).then_some(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_with_an_opposite_get_it_and_others_do_not() {
        for (answer, wanted) in [
            ("yes", Some("no")),
            ("No.", Some("Yes.")),
            ("Left lung", Some("Right lung")),
            ("right upper lobe", Some("left lower lobe")),
            ("abnormal", Some("normal")),
            ("no fracture", None),
            ("left and right lung", None),
            ("bright", None),
            ("pneumonia", None),
            ("", None),
        ] {
            assert_eq!(opposite(answer).as_deref(), wanted, "{answer}");
        }
    }
}
