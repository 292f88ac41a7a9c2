//! Editing of typed text: lines, words, kill and yank, undo. The main input and every small field use it.
//!
//! Text is sanitised on input, so that what is shown, sent and stored is the same. The cursor is always on a grapheme
//! boundary; never set it from outside.

use unicode_segmentation::UnicodeSegmentation;

use rounds_support::sanitise;

/// Maximum length of the text, in characters.
pub const MAX_CHARS: usize = rounds_assistant::MAX_QUESTION;
const MAX_UNDO: usize = 100;

/// Text with a cursor.
#[derive(Clone, Debug, Default)]
pub struct Editor {
    text: String,
    /// Byte offset.
    cursor: usize,
    killed: String,
    undo: Vec<(String, usize)>,
    /// Whether the last change was typing; a run of typing is undone at once.
    typing: bool,
    single_line: bool,
}

impl Editor {
    /// A single-line field that contains `text`.
    pub fn line(text: &str) -> Self {
        let mut field = Self {
            single_line: true,
            ..Self::default()
        };
        field.set(text);
        field
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether the maximum length is reached.
    pub fn is_full(&self) -> bool {
        // Checks the byte length first, since it is cheap and never below the number of characters.
        self.text.len() >= MAX_CHARS && self.text.chars().count() >= MAX_CHARS
    }

    /// Byte offset of the cursor.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The text before the cursor.
    pub fn before(&self) -> &str {
        self.text.get(..self.cursor).unwrap_or_default()
    }

    /// The text after the cursor.
    pub fn after(&self) -> &str {
        self.text.get(self.cursor..).unwrap_or_default()
    }

    /// Replaces the text and moves the cursor to its end.
    pub fn set(&mut self, text: &str) {
        self.remember(false);
        self.text = self.clean(text);
        self.cursor = self.text.len();
    }

    /// Clears the text and returns it; undo does not restore it.
    pub fn take(&mut self) -> String {
        self.cursor = 0;
        self.undo.clear();
        self.typing = false;
        std::mem::take(&mut self.text)
    }

    fn clean(&self, text: &str) -> String {
        let clean = if self.single_line {
            sanitise::clean_line(text)
        } else {
            sanitise::clean(text)
        };
        clean.chars().take(MAX_CHARS).collect()
    }

    fn remember(&mut self, typing: bool) {
        if !(typing && self.typing) {
            if self.undo.len() >= MAX_UNDO {
                self.undo.remove(0);
            }
            self.undo.push((self.text.clone(), self.cursor));
        }
        self.typing = typing;
    }

    /// Restores the text before the last change.
    pub fn undo(&mut self) {
        if let Some((text, cursor)) = self.undo.pop() {
            self.text = text;
            self.cursor = cursor;
            self.typing = false;
        }
    }

    /// Types one character.
    pub fn type_character(&mut self, character: char) {
        self.put(&character.to_string(), character != ' ');
    }

    /// Inserts text at the cursor.
    pub fn insert(&mut self, text: &str) {
        self.put(text, false);
    }

    fn put(&mut self, text: &str, typing: bool) {
        let room = MAX_CHARS.saturating_sub(self.text.chars().count());
        let clean: String = self.clean(text).chars().take(room).collect();
        if clean.is_empty() {
            return;
        }
        self.remember(typing);
        let before = format!("{}{clean}", self.before());
        // Two sanitised texts need not be sanitised when joined: a joiner may have lost its neighbour.
        let joined = self.clean(&format!("{before}{}", self.after()));
        self.cursor = boundary(&joined, before.len());
        self.text = joined;
    }

    /// Replaces the last word before the cursor, for completions.
    pub fn replace_before(&mut self, start: usize, text: &str) {
        if self.text.is_char_boundary(start) && start <= self.cursor {
            self.remember(false);
            let clean = self.clean(text);
            self.text.replace_range(start..self.cursor, &clean);
            self.cursor = start + clean.len();
        }
    }

    fn previous(&self) -> usize {
        let last = self.before().grapheme_indices(true).next_back();
        last.map_or(0, |(at, _)| at)
    }

    fn next(&self) -> usize {
        let first = self.after().graphemes(true).next();
        self.cursor + first.map_or(0, str::len)
    }

    fn word_start(&self) -> usize {
        let before = self.before();
        let word = before.split_word_bound_indices().rev();
        word.map(|(at, piece)| (at, piece.trim()))
            .find(|(_, piece)| !piece.is_empty())
            .map_or(0, |(at, _)| at)
    }

    fn word_end(&self) -> usize {
        let word = self.after().split_word_bound_indices();
        word.filter(|(_, piece)| !piece.trim().is_empty())
            .map(|(at, piece)| self.cursor + at + piece.len())
            .next()
            .unwrap_or(self.text.len())
    }

    fn line_start(&self) -> usize {
        self.before().rfind('\n').map_or(0, |at| at + 1)
    }

    fn line_end(&self) -> usize {
        let end = self.after().find('\n');
        end.map_or(self.text.len(), |at| self.cursor + at)
    }

    pub fn left(&mut self) {
        self.go(self.previous());
    }

    pub fn right(&mut self) {
        self.go(self.next());
    }

    pub fn word_left(&mut self) {
        self.go(self.word_start());
    }

    pub fn word_right(&mut self) {
        self.go(self.word_end());
    }

    pub fn go_to_line_start(&mut self) {
        self.go(self.line_start());
    }

    pub fn go_to_line_end(&mut self) {
        self.go(self.line_end());
    }

    fn go(&mut self, to: usize) {
        self.cursor = boundary(&self.text, to);
        self.typing = false;
    }

    /// One line up; false on the first line.
    pub fn up(&mut self) -> bool {
        let start = self.line_start();
        if start == 0 {
            return false;
        }
        let column = self.column();
        self.go(start - 1);
        self.go_to_column(column);
        true
    }

    /// One line down; false on the last line.
    pub fn down(&mut self) -> bool {
        let end = self.line_end();
        if end >= self.text.len() {
            return false;
        }
        let column = self.column();
        self.go(end + 1);
        self.go_to_column(column);
        true
    }

    fn column(&self) -> usize {
        let line = self.text.get(self.line_start()..self.cursor);
        line.unwrap_or_default().graphemes(true).count()
    }

    fn go_to_column(&mut self, column: usize) {
        let start = self.line_start();
        let line = self.text.get(start..self.line_end()).unwrap_or_default();
        let at = line.grapheme_indices(true).nth(column);
        self.go(start + at.map_or(line.len(), |(at, _)| at));
    }

    fn cut(&mut self, from: usize, to: usize) -> String {
        let Some(cut) = self.text.get(from..to).map(str::to_string) else {
            return String::new();
        };
        if !cut.is_empty() {
            self.remember(false);
            self.text.replace_range(from..to, "");
            self.cursor = boundary(&self.text, from);
        }
        cut
    }

    pub fn backspace(&mut self) {
        self.cut(self.previous(), self.cursor);
    }

    pub fn delete(&mut self) {
        self.cut(self.cursor, self.next());
    }

    fn kill(&mut self, from: usize, to: usize) {
        let cut = self.cut(from, to);
        if !cut.is_empty() {
            self.killed = cut;
        }
    }

    pub fn kill_word(&mut self) {
        self.kill(self.word_start(), self.cursor);
    }

    pub fn kill_word_after(&mut self) {
        self.kill(self.cursor, self.word_end());
    }

    pub fn kill_to_start(&mut self) {
        self.kill(self.line_start(), self.cursor);
    }

    /// To the end of the line; at its end, the line break.
    pub fn kill_to_end(&mut self) {
        let end = self.line_end();
        let end = if end == self.cursor { self.next() } else { end };
        self.kill(self.cursor, end);
    }

    pub fn yank(&mut self) {
        let killed = self.killed.clone();
        self.insert(&killed);
    }

    /// Swaps the two characters around the cursor; at the end, the last two.
    pub fn transpose(&mut self) {
        if self.after().is_empty() {
            self.left();
        }
        let (before, after) = (self.previous(), self.next());
        let pieces = (
            self.text.get(before..self.cursor),
            self.text.get(self.cursor..after),
        );
        if let (Some(one), Some(two)) = pieces
            && !one.is_empty()
            && !two.is_empty()
        {
            let swapped = format!("{two}{one}");
            self.remember(false);
            self.text.replace_range(before..after, &swapped);
            self.cursor = boundary(&self.text, before + swapped.len());
        }
    }
}

/// The nearest character boundary at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
#[path = "editor_tests.rs"]
mod tests;
