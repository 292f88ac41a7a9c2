//! HTML of a card's fields to plain text, and back.
//!
//! Tags are dropped, line breaks kept, images listed by their names; the content of scripts and styles is never text. This is a
//! reader of fields, not of web pages: what is not a tag stays as it is, as in `pO2 < 60`. Work grows with the length only.

use rounds_support::sanitise;

use super::entities;

/// What a field says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plain {
    /// Sanitised text with line breaks, trimmed.
    pub(super) text: String,
    /// Sources of its images in order. Untrusted: only to look up, never to open.
    pub(super) images: Vec<String>,
    /// Whether sound was left out.
    pub(super) sound: bool,
}

/// Elements that stand on lines of their own.
const BLOCKS: [&str; 20] = [
    "address",
    "article",
    "blockquote",
    "dd",
    "div",
    "dl",
    "dt",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "ol",
    "p",
    "pre",
    "table",
    "tr",
    "ul",
];
/// Elements whose content is not text.
const SILENT: [&str; 5] = ["script", "style", "noscript", "template", "title"];

/// The text and the images of `html`.
pub(super) fn to_plain(html: &str) -> Plain {
    // Before entities are decoded: escaped brackets are text.
    let (html, sound) = without_sound(html);
    let mut reader = Reader {
        text: String::with_capacity(html.len()),
        space: false,
        images: Vec::new(),
        quotes: true,
    };
    reader.read(&html);
    Plain {
        text: sanitise::clean(&reader.text).trim().to_owned(),
        images: reader.images,
        sound,
    }
}

struct Reader {
    text: String,
    /// Whether a space is due before the next character.
    space: bool,
    images: Vec<String>,
    /// Whether a `>` in quotes belongs to its tag; given up once a quote is not closed.
    quotes: bool,
}

impl Reader {
    fn read(&mut self, html: &str) {
        let mut rest = html;
        while let Some(at) = rest.find(['<', '&']) {
            let (before, found) = rest.split_at(at);
            self.literal(before);
            rest = if found.starts_with('&') {
                self.entity(found)
            } else {
                self.tag(found)
            };
        }
        self.literal(rest);
    }

    /// Text in which white space is one space.
    fn literal(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                ' ' | '\t' | '\n' | '\r' | '\u{C}' => self.space = true,
                _ => self.character(character),
            }
        }
    }

    fn character(&mut self, character: char) {
        if std::mem::take(&mut self.space) && !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push(' ');
        }
        self.text.push(character);
    }

    fn line_break(&mut self) {
        self.space = false;
        self.text.push('\n');
    }

    /// A line break, unless it is the beginning of a line.
    fn new_line(&mut self) {
        self.space = false;
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// Reads the entity at the start of `text`; the rest is returned.
    fn entity<'a>(&mut self, text: &'a str) -> &'a str {
        match entities::at_start(text) {
            Some((character, rest)) => {
                let visible = if character == '\u{A0}' {
                    ' '
                } else {
                    character
                };
                self.character(visible);
                rest
            }
            None => {
                self.character('&');
                text.get(1..).unwrap_or_default()
            }
        }
    }

    /// Reads the tag at the start of `text`; the rest is returned.
    fn tag<'a>(&mut self, text: &'a str) -> &'a str {
        let after = text.get(1..).unwrap_or_default();
        let is_tag = after.starts_with(|first: char| {
            first.is_ascii_alphabetic() || matches!(first, '/' | '!' | '?')
        });
        if !is_tag {
            self.character('<');
            return after;
        }
        if let Some(comment) = after.strip_prefix("!--") {
            return comment.split_once("-->").map_or("", |(_, rest)| rest);
        }
        let Some((inside, rest)) = self.split_tag(after) else {
            self.literal(text);
            return "";
        };
        let closing = inside.starts_with('/');
        let name: String = inside
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .take(16)
            .collect::<String>()
            .to_ascii_lowercase();
        match name.as_str() {
            "br" => self.line_break(),
            "img" => self.images.extend(attribute(inside, "src")),
            "li" if !closing => {
                self.new_line();
                self.text.push_str("- ");
            }
            // 10<sup>9</sup> must not become 109.
            "sup" if !closing => self.character('^'),
            "td" | "th" => self.space = true,
            silent if SILENT.contains(&silent) && !closing => {
                return after_end(rest, silent);
            }
            block if BLOCKS.contains(&block) => self.new_line(),
            _ => {}
        }
        rest
    }

    /// The inside of a tag, and what follows it; `None` if it does not end.
    fn split_tag<'a>(&mut self, text: &'a str) -> Option<(&'a str, &'a str)> {
        if self.quotes {
            let mut quote = None;
            for (at, byte) in text.bytes().enumerate() {
                match (byte, quote) {
                    (b'>', None) => return Some((text.get(..at)?, text.get(at + 1..)?)),
                    (b'"' | b'\'', None) => quote = Some(byte),
                    (_, Some(open)) if open == byte => quote = None,
                    _ => {}
                }
            }
            self.quotes = false;
        }
        text.split_once('>')
    }
}

/// What follows the end tag of the element `name`; nothing if there is none.
fn after_end<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("</") {
        let is_end = after
            .get(..name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name));
        if is_end {
            return after.split_once('>').map_or("", |(_, rest)| rest);
        }
        rest = after;
    }
    ""
}

/// The decoded value of an attribute inside a tag.
fn attribute(inside: &str, wanted: &str) -> Option<String> {
    let mut rest = inside.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        let end = rest.find(|c: char| c == '=' || c == '/' || c.is_whitespace());
        let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
        if name.is_empty() && after.is_empty() {
            return None;
        }
        let Some(value) = after.trim_start().strip_prefix('=') else {
            rest = after;
            continue;
        };
        let value = value.trim_start();
        let (value, after) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let value = value.get(1..).unwrap_or_default();
                value.split_once(quote).unwrap_or((value, ""))
            }
            _ => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(entities::decode(value));
        }
        rest = after;
    }
}

/// The text without Anki's `[sound:…]`, and whether there was any.
fn without_sound(text: &str) -> (String, bool) {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    let mut found = false;
    while let Some((before, after)) = rest.split_once("[sound:") {
        let Some((_, end)) = after.split_once(']') else {
            break;
        };
        kept.push_str(before);
        rest = end;
        found = true;
    }
    kept.push_str(rest);
    (kept, found)
}

/// Plain text as HTML that [`to_plain`] reads back as it was, up to white space at its ends.
pub(super) fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    let mut after_space = true;
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            // Two braces would open a template or a deletion.
            '{' => html.push_str("&#123;"),
            '}' => html.push_str("&#125;"),
            '\n' => html.push_str("<br>"),
            ' ' if after_space => html.push_str("&nbsp;"),
            // Anki plays what stands in these brackets.
            '[' => html.push_str("&#91;"),
            '\u{1F}' => {}
            other => html.push(other),
        }
        after_space = matches!(character, ' ' | '\n');
    }
    html
}

#[cfg(test)]
#[path = "html_tests.rs"]
mod tests;
