//! Makes untrusted text safe to put on a terminal.
//!
//! Model tokens, questions and answers of shots, file names, metadata and error messages may contain escape sequences that
//! write to the clipboard, move the cursor or hide text. They are sanitised once, here, where they enter the program. Every
//! removed sequence is replaced by one [`MARKER`], so that a reader sees something was removed; its payload is never shown.
//! Never print text that was not sanitised, and never add a way around it.

use unicode_width::UnicodeWidthChar;

/// Replaces each removed character or sequence.
pub const MARKER: char = '\u{FFFD}';

/// Maximum number of parameter characters in a control sequence.
const MAX_CONTROL_CHARS: usize = 256;
/// Maximum payload of an OSC, DCS, APC, PM or SOS string, in characters.
const MAX_STRING_CHARS: usize = 4096;

/// Maximum number of zero-width marks (accents, vowel signs) on one character; more would only hide their surroundings.
const MAX_MARKS: usize = 8;

/// Sanitises multi-line text: newlines stay, CRLF and a lone CR become a newline, a tab becomes a space.
/// `clean(&clean(x)) == clean(x)`.
pub fn clean(text: &str) -> String {
    let mut stream = Stream::new();
    let mut cleaned = stream.push(text);
    cleaned.push_str(&stream.finish());
    cleaned
}

/// Sanitises text that must stay on one line: like [`clean`], then each newline becomes a space.
pub fn clean_line(text: &str) -> String {
    clean(text).replace('\n', " ")
}

/// Like [`clean_line`], truncated to at most `max_chars` characters; truncated text ends with an ellipsis.
pub fn clean_line_max(text: &str, max_chars: usize) -> String {
    let line = clean_line(text);
    if line.chars().count() <= max_chars {
        return line;
    }
    if max_chars == 0 {
        return String::new();
    }
    let head: String = line.chars().take(max_chars - 1).collect();
    let mut cut = head.trim_end_matches(is_joiner).to_owned();
    cut.push('…');
    cut
}

/// Whether `character` never appears in sanitised text, in any context.
pub fn is_forbidden(character: char) -> bool {
    match character {
        '\n' => false,
        '\u{200C}' | '\u{200D}' => false,
        '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' => true,
        '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' => true,
        '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' => true,
        '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' => true,
        '\u{E0000}'..='\u{E007F}' => true,
        _ => false,
    }
}

/// Zero-width (non-)joiners: needed in some scripts and in emoji, but suspicious next to Latin letters.
fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200C}' | '\u{200D}')
}

/// Whether a joiner is allowed next to `character`.
fn may_join(character: char) -> bool {
    !character.is_ascii()
        && character != MARKER
        && !is_joiner(character)
        && !is_forbidden(character)
}

/// The parser state within an escape sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    #[default]
    Ground,
    /// After ESC.
    Escape,
    /// After ESC and at least one intermediate byte.
    Intermediate,
    /// In the parameters of a control sequence; counts its characters.
    Control(usize),
    /// In the payload of a string sequence, which is buffered.
    Text { bell_ends: bool, escape_seen: bool },
}

/// Sanitises text that arrives in chunks. However it is split, the joined outputs equal [`clean`] of the whole text.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    state: State,
    /// Payload of an unfinished string sequence; emitted as text if it turns out not to be one.
    held: String,
    held_chars: usize,
    /// A joiner waiting for the character after it.
    joiner: Option<char>,
    last: Option<char>,
    /// Number of zero-width marks on the last character.
    marks: usize,
    after_carriage_return: bool,
}

impl Stream {
    /// A stream at the start of a text.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next chunk and returns the text that is safe to show; an unfinished sequence is held back.
    pub fn push(&mut self, chunk: &str) -> String {
        let mut out = String::with_capacity(chunk.len());
        for character in chunk.chars() {
            self.step(character, &mut out);
        }
        out
    }

    /// Ends the text: returns what was held back and resets the stream.
    pub fn finish(&mut self) -> String {
        let mut out = String::new();
        if matches!(self.state, State::Text { .. }) {
            self.release(&mut out);
        }
        if self.joiner.take().is_some() {
            out.push(MARKER);
        }
        *self = Self::default();
        out
    }

    fn step(&mut self, character: char, out: &mut String) {
        match self.state {
            State::Ground => self.ground(character, out),
            State::Text {
                bell_ends,
                escape_seen,
            } => self.text(character, bell_ends, escape_seen, out),
            // CAN and SUB cancel a sequence.
            _ if matches!(character, '\u{18}' | '\u{1A}') => self.state = State::Ground,
            State::Escape => match character {
                '\u{1B}' => {}
                '[' => self.state = State::Control(0),
                ']' => self.enter_text(true),
                'P' | 'X' | '^' | '_' => self.enter_text(false),
                ' '..='/' => self.state = State::Intermediate,
                '0'..='~' => self.state = State::Ground,
                _ => self.resume(character, out),
            },
            State::Intermediate => match character {
                ' '..='/' => {}
                '0'..='~' => self.state = State::Ground,
                _ => self.resume(character, out),
            },
            State::Control(length) => match character {
                ' '..='?' if length < MAX_CONTROL_CHARS => self.state = State::Control(length + 1),
                '@'..='~' => self.state = State::Ground,
                _ => self.resume(character, out),
            },
        }
    }

    /// The sequence was aborted before `character`, which is ordinary text.
    fn resume(&mut self, character: char, out: &mut String) {
        self.state = State::Ground;
        self.ground(character, out);
    }

    fn enter_text(&mut self, bell_ends: bool) {
        self.state = State::Text {
            bell_ends,
            escape_seen: false,
        };
        self.held.clear();
        self.held_chars = 0;
    }

    fn text(&mut self, character: char, bell_ends: bool, escape_seen: bool, out: &mut String) {
        match character {
            '\\' if escape_seen => self.drop_held(State::Ground),
            _ if escape_seen => {
                // ESC without a backslash cancels the string and starts a new sequence.
                self.drop_held(State::Ground);
                self.ground('\u{1B}', out);
                self.step(character, out);
            }
            '\u{1B}' => {
                self.state = State::Text {
                    bell_ends,
                    escape_seen: true,
                }
            }
            '\u{9C}' | '\u{18}' | '\u{1A}' => self.drop_held(State::Ground),
            '\u{7}' if bell_ends => self.drop_held(State::Ground),
            '\u{80}'..='\u{9F}' => {
                self.drop_held(State::Ground);
                self.ground(character, out);
            }
            // A line break or too long a payload: this is text after a stray introducer, which must not swallow it.
            _ if self.held_chars >= MAX_STRING_CHARS || matches!(character, '\n' | '\r') => {
                self.release(out);
                self.ground(character, out);
            }
            _ => {
                self.held.push(character);
                self.held_chars += 1;
            }
        }
    }

    fn drop_held(&mut self, next: State) {
        self.held.clear();
        self.held_chars = 0;
        self.state = next;
    }

    /// Emits the buffered payload as text. It contains no introducer, so this cannot recurse.
    fn release(&mut self, out: &mut String) {
        let held = std::mem::take(&mut self.held);
        self.drop_held(State::Ground);
        for character in held.chars() {
            self.ground(character, out);
        }
    }

    fn ground(&mut self, character: char, out: &mut String) {
        if let Some(joiner) = self.joiner.take() {
            let kept = if may_join(character) { joiner } else { MARKER };
            self.emit(kept, out);
        }
        if std::mem::take(&mut self.after_carriage_return) && character == '\n' {
            return;
        }
        match character {
            '\n' | '\u{2028}' | '\u{2029}' => self.emit('\n', out),
            '\r' => {
                self.after_carriage_return = true;
                self.emit('\n', out);
            }
            '\t' => self.emit(' ', out),
            '\u{200C}' | '\u{200D}' if self.last.is_some_and(may_join) => {
                self.joiner = Some(character)
            }
            '\u{200C}' | '\u{200D}' => self.emit(MARKER, out),
            _ if is_forbidden(character) => {
                self.emit(MARKER, out);
                match character {
                    '\u{1B}' => self.state = State::Escape,
                    '\u{9B}' => self.state = State::Control(0),
                    '\u{9D}' => self.enter_text(true),
                    '\u{90}' | '\u{98}' | '\u{9E}' | '\u{9F}' => self.enter_text(false),
                    _ => {}
                }
            }
            _ => self.emit(character, out),
        }
    }

    fn emit(&mut self, character: char, out: &mut String) {
        self.marks = match character.width() {
            Some(0) => self.marks.saturating_add(1),
            _ => 0,
        };
        let kept = match self.marks {
            ..=MAX_MARKS => character,
            // One marker for all excess marks.
            marks if marks == MAX_MARKS + 1 => MARKER,
            _ => return,
        };
        self.last = Some(kept);
        out.push(kept);
    }
}

#[cfg(test)]
#[path = "sanitise_tests.rs"]
mod tests;
