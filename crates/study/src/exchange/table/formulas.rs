//! Cells that a spreadsheet would take for formulas.
//!
//! Text that begins like a formula is written with an apostrophe before it, which spreadsheets take for "this is text", and
//! read back without. Text that begins with apostrophes itself gets one more, so nothing is lost.

use std::borrow::Cow;

/// The characters with which a formula can begin.
const BEGINNINGS: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];

/// Whether `text` is a formula, perhaps with apostrophes before it.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(BEGINNINGS)
}

/// `text` as a cell that is only text.
pub(super) fn guarded(text: &str) -> Cow<'_, str> {
    match is_formula(text) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

/// The text of a cell.
pub(super) fn unguarded(cell: &str) -> &str {
    let inside = cell.strip_prefix('\'').filter(|text| is_formula(text));
    inside.unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_guarded_and_every_text_comes_back() {
        for text in ["=1+1", "+3 mm", "-5", "@x", "'=1", "''-2", "\t=1"] {
            assert!(guarded(text).starts_with('\''), "{text}");
            assert_eq!(unguarded(&guarded(text)), text);
        }
        for text in ["", "'", "a=b", "5-6", "'quoted'", "[1]", "–5"] {
            assert_eq!(guarded(text), text);
            assert_eq!(unguarded(text), text);
        }
    }
}
