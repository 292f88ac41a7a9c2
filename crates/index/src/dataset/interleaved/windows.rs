//! Cuts the pieces of a document into windows of a few images and the text around them.

use super::Piece;
use crate::IMAGE_PLACEHOLDER;
use crate::dataset::ImageSource;

/// Most images of a window.
pub(super) const MAX_IMAGES: usize = 5;
/// Most characters of question and answer together.
pub(super) const MAX_CHARACTERS: usize = 2000;
/// Most images of a document; this bounds memory, because windows may repeat text.
const MAX_DOCUMENT_IMAGES: usize = 4096;

/// A window of a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Window {
    pub(super) images: Vec<ImageSource>,
    /// Text with a placeholder for each image, in order.
    pub(super) question: String,
    pub(super) answer: String,
    /// Whether text was cut to fit the window.
    pub(super) cut: bool,
}

/// Consecutive images and the text after them.
#[derive(Default)]
struct Unit {
    images: Vec<ImageSource>,
    text: String,
}

/// Errors if a document has too many images.
pub(super) fn check(images: usize) -> Result<(), String> {
    match images > MAX_DOCUMENT_IMAGES {
        true => Err(format!(
            "{images} images in one document; the limit is {MAX_DOCUMENT_IMAGES}, so split the document"
        )),
        false => Ok(()),
    }
}

/// The windows of a document. Errors if there is no image, too many images, or no text.
pub(super) fn cut(pieces: Vec<Piece>) -> Result<Vec<Window>, String> {
    let images = pieces.iter().filter(|p| matches!(p, Piece::Image(_)));
    check(images.count())?;
    let (lead, units) = units(pieces);
    if units.is_empty() {
        return Err("there is no image in the document".to_owned());
    }
    let mut windows = Vec::new();
    let mut lead = lead;
    let mut open: Vec<Unit> = Vec::new();
    for unit in units {
        if !open.is_empty() && !fits(&lead, &open, &unit) {
            windows.push(close(std::mem::take(&mut lead), std::mem::take(&mut open)));
        }
        open.push(unit);
    }
    windows.push(close(lead, open));
    // Images at the end without text share the previous answer.
    let last = windows
        .last()
        .is_some_and(|window| window.answer.is_empty());
    if last && windows.len() > 1 {
        let previous = windows
            .iter()
            .rev()
            .nth(1)
            .map(|window| window.answer.clone());
        if let (Some(previous), Some(last)) = (previous, windows.last_mut()) {
            last.answer = previous;
        }
    }
    match windows.iter().any(|window| !window.answer.is_empty()) {
        true => Ok(windows),
        false => Err("there is no text with the images".to_owned()),
    }
}

/// The text before the first image, and the units after it; no unit has more images than a window.
fn units(pieces: Vec<Piece>) -> (String, Vec<Unit>) {
    let mut lead = String::new();
    let mut units: Vec<Unit> = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) if text.trim().is_empty() => {}
            Piece::Text(text) => {
                let target = units.last_mut().map_or(&mut lead, |unit| &mut unit.text);
                if !target.is_empty() {
                    target.push('\n');
                }
                target.push_str(text.trim());
            }
            Piece::Image(image) => match units.last_mut() {
                Some(unit) if unit.text.is_empty() && unit.images.len() < MAX_IMAGES => {
                    unit.images.push(image);
                }
                _ => units.push(Unit {
                    images: vec![image],
                    text: String::new(),
                }),
            },
        }
    }
    // A long run of images becomes several units that share the text after it. Copy at most what fits a window, plus one
    // character to tell whether it was cut.
    let mut following = String::new();
    for unit in units.iter_mut().rev() {
        if unit.text.is_empty() {
            unit.text.clone_from(&following);
        } else {
            following = unit.text.chars().take(MAX_CHARACTERS + 1).collect();
        }
    }
    (lead, units)
}

fn fits(lead: &str, open: &[Unit], next: &Unit) -> bool {
    let images = open.iter().map(|unit| unit.images.len()).sum::<usize>();
    let texts = open.iter().chain([next]).map(|unit| length(&unit.text));
    let characters = texts.fold(length(lead), usize::saturating_add);
    images.saturating_add(next.images.len()) <= MAX_IMAGES && characters <= MAX_CHARACTERS
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// Makes a window: the text after the last image is the answer, or else the text before the images.
fn close(lead: String, units: Vec<Unit>) -> Window {
    let mut window = Window::default();
    let (mut lead, mut before) = (lead, units);
    let mut last = before.pop().unwrap_or_default();
    if last.text.is_empty() {
        let text = match before.last_mut() {
            Some(unit) if lead.is_empty() => &mut unit.text,
            _ => &mut lead,
        };
        last.text = std::mem::take(text);
    }
    window.answer = shorten(&last.text, MAX_CHARACTERS, &mut window.cut);
    let mut left = MAX_CHARACTERS.saturating_sub(length(&window.answer));
    // Text near the images matters most, so the lead is cut at its start.
    let between = before
        .iter()
        .map(|unit| length(&unit.text))
        .fold(0, usize::saturating_add);
    left = left.saturating_sub(between);
    let lead = keep_end(&lead, left, &mut window.cut);
    window.question.push_str(&lead);
    let unit_last = Unit {
        images: last.images,
        text: String::new(),
    };
    for unit in before.into_iter().chain([unit_last]) {
        for image in unit.images {
            if !window.question.is_empty() {
                window.question.push(' ');
            }
            window.question.push(IMAGE_PLACEHOLDER);
            window.images.push(image);
        }
        if !unit.text.is_empty() {
            window.question.push(' ');
            window.question.push_str(&unit.text);
        }
    }
    window
}

/// The start of a text, cut after a sentence or word if it is too long.
fn shorten(text: &str, max: usize, cut: &mut bool) -> String {
    let Some((end, _)) = text.char_indices().nth(max) else {
        return text.to_owned();
    };
    *cut = true;
    let head = text.get(..end).unwrap_or_default();
    let sentence = head.rfind(". ").map(|position| position.saturating_add(1));
    let word = head.rfind(char::is_whitespace);
    let half = end / 2;
    let position = sentence
        .filter(|position| *position > half)
        .or(word)
        .filter(|position| *position > half);
    head.get(..position.unwrap_or(end))
        .unwrap_or(head)
        .trim()
        .to_owned()
}

/// The end of a text, cut before a word if it is too long.
fn keep_end(text: &str, max: usize, cut: &mut bool) -> String {
    let skip = length(text).saturating_sub(max);
    if skip == 0 {
        return text.to_owned();
    }
    *cut = true;
    let tail: String = text.chars().skip(skip).collect();
    let word = tail
        .split_once(char::is_whitespace)
        .map_or("", |(_, rest)| rest);
    word.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(name: &str) -> Piece {
        Piece::Image(ImageSource::Bytes {
            name: name.to_owned(),
            bytes: vec![1],
        })
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    #[test]
    fn the_text_after_the_last_image_is_the_answer() {
        let pieces = vec![
            text("A film."),
            image("a"),
            text("And a CT:"),
            image("b"),
            text("A nodule."),
        ];
        let windows = cut(pieces).unwrap();
        assert_eq!(windows.len(), 1);
        assert_eq!(windows[0].question, "A film. \u{FFFC} And a CT: \u{FFFC}");
        assert_eq!(windows[0].answer, "A nodule.");
        assert_eq!(windows[0].images.len(), 2);
    }

    #[test]
    fn without_following_text_the_text_before_the_images_is_the_answer() {
        let windows = cut(vec![text("Two films."), image("a"), image("b")]).unwrap();
        assert_eq!(windows[0].question, "\u{FFFC} \u{FFFC}");
        assert_eq!(windows[0].answer, "Two films.");
        let windows = cut(vec![image("a"), text("A film."), image("b")]).unwrap();
        assert_eq!(windows[0].answer, "A film.");
        assert!(cut(vec![image("a")]).is_err());
        assert!(cut(vec![text("no image")]).is_err());
    }

    #[test]
    fn a_long_run_of_images_shares_the_text_after_it() {
        let images = |count: usize| (0..count).map(|number| image(&number.to_string()));
        let pieces: Vec<Piece> = images(12)
            .chain([text(&"Much. ".repeat(100_000))])
            .collect();
        let windows = cut(pieces).unwrap();
        assert_eq!(windows.len(), 3);
        for window in &windows {
            assert!(window.cut && window.answer == windows[2].answer);
        }
        let pieces: Vec<Piece> = images(MAX_DOCUMENT_IMAGES + 1)
            .chain([text("Much.")])
            .collect();
        assert!(cut(pieces).unwrap_err().contains("4097 images"));
    }

    #[test]
    fn windows_respect_their_limits_and_no_image_is_lost() {
        let mut pieces = vec![text(&"lead ".repeat(600))];
        for number in 0..23 {
            pieces.push(image(&number.to_string()));
            if number % 3 == 0 && number != 9 {
                pieces.push(text(&"Words of it. ".repeat(number * 9 + 1)));
            }
        }
        let windows = cut(pieces).unwrap();
        assert_eq!(
            windows
                .iter()
                .map(|window| window.images.len())
                .sum::<usize>(),
            23
        );
        for window in &windows {
            let places = window.question.matches(IMAGE_PLACEHOLDER).count();
            assert_eq!(places, window.images.len());
            assert!(places <= MAX_IMAGES);
            let text = window
                .question
                .replace(IMAGE_PLACEHOLDER, "")
                .replace("  ", " ");
            assert!(length(&text) + length(&window.answer) <= MAX_CHARACTERS + 12);
            assert!(!window.answer.is_empty());
        }
        assert!(windows[0].cut);
    }
}
