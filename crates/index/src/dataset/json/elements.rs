//! Splits a JSON text into elements by brackets and quotes alone.

use std::io::BufRead;

/// Longest element, in bytes.
const MAX_ELEMENT_BYTES: usize = 8 << 20;
/// Longest key of the outer object, in bytes.
const MAX_KEY_BYTES: usize = 4096;
/// Deepest nesting accepted.
const MAX_DEPTH: usize = 200;

/// State of the scanner.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Start,
    /// In a list.
    List {
        /// Whether the list is in an object.
        inner: bool,
        /// Whether it has had an element.
        begun: bool,
    },
    /// In the outer object.
    Object {
        begun: bool,
    },
    End,
}

/// Reads the elements of a JSON text one by one.
pub(super) struct Elements<R> {
    input: R,
    state: State,
    /// Key of the current list; empty if it is not in an object.
    pub(super) key: String,
    /// Number of the element in its list, from 1.
    number: u64,
}

impl<R: BufRead> Elements<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            state: State::Start,
            key: String::new(),
            number: 0,
        }
    }

    /// The current position, for messages.
    pub(super) fn origin(&self, name: &str) -> String {
        match self.key.as_str() {
            "" => format!("{name}, entry {}", self.number),
            key => format!("{name}, {key}, entry {}", self.number),
        }
    }

    /// The next element; `Some(None)` for one that is too long. Errors if the rest of the text cannot be scanned.
    pub(super) fn next(&mut self) -> Result<Option<Option<Vec<u8>>>, String> {
        loop {
            let byte = self.peek_content()?;
            match (self.state, byte) {
                (State::End, None) => return Ok(None),
                (State::End, Some(_)) => {
                    return Err("there is more text after the end of the list".to_owned());
                }
                (_, None) => return Err("the file is truncated".to_owned()),
                (State::Start, Some(b'[')) => self.enter(State::List {
                    inner: false,
                    begun: false,
                })?,
                (State::Start, Some(b'{')) => self.enter(State::Object { begun: false })?,
                (State::Start, Some(_)) => {
                    return Err("the file is neither a list nor an object".to_owned());
                }
                (State::List { inner, .. }, Some(b']')) => {
                    let after = if inner {
                        State::Object { begun: true }
                    } else {
                        State::End
                    };
                    self.enter(after)?;
                }
                (State::List { inner, begun }, Some(_)) => {
                    self.number = self.number.saturating_add(1);
                    self.comma(begun, b']')?;
                    self.state = State::List { inner, begun: true };
                    return Ok(Some(self.value(MAX_ELEMENT_BYTES)?));
                }
                (State::Object { .. }, Some(b'}')) => self.enter(State::End)?,
                (State::Object { begun }, Some(_)) => {
                    self.comma(begun, b'}')?;
                    self.member()?;
                }
            }
        }
    }

    /// Consumes one byte and switches to `state`.
    fn enter(&mut self, state: State) -> Result<(), String> {
        self.bump()?;
        self.state = state;
        Ok(())
    }

    /// Consumes the comma before every element but the first.
    fn comma(&mut self, needed: bool, closing: u8) -> Result<(), String> {
        if !needed {
            return Ok(());
        }
        if self.peek_content()? != Some(b',') {
            return Err("a comma is missing between two entries".to_owned());
        }
        self.bump()?;
        if self.peek_content()? == Some(closing) {
            return Err("there is nothing after a comma".to_owned());
        }
        Ok(())
    }

    /// Reads a key and enters its list; a member that is not a list is skipped.
    fn member(&mut self) -> Result<(), String> {
        let key = self
            .value(MAX_KEY_BYTES)?
            .and_then(|key| serde_json::from_slice(&key).ok());
        self.key = key.ok_or("a key of the outer object is invalid")?;
        if self.peek_content()? != Some(b':') {
            return Err("a colon is missing after a key".to_owned());
        }
        self.bump()?;
        self.number = 0;
        if self.peek_content()? == Some(b'[') {
            return self.enter(State::List {
                inner: true,
                begun: false,
            });
        }
        self.value(0)?;
        self.state = State::Object { begun: true };
        Ok(())
    }

    /// Reads one value; `None` if it is longer than `max` bytes.
    fn value(&mut self, max: usize) -> Result<Option<Vec<u8>>, String> {
        let mut taken = ValueBytes {
            bytes: Vec::new(),
            max,
            fits: true,
        };
        let mut open: Vec<u8> = Vec::new();
        let mut text = false;
        let mut escaped = false;
        self.peek_content()?;
        loop {
            let Some(byte) = self.peek()? else {
                if open.is_empty() && !text && !taken.bytes.is_empty() {
                    break;
                }
                return Err("the file ends in the middle of an entry".to_owned());
            };
            if text {
                text = escaped || byte != b'"';
                escaped = !escaped && byte == b'\\';
            } else {
                match byte {
                    b'"' => text = true,
                    b'{' | b'[' if open.len() < MAX_DEPTH => open.push(byte + 2),
                    b'{' | b'[' => return Err("an entry is nested too deeply".to_owned()),
                    b'}' | b']' if open.is_empty() => break,
                    b'}' | b']' if open.pop() == Some(byte) => {}
                    b'}' | b']' => return Err("two brackets do not match".to_owned()),
                    b',' | b':' if open.is_empty() => break,
                    b' ' | b'\t' | b'\r' | b'\n' if open.is_empty() => break,
                    _ => {}
                }
            }
            taken.push(byte);
            self.input.consume(1);
            if open.is_empty() && !text && matches!(byte, b'}' | b']' | b'"') {
                break;
            }
        }
        Ok(taken.fits.then_some(taken.bytes))
    }

    /// The next non-blank byte, without consuming it.
    fn peek_content(&mut self) -> Result<Option<u8>, String> {
        loop {
            match self.peek()? {
                // JSON has no byte order mark, but some programs write one.
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.input.consume(1),
                Some(0xEF | 0xBB | 0xBF) if self.state == State::Start => self.input.consume(1),
                other => return Ok(other),
            }
        }
    }

    fn peek(&mut self) -> Result<Option<u8>, String> {
        loop {
            match self.input.fill_buf() {
                Ok(available) => return Ok(available.first().copied()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    fn bump(&mut self) -> Result<(), String> {
        self.peek()?;
        self.input.consume(1);
        Ok(())
    }
}

/// The bytes of a value, up to a maximum.
struct ValueBytes {
    bytes: Vec<u8>,
    max: usize,
    fits: bool,
}

impl ValueBytes {
    fn push(&mut self, byte: u8) {
        if self.bytes.len() < self.max {
            self.bytes.push(byte);
        } else {
            self.fits = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> (Vec<String>, Option<String>) {
        let mut elements = Elements::new(text.as_bytes());
        let mut found = Vec::new();
        loop {
            match elements.next() {
                Ok(Some(element)) => {
                    let element = String::from_utf8(element.unwrap()).unwrap();
                    found.push(format!("{}{element}", elements.key));
                }
                Ok(None) => return (found, None),
                Err(reason) => return (found, Some(reason)),
            }
        }
    }

    #[test]
    fn elements_are_split_whatever_their_strings_contain() {
        let (found, error) = all(" [ {\"a\": \"]},\\\"\"} , 7, \"x\\\\\" ,[1,[2]] ]\n");
        assert_eq!(found, ["{\"a\": \"]},\\\"\"}", "7", "\"x\\\\\"", "[1,[2]]"]);
        assert_eq!(error, None);
        assert_eq!(all("[]"), (vec![], None));
    }

    #[test]
    fn lists_in_an_object_keep_their_key_and_other_members_are_skipped() {
        let (found, error) =
            all("\u{FEFF}{\"version\": {\"x\": [1]}, \"train\":[1,2],\"n\":3,\"val\":[4]}");
        assert_eq!(found, ["train1", "train2", "val4"]);
        assert_eq!(error, None);
    }

    #[test]
    fn elements_before_a_syntax_error_are_still_returned() {
        for (text, count) in [
            ("[1, 2", 2),
            ("[1, {\"a\": 2", 1),
            ("[1 2]", 1),
            ("[1,]", 1),
            ("[{\"a\": ]}, 1]", 0),
            ("[1] [2]", 1),
            ("7", 0),
            ("", 0),
        ] {
            let (found, error) = all(text);
            assert_eq!(found.len(), count, "{text}");
            assert!(error.is_some(), "{text}");
        }
    }
}
