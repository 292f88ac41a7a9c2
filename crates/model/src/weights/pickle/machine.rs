//! A pickle interpreter that cannot run code: it only builds containers and descriptions of tensors.
//!
//! It supports the instructions that Python writes in protocols 2 to 5, described in CPython's `Lib/pickletools.py`
//! (`torch.save` writes protocol 2). A call of an unknown name gives an opaque value, whose items and state are dropped.
//! It makes one pass over the pickle and builds at most [`MAX_VALUES`] values and [`MAX_TENSORS`] tensors.

use std::collections::HashMap;

use super::cursor::Cursor;
use super::values::{Heap, Value, alloc};
use crate::weights::WeightError;

mod actions;
mod stack;

/// Most values that a pickle may build. A checkpoint of a thousand tensors with its optimiser builds about 100,000.
pub(super) const MAX_VALUES: usize = 1 << 21;
/// Most tensors that a pickle may describe.
pub(super) const MAX_TENSORS: usize = 1 << 17;

/// The result of a pickle.
pub(super) struct Outcome {
    pub(super) root: Value,
    pub(super) heap: Heap,
}

/// Runs `pickle`, which is part of `file`, to its end.
pub(super) fn run(pickle: &[u8], file: &str) -> Result<Outcome, WeightError> {
    let mut machine = Machine {
        file,
        pickle,
        cursor: Cursor::new(pickle),
        at: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        heap: Heap::default(),
        value_count: 0,
    };
    while machine.step()? {}
    let root = machine.pop()?;
    Ok(Outcome {
        root,
        heap: machine.heap,
    })
}

struct Machine<'a> {
    /// Cleaned name for messages.
    file: &'a str,
    pickle: &'a [u8],
    cursor: Cursor<'a>,
    /// Offset of the current instruction.
    at: usize,
    stack: Vec<Value>,
    /// Stack heights; nothing is popped from below the last one.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    heap: Heap,
    value_count: usize,
}

impl Machine<'_> {
    /// Carries out one instruction; `false` after the last one.
    fn step(&mut self) -> Result<bool, WeightError> {
        self.at = self.cursor.position();
        let opcode = self.operand(Cursor::u8)?;
        match opcode {
            // PROTO: not needed, as instructions differ by opcode. FRAME: only a hint for buffering.
            0x80 => drop(self.operand(Cursor::u8)?),
            0x95 => drop(self.operand(Cursor::u64)?),
            b'.' => return Ok(false),

            // NONE, NEWTRUE, NEWFALSE, BINFLOAT
            b'N' => self.push(Value::Other)?,
            0x88 => self.push(Value::Bool(true))?,
            0x89 => self.push(Value::Bool(false))?,
            b'G' => self.other(8)?,
            // BININT, BININT1, BININT2, LONG1, LONG4
            b'J' => {
                let value = self.operand(Cursor::array)?;
                self.push(Value::Int(i64::from(i32::from_le_bytes(value))))?;
            }
            b'K' => {
                let value = self.operand(Cursor::u8)?;
                self.push(Value::Int(i64::from(value)))?;
            }
            b'M' => {
                let value = self.operand(Cursor::u16)?;
                self.push(Value::Int(i64::from(value)))?;
            }
            0x8a => {
                let length = self.operand(Cursor::u8)?;
                self.long(usize::from(length))?;
            }
            0x8b => {
                let length = self.length_32()?;
                self.long(length)?;
            }
            // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8
            0x8c => {
                let length = self.operand(Cursor::u8)?;
                self.text(usize::from(length))?;
            }
            b'X' => {
                let length = self.length_32()?;
                self.text(length)?;
            }
            0x8d => {
                let length = self.length_64()?;
                self.text(length)?;
            }
            // SHORT_BINBYTES, BINBYTES, BINBYTES8 and BYTEARRAY8
            b'C' => {
                let length = self.operand(Cursor::u8)?;
                self.other(usize::from(length))?;
            }
            b'B' => {
                let length = self.length_32()?;
                self.other(length)?;
            }
            0x8e | 0x96 => {
                let length = self.length_64()?;
                self.other(length)?;
            }

            // MARK, POP, POP_MARK, DUP
            b'(' => {
                self.count()?;
                self.marks.push(self.stack.len());
            }
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_mark()?),
            b'2' => {
                let value = self.top()?;
                self.push(value)?;
            }
            // BINPUT, LONG_BINPUT, MEMOIZE; BINGET, LONG_BINGET
            b'q' => {
                let index = self.operand(Cursor::u8)?;
                self.memoise(u32::from(index))?;
            }
            b'r' => {
                let index = self.operand(Cursor::u32)?;
                self.memoise(index)?;
            }
            0x94 => {
                // There are fewer entries than values.
                let index = self.memo.len() as u32;
                self.memoise(index)?;
            }
            b'h' => {
                let index = self.operand(Cursor::u8)?;
                self.recall(u32::from(index))?;
            }
            b'j' => {
                let index = self.operand(Cursor::u32)?;
                self.recall(index)?;
            }

            // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
            b')' => self.tuple(Vec::new())?,
            0x85..=0x87 => {
                let items = self.pop_many(usize::from(opcode - 0x84))?;
                self.tuple(items)?;
            }
            b't' => {
                let items = self.pop_mark()?;
                self.tuple(items)?;
            }
            // EMPTY_LIST, APPEND, APPENDS
            b']' => {
                let list = Value::List(alloc(&mut self.heap.lists, Vec::new()));
                self.push(list)?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' => {
                let items = self.pop_mark()?;
                self.append(&items)?;
            }
            // EMPTY_DICT, SETITEM, SETITEMS
            b'}' => self.dict()?,
            b's' => {
                let items = self.pop_many(2)?;
                self.set_items(&items)?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.set_items(&items)?;
            }
            // EMPTY_SET, ADDITEMS, FROZENSET: weights are never in sets.
            0x8f => self.push(Value::Other)?,
            0x90 => drop(self.pop_mark()?),
            0x91 => {
                self.pop_mark()?;
                self.push(Value::Other)?;
            }

            // GLOBAL, STACK_GLOBAL
            b'c' => self.global()?,
            0x93 => {
                let names = self.pop_many(2)?;
                let [Value::Text(module), Value::Text(name)] = names[..] else {
                    return Err(self.malformed("a name does not consist of two strings"));
                };
                self.look_up(module, name)?;
            }
            // REDUCE and NEWOBJ: a function or class, and its arguments. NEWOBJ_EX: named arguments as well.
            b'R' | 0x81 => {
                let arguments = self.pop()?;
                self.call(arguments)?;
            }
            0x92 => {
                self.pop()?;
                let arguments = self.pop()?;
                self.call(arguments)?;
            }
            // BUILD: attributes, such as `_metadata` of a state dictionary, are dropped.
            b'b' => {
                self.pop()?;
                self.top()?;
            }
            // BINPERSID
            b'Q' => self.storage()?,
            _ => return Err(self.malformed(&format!("unknown instruction 0x{opcode:02x}"))),
        }
        Ok(true)
    }
}
