//! Finds image placeholders in a text: `<image>`, `<image:path>`, and `![…](path)` of Markdown.

use crate::IMAGE_PLACEHOLDER;
use crate::dataset::ImageSource;

/// Longest placeholder in bytes, including name and Markdown alt text.
const MAX_PLACEHOLDER_BYTES: usize = 4096;

/// A piece of a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Image(ImageSource),
}

/// A piece of a text before its images are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    /// Name of the image; empty if it is the next one of a list.
    Placeholder(String),
}

/// Splits `text` into parts, without empty texts.
pub(super) fn read(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(['<', '!']) {
        let (before, from) = rest.split_at(start);
        plain.push_str(before);
        if let Some((name, after)) = placeholder(from) {
            flush(&mut plain, &mut parts);
            parts.push(Part::Placeholder(name.to_owned()));
            rest = after;
        } else {
            let mut characters = from.chars();
            plain.extend(characters.next());
            rest = characters.as_str();
        }
    }
    plain.push_str(rest);
    flush(&mut plain, &mut parts);
    parts
}

fn flush(plain: &mut String, parts: &mut Vec<Part>) {
    let text = plain.replace(IMAGE_PLACEHOLDER, " ");
    if !text.trim().is_empty() {
        parts.push(Part::Text(text.trim().to_owned()));
    }
    plain.clear();
}

/// The placeholder at the start of `text`: its name, and the rest of the text.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    // Limit the search: a text with many unclosed placeholders would otherwise take quadratic time.
    let start = text.get(..text.floor_char_boundary(MAX_PLACEHOLDER_BYTES))?;
    let (name, after) = placeholder_in(start)?;
    Some((name, text.get(start.len().checked_sub(after.len())?..)?))
}

fn placeholder_in(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_prefix("<image>") {
        return Some(("", rest));
    }
    if let Some(rest) = text.strip_prefix("<image:") {
        return named(rest, '>');
    }
    let rest = text.strip_prefix("![")?;
    let line = rest.split('\n').next()?;
    let end = line.find("](")?;
    let (name, rest) = named(rest.get(end.checked_add(2)?..)?, ')')?;
    // `![alt](path "title")`
    let path = name.split(" \"").next().unwrap_or(name).trim();
    (!path.is_empty()).then_some((path, rest))
}

/// A name on one line up to `end`, and the rest of the text.
fn named(text: &str, end: char) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once(end)?;
    let name_ends = !name.contains('\n') && !name.trim().is_empty();
    name_ends.then(|| (name.trim(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_and_lookalikes_stay_text() {
        let text = |text: &str| Part::Text(text.to_owned());
        let placeholder = |name: &str| Part::Placeholder(name.to_owned());
        assert_eq!(
            read("One <image> two <image: a b.png>![x](c.png \"t\") three"),
            [
                text("One"),
                placeholder(""),
                text("two"),
                placeholder("a b.png"),
                placeholder("c.png"),
                text("three")
            ]
        );
        assert_eq!(read("a < b, <b>! ![x] (y)"), [text("a < b, <b>! ![x] (y)")]);
        assert_eq!(read("\u{FFFC}<image"), [text("<image")]);
        assert_eq!(read(""), []);
    }

    #[test]
    fn unclosed_placeholders_take_linear_time() {
        let started = std::time::Instant::now();
        for beginning in ["<image:", "![", "![]("] {
            let text = beginning.repeat(400_000);
            assert_eq!(read(&text), [Part::Text(text)]);
        }
        assert!(started.elapsed() < std::time::Duration::from_secs(60));
    }

    #[test]
    fn a_placeholder_has_a_maximum_length() {
        let long = format!("![{}](a.png) b", "ä".repeat(3000));
        assert_eq!(read(&long), [Part::Text(long.clone())]);
        let short = format!("![{}](a.png) b", "ä".repeat(2000));
        assert_eq!(
            read(&short),
            [
                Part::Placeholder("a.png".to_owned()),
                Part::Text("b".to_owned())
            ]
        );
    }
}
