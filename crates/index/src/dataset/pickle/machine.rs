//! The machine that interprets a pickle: lists, dictionaries, texts and numbers, and nothing else.
//!
//! `Lib/pickletools.py` of CPython describes the instructions. Never add one that imports, calls or builds an object.

use std::collections::HashMap;

use super::escapes::unescape;
use super::{Heap, PickleValue};

/// Most values a pickle may build.
const MAX_VALUES: usize = 1 << 22;

/// The position in the pickle and the reason of a failure.
type Failure = (usize, String);

/// Interprets the pickle to its end.
pub(super) fn run(pickle: &[u8]) -> Result<(PickleValue, Heap), Failure> {
    let mut machine = Machine {
        pickle,
        position: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        heap: Heap::default(),
        built: 0,
    };
    loop {
        let at = machine.position;
        match machine.step() {
            Ok(true) => {}
            Ok(false) => {
                let root = machine.pop().map_err(|reason| (at, reason))?;
                return Ok((root, machine.heap));
            }
            Err(reason) => return Err((at, reason)),
        }
    }
}

struct Machine<'a> {
    pickle: &'a [u8],
    position: usize,
    stack: Vec<PickleValue>,
    /// Stack heights; nothing is popped below the last one.
    marks: Vec<usize>,
    memo: HashMap<u64, PickleValue>,
    heap: Heap,
    /// Values built so far.
    built: usize,
}

impl Machine<'_> {
    /// Executes one instruction; `false` after the last one.
    fn step(&mut self) -> Result<bool, String> {
        match self.byte()? {
            b'.' => return Ok(false),
            // PROTO, FRAME
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            // MARK, POP, POP_MARK, DUP
            b'(' => {
                self.count()?;
                self.marks.push(self.stack.len());
            }
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_mark()?),
            b'2' => {
                let top = self.top()?;
                self.push(top)?;
            }
            // EMPTY_TUPLE and EMPTY_LIST, TUPLE1 to TUPLE3, TUPLE and LIST
            b')' | b']' => self.list(Vec::new())?,
            count @ 0x85..=0x87 => {
                let items = self.pop_many(usize::from(count.saturating_sub(0x84)))?;
                self.list(items)?;
            }
            b't' | b'l' => {
                let items = self.pop_mark()?;
                self.list(items)?;
            }
            // APPEND, APPENDS
            b'a' => {
                let items = self.pop_many(1)?;
                self.append(items)?;
            }
            b'e' => {
                let items = self.pop_mark()?;
                self.append(items)?;
            }
            // EMPTY_DICT, DICT, SETITEM, SETITEMS
            b'}' => self.dict(Vec::new())?,
            b'd' => {
                let items = self.pop_mark()?;
                self.dict(items)?;
            }
            b's' => {
                let items = self.pop_many(2)?;
                self.set(items)?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.set(items)?;
            }
            opcode if self.memory(opcode)? => {}
            opcode => self.constant(opcode)?,
        }
        Ok(true)
    }

    /// All forms of PUT and GET; `false` if it is another instruction.
    fn memory(&mut self, opcode: u8) -> Result<bool, String> {
        let index = match opcode {
            b'p' | b'g' => self
                .line()?
                .trim()
                .parse()
                .map_err(|_| "a memo has no number")?,
            b'q' | b'h' => self.number(1)?,
            b'r' | b'j' => self.number(4)?,
            0x94 => u64::try_from(self.memo.len()).unwrap_or(u64::MAX),
            _ => return Ok(false),
        };
        if matches!(opcode, b'g' | b'h' | b'j') {
            let value = self.memo.get(&index).cloned();
            self.push(value.ok_or("a memo is read before it is written")?)?;
        } else {
            let top = self.top()?;
            self.count()?;
            self.memo.insert(index, top);
        }
        Ok(true)
    }

    /// Pushes a constant.
    fn constant(&mut self, opcode: u8) -> Result<(), String> {
        match opcode {
            b'N' => self.push(PickleValue::Null),
            0x88 => self.text("true"),
            0x89 => self.text("false"),
            // INT, LONG, FLOAT: numbers as text
            b'I' | b'L' | b'F' => {
                let line = self.line()?;
                self.text(line.trim().trim_end_matches('L'))
            }
            // BININT, BININT1, BININT2, LONG1, BINFLOAT
            b'J' => {
                let number = self.number(4)? as u32;
                self.text(&number.cast_signed().to_string())
            }
            b'K' => self.decimal(1),
            b'M' => self.decimal(2),
            0x8a => self.long(),
            b'G' => {
                let bytes = self.take(8)?.try_into().unwrap_or_default();
                self.text(&f64::from_be_bytes(bytes).to_string())
            }
            // STRING (a literal of Python), UNICODE (with escapes)
            b'S' => {
                let line = self.line()?;
                let literal = line.trim();
                let quotes: &[char] = &['\'', '"'];
                self.text(&unescape(
                    literal.trim_start_matches('u').trim_matches(quotes),
                ))
            }
            b'V' => {
                let line = self.line()?;
                self.text(&unescape(&line))
            }
            // SHORT_BINSTRING, SHORT_BINBYTES, SHORT_BINUNICODE; the same with 4 and with 8 bytes of length
            b'U' | b'C' | 0x8c => self.sized_text(1),
            b'T' | b'B' | b'X' => self.sized_text(4),
            0x8d | 0x8e => self.sized_text(8),
            b'c' | 0x93 | b'R' | b'i' | b'o' | 0x81 | 0x92 | b'b' | b'P' | b'Q' | 0x82..=0x84 => {
                Err(
                    "it refers to code or objects; only lists of plain fields are supported"
                        .to_owned(),
                )
            }
            _ => Err(format!("unknown instruction 0x{opcode:02x}")),
        }
    }

    fn decimal(&mut self, length: usize) -> Result<(), String> {
        let number = self.number(length)?;
        self.text(&number.to_string())
    }

    /// LONG1: a signed number of any length; those above 64 bits become null.
    fn long(&mut self) -> Result<(), String> {
        let length = usize::from(self.byte()?);
        let bytes = self.take(length)?;
        if bytes.len() > 8 {
            return self.push(PickleValue::Null);
        }
        let negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
        let mut whole = [if negative { 0xFF } else { 0 }; 8];
        for (target, byte) in whole.iter_mut().zip(bytes) {
            *target = *byte;
        }
        self.text(&i64::from_le_bytes(whole).to_string())
    }

    fn sized_text(&mut self, size: usize) -> Result<(), String> {
        let length = usize::try_from(self.number(size)?).map_err(|_| "a length is impossible")?;
        let bytes = self.take(length)?;
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.text(&text)
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        self.push(PickleValue::Text(text.into()))
    }

    fn list(&mut self, items: Vec<PickleValue>) -> Result<(), String> {
        let index = self.heap.lists.len();
        self.heap.lists.push(items);
        self.push(PickleValue::List(index))
    }

    fn dict(&mut self, items: Vec<PickleValue>) -> Result<(), String> {
        let index = self.heap.dicts.len();
        self.heap.dicts.push(Vec::new());
        self.push(PickleValue::Dict(index))?;
        self.set(items)
    }

    fn append(&mut self, items: Vec<PickleValue>) -> Result<(), String> {
        let PickleValue::List(list) = self.top()? else {
            return Err("it appends to something that is not a list".to_owned());
        };
        let list = self.heap.lists.get_mut(list).ok_or("a list is missing")?;
        list.extend(items);
        Ok(())
    }

    fn set(&mut self, items: Vec<PickleValue>) -> Result<(), String> {
        let PickleValue::Dict(dict) = self.top()? else {
            return Err("it sets an item of something that is not a dictionary".to_owned());
        };
        let dict = self
            .heap
            .dicts
            .get_mut(dict)
            .ok_or("a dictionary is missing")?;
        let mut items = items.into_iter();
        while let Some(name) = items.next() {
            dict.push((name, items.next().ok_or("a key has no value")?));
        }
        Ok(())
    }

    fn push(&mut self, value: PickleValue) -> Result<(), String> {
        self.count()?;
        self.stack.push(value);
        Ok(())
    }

    fn count(&mut self) -> Result<(), String> {
        self.built = self.built.saturating_add(1);
        if self.built > MAX_VALUES {
            return Err(format!("it builds more than {MAX_VALUES} values"));
        }
        Ok(())
    }

    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<PickleValue, String> {
        let top = self
            .stack
            .get(self.floor()..)
            .and_then(<[PickleValue]>::last);
        top.cloned().ok_or_else(|| "the stack is empty".to_owned())
    }

    fn pop(&mut self) -> Result<PickleValue, String> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<PickleValue>, String> {
        let start = self
            .stack
            .len()
            .checked_sub(count)
            .filter(|start| *start >= self.floor());
        Ok(self.stack.split_off(start.ok_or("the stack is empty")?))
    }

    fn pop_mark(&mut self) -> Result<Vec<PickleValue>, String> {
        let mark = self.marks.pop().ok_or("there is no mark")?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn take(&mut self, length: usize) -> Result<&[u8], String> {
        let end = self
            .position
            .checked_add(length)
            .ok_or("a length is impossible")?;
        let taken = self
            .pickle
            .get(self.position..end)
            .ok_or("the file is truncated")?;
        self.position = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        self.take(1)
            .map(|bytes| bytes.first().copied().unwrap_or_default())
    }

    /// A little-endian number of up to 8 bytes.
    fn number(&mut self, length: usize) -> Result<u64, String> {
        let bytes = self.take(length)?.iter().rev();
        Ok(bytes.fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    /// The text up to the next line break.
    fn line(&mut self) -> Result<String, String> {
        let rest = self.pickle.get(self.position..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == b'\n');
        let length = length.ok_or("the file is truncated")?;
        let line = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.take(1)?;
        Ok(line)
    }
}
