//! The machine's stack, marks and memo, and the operands of its instructions.
//!
//! Every value goes through [`Machine::push`], which counts it; marks are counted too. Never grow anything here without
//! counting.

use super::super::cursor::Cursor;
use super::super::values::{Span, Value, alloc};
use super::{MAX_VALUES, Machine};
use crate::weights::WeightError;

impl<'a> Machine<'a> {
    /// An error at the current instruction.
    pub(super) fn malformed(&self, reason: &str) -> WeightError {
        WeightError::format(self.file, format!("data.pkl, byte {}: {reason}", self.at))
    }

    /// Reads an operand with `read`.
    pub(super) fn operand<T>(
        &mut self,
        read: impl FnOnce(&mut Cursor<'a>) -> Option<T>,
    ) -> Result<T, WeightError> {
        read(&mut self.cursor)
            .ok_or_else(|| self.malformed("the pickle ends within an instruction"))
    }

    /// A length of four bytes.
    pub(super) fn length_32(&mut self) -> Result<usize, WeightError> {
        let length = self.operand(Cursor::u32)?;
        usize::try_from(length).map_err(|_| self.malformed("an invalid length"))
    }

    /// A length of eight bytes.
    pub(super) fn length_64(&mut self) -> Result<usize, WeightError> {
        let length = self.operand(Cursor::u64)?;
        usize::try_from(length).map_err(|_| self.malformed("an invalid length"))
    }

    /// Counts one more value.
    pub(super) fn count(&mut self) -> Result<(), WeightError> {
        self.value_count += 1;
        if self.value_count > MAX_VALUES {
            let what = "a pickle with too many values";
            return Err(WeightError::too_large(self.file, what, MAX_VALUES));
        }
        Ok(())
    }

    pub(super) fn push(&mut self, value: Value) -> Result<(), WeightError> {
        self.count()?;
        self.stack.push(value);
        Ok(())
    }

    /// Height of the stack below which nothing may be popped.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    pub(super) fn top(&self) -> Result<Value, WeightError> {
        let above = self.stack.get(self.floor()..).unwrap_or_default();
        let top = above.last().copied();
        top.ok_or_else(|| self.malformed("the stack is empty"))
    }

    pub(super) fn pop(&mut self) -> Result<Value, WeightError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// Pops `count` values and returns them in the order they were pushed.
    pub(super) fn pop_many(&mut self, count: usize) -> Result<Vec<Value>, WeightError> {
        let start = self.stack.len().checked_sub(count);
        match start.filter(|&start| start >= self.floor()) {
            Some(start) => Ok(self.pop_from(start)),
            None => Err(self.malformed("the stack is empty")),
        }
    }

    /// Pops everything above the last mark, and the mark.
    pub(super) fn pop_mark(&mut self) -> Result<Vec<Value>, WeightError> {
        match self.marks.pop() {
            Some(mark) => Ok(self.pop_from(mark)),
            None => Err(self.malformed("there is no mark")),
        }
    }

    /// Pops everything from the height `start`, into a vector without spare capacity, as it may be kept as a tuple.
    fn pop_from(&mut self, start: usize) -> Vec<Value> {
        let popped = self.stack.get(start..).unwrap_or_default().to_vec();
        self.stack.truncate(start);
        popped
    }

    pub(super) fn memoise(&mut self, index: u32) -> Result<(), WeightError> {
        let value = self.top()?;
        self.count()?;
        self.memo.insert(index, value);
        Ok(())
    }

    pub(super) fn recall(&mut self, index: u32) -> Result<(), WeightError> {
        match self.memo.get(&index).copied() {
            Some(value) => self.push(value),
            None => Err(self.malformed("it recalls a value that was never stored")),
        }
    }

    /// Reads the next `length` bytes.
    pub(super) fn span(&mut self, length: usize) -> Result<(Span, &'a [u8]), WeightError> {
        let start = self.cursor.position();
        let bytes = self.operand(|cursor| cursor.take(length))?;
        let span = Span::new(start, length).ok_or_else(|| self.malformed("an invalid length"))?;
        Ok((span, bytes))
    }

    /// Pushes a text. Python can write surrogates, which are not UTF-8; such a text is ignored.
    pub(super) fn text(&mut self, length: usize) -> Result<(), WeightError> {
        let (span, bytes) = self.span(length)?;
        let is_text = std::str::from_utf8(bytes).is_ok();
        self.push(if is_text {
            Value::Text(span)
        } else {
            Value::Other
        })
    }

    /// Pushes an ignored value of `length` bytes.
    pub(super) fn other(&mut self, length: usize) -> Result<(), WeightError> {
        self.operand(|cursor| cursor.take(length))?;
        self.push(Value::Other)
    }

    /// Pushes an integer in two's complement; one of more than 64 bits is ignored.
    pub(super) fn long(&mut self, length: usize) -> Result<(), WeightError> {
        let bytes = self.operand(|cursor| cursor.take(length))?;
        let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
        let mut wide = if negative { [0xff; 8] } else { [0; 8] };
        self.push(match wide.get_mut(..length) {
            Some(low) => {
                low.copy_from_slice(bytes);
                Value::Int(i64::from_le_bytes(wide))
            }
            None => Value::Other,
        })
    }

    pub(super) fn tuple(&mut self, items: Vec<Value>) -> Result<(), WeightError> {
        let tuple = Value::Tuple(alloc(&mut self.heap.tuples, items));
        self.push(tuple)
    }

    pub(super) fn dict(&mut self) -> Result<(), WeightError> {
        let dict = Value::Dict(alloc(&mut self.heap.dicts, Vec::new()));
        self.push(dict)
    }

    /// Adds to the list on top of the stack.
    pub(super) fn append(&mut self, items: &[Value]) -> Result<(), WeightError> {
        match self.top()? {
            Value::List(handle) => match self.heap.lists.get_mut(handle as usize) {
                Some(list) => list.extend_from_slice(items),
                None => return Err(self.malformed("a list is missing")),
            },
            Value::Opaque(_) => {}
            _ => return Err(self.malformed("an item for something that is not a list")),
        }
        Ok(())
    }

    /// Sets items in the dictionary on top of the stack, from alternating keys and values.
    pub(super) fn set_items(&mut self, items: &[Value]) -> Result<(), WeightError> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.malformed("a key without a value"));
        }
        match self.top()? {
            Value::Dict(handle) => match self.heap.dicts.get_mut(handle as usize) {
                Some(dict) => dict.extend(pairs.iter().map(|&[key, item]| (key, item))),
                None => return Err(self.malformed("a dictionary is missing")),
            },
            Value::Opaque(_) => {}
            _ => return Err(self.malformed("a key for something that is not a dictionary")),
        }
        Ok(())
    }
}
