//! Text for HTML and Markdown, so that it is read as the text it is.
//!
//! Every piece of a session passes here on its way into either format. Never join raw text into an export, not even a number
//! that came out of JSON.

use std::fmt::Write as _;

/// For HTML, in text and in quoted attributes.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// For Markdown (CommonMark with GitHub's additions), on one line: nothing in it is markup, a link or HTML.
pub fn markdown(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut out = String::with_capacity(line.len());
    for (place, character) in line.char_indices() {
        let (before, after) = line.split_at_checked(place).unwrap_or(("", ""));
        let special = match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' | '@' | '!' => {
                true
            }
            // A line's beginning makes headings, lists and rules.
            '#' | '+' | '-' | '=' | ':' | '(' => before.is_empty(),
            // `1.` and `1)` begin a list; `www.` begins a link.
            '.' | ')' => {
                let number = !before.is_empty() && before.bytes().all(|byte| byte.is_ascii_digit());
                let ends = matches!(after.chars().nth(1), None | Some(' '));
                (number && ends) || before.to_ascii_lowercase().ends_with("www")
            }
            _ => false,
        };
        // `https://` becomes a link by itself.
        if special || (character == ':' && after.starts_with("://")) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// A text of many lines as a Markdown block quote that ends with an empty line.
pub fn markdown_quote(text: &str) -> String {
    let mut out = String::new();
    let lines: Vec<String> = text.lines().map(markdown).collect();
    for (place, line) in lines.iter().enumerate() {
        let next = place.checked_add(1).and_then(|next| lines.get(next));
        // A backslash keeps the line break.
        let breaks = !line.is_empty() && next.is_some_and(|next| !next.is_empty());
        let _ = writeln!(out, "> {line}{}", if breaks { "\\" } else { "" });
    }
    if out.is_empty() {
        out.push_str(">\n");
    }
    out.push('\n');
    out
}
