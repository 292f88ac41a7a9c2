//! Fuzzy matching for completions and lists: letters in order; matches near the start and close together rank first.

/// How well `pattern` matches `text`; `None` if it does not. Higher is better.
pub fn score(pattern: &str, text: &str) -> Option<i64> {
    let mut total = 0;
    let mut letters = text.char_indices().map(|(at, c)| (at, lower(c)));
    let mut last: Option<usize> = None;
    for wanted in pattern.chars().filter(|c| !c.is_whitespace()).map(lower) {
        let (at, _) = letters.find(|(_, letter)| *letter == wanted)?;
        total += match last {
            Some(before) if at == before + 1 => 8,
            None if at == 0 => 10,
            _ if starts_word(text, at) => 6,
            _ => 1,
        };
        last = Some(at);
    }
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX / 2);
    Some(total * 16 - length.min(255))
}

/// Whether a text contains every word of `words`, in any case.
pub fn has_words(text: &str, words: &str) -> bool {
    let text = text.to_lowercase();
    words
        .split_whitespace()
        .all(|word| text.contains(&word.to_lowercase()))
}

fn lower(character: char) -> char {
    character.to_lowercase().next().unwrap_or(character)
}

fn starts_word(text: &str, at: usize) -> bool {
    let before = text.get(..at).and_then(|head| head.chars().next_back());
    before.is_none_or(|c| !c.is_alphanumeric())
}

/// The matching items, best first; for an empty pattern all items in their order.
pub fn sorted<'a, T>(pattern: &str, items: &'a [T], text: impl Fn(&T) -> &str) -> Vec<&'a T> {
    let mut found: Vec<(i64, &T)> = items
        .iter()
        .filter_map(|item| Some((score(pattern, text(item))?, item)))
        .collect();
    if !pattern.trim().is_empty() {
        found.sort_by_key(|(score, _)| -score);
    }
    found.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_order_match_and_prefixes_come_first() {
        let names = ["/detach", "/attach", "/strategy", "/cases"];
        assert_eq!(sorted("att", &names, |n| n)[0], &"/attach");
        assert_eq!(sorted("str", &names, |n| n), [&"/strategy"]);
        assert_eq!(sorted("", &names, |n| n).len(), 4);
        assert!(sorted("xyz", &names, |n| n).is_empty());
    }
}
