//! Makes untrusted text safe to put on a terminal.
//!
//! Model tokens, questions and answers of shots, file names, metadata and error texts may carry escape sequences that
//! write the clipboard, move the cursor or hide words. They are cleaned once, here, where they enter. Every removed
//! sequence leaves one [`MARKER`], so a reader sees that something was there; its payload never shows.
//! Never print text that did not pass here, and never add a way around it.

use unicode_width::UnicodeWidthChar;

/// What stands in the place of each removed character or sequence.
pub const MARKER: char = '\u{FFFD}';

/// Longest run of parameters, in characters, that still counts as one control sequence.
const LONGEST_CONTROL: usize = 256;
/// Longest payload, in characters, that still counts as one OSC, DCS, APC, PM or SOS string.
const LONGEST_STRING: usize = 4096;

/// Most marks without a width of their own (accents, vowel signs) on one character; more only hide what is around them.
const MOST_MARKS: usize = 8;

/// Cleans text of many lines: newlines stay, CRLF and a lone CR become a newline, a tab becomes a space.
/// `clean(&clean(x)) == clean(x)`.
pub fn clean(text: &str) -> String {
    let mut stream = Stream::new();
    let mut cleaned = stream.push(text);
    cleaned.push_str(&stream.finish());
    cleaned
}

/// Cleans text that must stay on one line: as [`clean`], then each newline becomes a space.
pub fn clean_line(text: &str) -> String {
    clean(text).replace('\n', " ")
}

/// As [`clean_line`], cut to at most `max_chars` characters; a cut is shown by a closing ellipsis.
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

/// Whether `character` never appears in cleaned text, whatever stands around it.
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

/// Zero-width (non-)joiners: spelling in some scripts and in emoji, a hiding place next to Latin letters.
fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200C}' | '\u{200D}')
}

/// Whether a joiner may stand next to `character`.
fn may_join(character: char) -> bool {
    !character.is_ascii()
        && character != MARKER
        && !is_joiner(character)
        && !is_forbidden(character)
}

/// Where in an escape sequence the text stands.
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
    /// In the payload of a string sequence, which is held back.
    Text { bell_ends: bool, escape_seen: bool },
}

/// Cleans text that arrives in pieces. Whatever the pieces are, the outputs joined equal [`clean`] of the whole.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    state: State,
    /// Payload of a string sequence that has not ended; shown as text if it turns out not to be one.
    held: String,
    held_chars: usize,
    /// A joiner that waits for its right neighbour.
    joiner: Option<char>,
    last: Option<char>,
    /// Marks on the last character.
    marks: usize,
    after_carriage_return: bool,
}

impl Stream {
    /// A stream at the start of a text.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece and returns what is safe to show now; an unfinished sequence is held back.
    pub fn push(&mut self, chunk: &str) -> String {
        let mut out = String::with_capacity(chunk.len());
        for character in chunk.chars() {
            self.step(character, &mut out);
        }
        out
    }

    /// Ends the text: returns what was held back and makes the stream ready for another text.
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
                _ => self.again(character, out),
            },
            State::Intermediate => match character {
                ' '..='/' => {}
                '0'..='~' => self.state = State::Ground,
                _ => self.again(character, out),
            },
            State::Control(length) => match character {
                ' '..='?' if length < LONGEST_CONTROL => self.state = State::Control(length + 1),
                '@'..='~' => self.state = State::Ground,
                _ => self.again(character, out),
            },
        }
    }

    /// The sequence broke off before `character`, which is ordinary again.
    fn again(&mut self, character: char, out: &mut String) {
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
                // ESC without a backslash cancels the string and starts a sequence of its own.
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
            // A line break, or no end in sight: this is text after a stray introducer, which must not swallow it.
            _ if self.held_chars >= LONGEST_STRING || matches!(character, '\n' | '\r') => {
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

    /// Shows the held payload as text. It holds no introducer, so this cannot recurse.
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
            ..=MOST_MARKS => character,
            // One sign for all the others.
            marks if marks == MOST_MARKS + 1 => MARKER,
            _ => return,
        };
        self.last = Some(kept);
        out.push(kept);
    }
}

#[cfg(test)]
#[path = "sanitise_tests.rs"]
mod tests;
