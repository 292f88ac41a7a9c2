//! Wraps and cuts text by display width, not by bytes.

use std::ops::Range;

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Byte ranges of the lines of `text` wrapped to `width` columns, between words if possible. Line breaks belong to no line;
/// blanks at a wrap stay at the end of the line.
pub fn break_lines(text: &str, width: usize) -> Vec<Range<usize>> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut start = 0;
    for paragraph in text.split('\n') {
        let mut line = start;
        let mut used = 0;
        // The last position where the line may be broken, and its width up to there.
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

/// The wrapped lines of `text` in one style, indented by `indent` blanks.
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

/// `text` truncated to `width` columns, with an ellipsis if anything was cut.
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

/// The width of a text in columns.
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
    fn lines_are_broken_between_words() {
        assert_eq!(lines("is there a nodule", 8), ["is there ", "a nodule"]);
        assert_eq!(lines("a\n\nb", 5), ["a", "", "b"]);
        assert_eq!(lines("", 5), [""]);
    }

    #[test]
    fn long_words_are_broken_without_splitting_wide_characters() {
        assert_eq!(lines("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(lines("結節影", 4), ["結節", "影"]);
        assert_eq!(lines("結", 1), ["結"]);
        assert_eq!(lines("anything", 0).len(), 8);
    }

    #[test]
    fn no_line_exceeds_the_width_except_for_trailing_blanks() {
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
    fn cut_text_fits_and_ends_with_an_ellipsis() {
        assert_eq!(cut("nodule", 6), "nodule");
        assert_eq!(cut("nodules", 6), "nodul…");
        assert_eq!(cut("結節影", 4), "結…");
        assert_eq!(cut("x", 0), "");
    }
}
