//! Escapes text for HTML and Markdown.
//!
//! All text of a session passes through here into either format. Never put raw text into an export, not even a number that
//! came from JSON.

use std::fmt::Write as _;

/// Escapes text for HTML content and quoted attributes.
pub(super) fn html(text: &str) -> String {
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

/// Escapes text as one line of Markdown (CommonMark with GitHub's additions) without markup, links or HTML.
pub(super) fn markdown(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut out = String::with_capacity(line.len());
    for (position, character) in line.char_indices() {
        let (before, after) = line.split_at_checked(position).unwrap_or(("", ""));
        let special = match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' | '@' | '!' => {
                true
            }
            // At the beginning of a line these start headings, lists and rules.
            '#' | '+' | '-' | '=' | ':' | '(' => before.is_empty(),
            // `1.` and `1)` start a list; `www.` starts a link.
            '.' | ')' => {
                let number = !before.is_empty() && before.bytes().all(|byte| byte.is_ascii_digit());
                let ends = matches!(after.chars().nth(1), None | Some(' '));
                (number && ends) || before.to_ascii_lowercase().ends_with("www")
            }
            _ => false,
        };
        // GitHub turns `https://` into a link.
        if special || (character == ':' && after.starts_with("://")) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// Escapes text of several lines as a Markdown block quote followed by an empty line.
pub(super) fn markdown_quote(text: &str) -> String {
    let mut out = String::new();
    let lines: Vec<String> = text.lines().map(markdown).collect();
    for (position, line) in lines.iter().enumerate() {
        let next = position.checked_add(1).and_then(|next| lines.get(next));
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
