//! Breaking text into lines by what a terminal shows, not by bytes.

use std::ops::Range;

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Byte ranges of the lines of `text` at most `width` columns wide, broken between words where that is possible. A line
/// break belongs to no line; blanks where a line is broken stay at its end.
pub fn break_lines(text: &str, width: usize) -> Vec<Range<usize>> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut start = 0;
    for paragraph in text.split('\n') {
        let mut line = start;
        let mut used = 0;
        // Where the line may be broken, and how wide it is up to there.
        let mut last_break: Option<(usize, usize)> = None;
        for (at, piece) in paragraph.grapheme_indices(true) {
            let at = start + at;
            let wide = piece.width();
            if used + wide > width && used > 0 && piece != " " {
                let (cut, before) = last_break.take().unwrap_or((at, used));
                lines.push(line..cut);
                line = cut;
                used -= before;
            }
            used += wide;
            if piece == " " || piece == "/" {
                last_break = Some((at + piece.len(), used));
            }
        }
        lines.push(line..start + paragraph.len());
        start += paragraph.len() + 1;
    }
    lines
}

/// The lines of `text` in one style, after `indent` blanks.
pub fn wrapped(text: &str, width: u16, indent: usize, style: Style) -> Vec<Line<'static>> {
    let blanks = " ".repeat(indent);
    break_lines(text, usize::from(width).saturating_sub(indent))
        .into_iter()
        .map(|range| {
            let line = text.get(range).unwrap_or_default().trim_end();
            Line::from(vec![
                Span::raw(blanks.clone()),
                Span::styled(line.to_string(), style),
            ])
        })
        .collect()
}

/// `text` cut to `width` columns; a cut is shown by an ellipsis.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_string();
    }
    let mut out = String::new();
    let mut used = 0;
    for piece in text.graphemes(true) {
        used += piece.width();
        if used + 1 > width {
            break;
        }
        out.push_str(piece);
    }
    if width > 0 {
        out.push('…');
    }
    out
}

/// How wide a text is in columns.
pub fn width(text: &str) -> usize {
    text.width()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, width: usize) -> Vec<&str> {
        break_lines(text, width)
            .into_iter()
            .map(|r| &text[r])
            .collect()
    }

    #[test]
    fn words_stay_whole_where_they_fit() {
        assert_eq!(lines("is there a nodule", 8), ["is there ", "a nodule"]);
        assert_eq!(lines("a\n\nb", 5), ["a", "", "b"]);
        assert_eq!(lines("", 5), [""]);
    }

    #[test]
    fn long_words_and_wide_characters_are_broken_where_they_must() {
        assert_eq!(lines("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(lines("結節影", 4), ["結節", "影"]);
        assert_eq!(lines("結", 1), ["結"]);
        assert_eq!(lines("anything", 0).len(), 8);
    }

    #[test]
    fn no_line_is_wider_than_it_may_be_apart_from_blanks_at_its_end() {
        let text = "A 12 mm nodule in the right-upper lobe; 結節影 👩‍⚕️ e\u{301}e\u{301}e\u{301} and/or nothing at all";
        for limit in 2..40 {
            let broken = lines(text, limit);
            assert_eq!(broken.concat(), text);
            assert!(
                broken.iter().all(|l| l.trim_end().width() <= limit),
                "{limit}: {broken:?}"
            );
        }
    }

    #[test]
    fn a_cut_text_fits_and_says_so() {
        assert_eq!(cut("nodule", 6), "nodule");
        assert_eq!(cut("nodules", 6), "nodul…");
        assert_eq!(cut("結節影", 4), "結…");
        assert_eq!(cut("x", 0), "");
    }
}
