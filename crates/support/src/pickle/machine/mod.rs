//! The machine: one instruction after the other, described in CPython's `Lib/pickletools.py`.

use std::collections::HashMap;

use super::cursor::Cursor;
use super::policy::{PickleError, Policy, Reason};
use super::values::{Heap, Value, alloc};

mod constants;
mod stack;

/// A pickle's value and the heap that it refers to.
pub type Unpickled<O> = (Value<O>, Heap<O>);

/// The first of several pickles that follow each other.
#[derive(Debug)]
pub struct First<O> {
    /// Its value.
    pub value: Value<O>,
    /// What the value refers to.
    pub heap: Heap<O>,
    /// Its length in bytes: what follows its last instruction begins there.
    pub length: usize,
}

/// Runs `pickle` to its end under `policy`, building at most `max_values` values; returns its value and the heap.
pub fn run<P: Policy>(
    pickle: &[u8],
    max_values: usize,
    policy: &mut P,
) -> Result<Unpickled<P::Object>, PickleError> {
    let mut machine = Machine::new(pickle, max_values, policy);
    let root = machine.run()?;
    Ok((root, machine.heap))
}

/// [`run`] for the pickle at the start of `bytes`, whose length is not known. `None` where `bytes` end within it: then `policy` is
/// used up, and a new one can read more bytes from the start.
pub fn run_first<P: Policy>(
    bytes: &[u8],
    max_values: usize,
    policy: &mut P,
) -> Result<Option<First<P::Object>>, PickleError> {
    let mut machine = Machine::new(bytes, max_values, policy);
    match machine.run() {
        Ok(value) => Ok(Some(First {
            value,
            length: machine.cursor.position(),
            heap: machine.heap,
        })),
        Err(_) if machine.ended => Ok(None),
        Err(error) => Err(error),
    }
}

struct Machine<'a, 'p, P: Policy> {
    policy: &'p mut P,
    pickle: &'a [u8],
    cursor: Cursor<'a>,
    /// Whether an operand or the next instruction was beyond the end.
    ended: bool,
    stack: Vec<Value<P::Object>>,
    /// Stack heights; nothing is popped from below the last one.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<P::Object>>,
    heap: Heap<P::Object>,
    value_count: usize,
    max_values: usize,
}

impl<'a, 'p, P: Policy> Machine<'a, 'p, P> {
    fn new(pickle: &'a [u8], max_values: usize, policy: &'p mut P) -> Self {
        Self {
            policy,
            pickle,
            cursor: Cursor::new(pickle),
            ended: false,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            heap: Heap::default(),
            value_count: 0,
            max_values,
        }
    }

    /// Carries out all instructions and returns the value that the last one leaves.
    fn run(&mut self) -> Result<Value<P::Object>, PickleError> {
        let mut at = 0;
        let outcome = loop {
            match self.step() {
                Ok(true) => at = self.cursor.position(),
                Ok(false) => break self.pop(),
                Err(reason) => break Err(reason),
            }
        };
        outcome.map_err(|reason| PickleError { at, reason })
    }

    /// Carries out one instruction; `false` after the last one.
    fn step(&mut self) -> Result<bool, Reason> {
        let opcode = self.operand(Cursor::u8)?;
        match opcode {
            b'.' => return Ok(false),
            // PROTO: not needed, as instructions differ by opcode. FRAME: only a hint for buffering.
            0x80 => drop(self.operand(Cursor::u8)?),
            0x95 => drop(self.operand(Cursor::u64)?),

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
            // EMPTY_LIST, LIST, APPEND, APPENDS
            b']' => self.list(Vec::new())?,
            b'l' => {
                let items = self.pop_mark()?;
                self.list(items)?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' => {
                let items = self.pop_mark()?;
                self.append(&items)?;
            }
            // EMPTY_DICT, DICT, SETITEM, SETITEMS
            b'}' => self.dict(&[])?,
            b'd' => {
                let items = self.pop_mark()?;
                self.dict(&items)?;
            }
            b's' => {
                let items = self.pop_many(2)?;
                self.set_items(&items)?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.set_items(&items)?;
            }
            // EMPTY_SET, ADDITEMS, FROZENSET: nothing that is read is in sets.
            0x8f => self.push(Value::Other)?,
            0x90 => drop(self.pop_mark()?),
            0x91 => {
                self.pop_mark()?;
                self.push(Value::Other)?;
            }
            _ if self.memory(opcode)? || self.constant(opcode)? || self.object(opcode)? => {}
            _ => return Err(self.policy.unknown(opcode)),
        }
        Ok(true)
    }

    /// All forms of PUT and GET; `false` if it is another instruction.
    fn memory(&mut self, opcode: u8) -> Result<bool, Reason> {
        let index = match opcode {
            b'p' | b'g' => self.decimal("a memo without a number")?,
            b'q' | b'h' => u32::from(self.operand(Cursor::u8)?),
            b'r' | b'j' => self.operand(Cursor::u32)?,
            // MEMOIZE: there are fewer entries than values.
            0x94 => self.memo.len() as u32,
            _ => return Ok(false),
        };
        match opcode {
            b'g' | b'h' | b'j' => self.recall(index)?,
            _ => self.memoise(index)?,
        }
        Ok(true)
    }

    /// The instructions that Python carries out by importing, calling or loading; `false` if it is another one.
    fn object(&mut self, opcode: u8) -> Result<bool, Reason> {
        match opcode {
            // GLOBAL, STACK_GLOBAL
            b'c' => {
                let module = self.name()?;
                let name = self.name()?;
                self.global(module, name)?;
            }
            0x93 => {
                let names = self.pop_many(2)?;
                let [Value::Text(module), Value::Text(name)] = names[..] else {
                    return Err(Reason::malformed("a name does not consist of two strings"));
                };
                self.global(module, name)?;
            }
            // REDUCE and NEWOBJ: a function or class, and its arguments. NEWOBJ_EX: named arguments as well.
            b'R' | 0x81 | 0x92 => {
                if opcode == 0x92 {
                    self.pop()?;
                }
                let arguments = self.pop()?;
                let function = self.pop()?;
                let value = self
                    .policy
                    .call(self.pickle, &mut self.heap, function, arguments)?;
                self.push(value)?;
            }
            // BUILD: attributes, such as `_metadata` of a state dictionary, are dropped.
            b'b' => {
                self.pop()?;
                self.top()?;
            }
            // BINPERSID
            b'Q' => {
                let id = self.pop()?;
                let value = self.policy.external(self.pickle, &self.heap, id)?;
                self.push(value)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn tuple(&mut self, items: Vec<Value<P::Object>>) -> Result<(), Reason> {
        let tuple = Value::Tuple(alloc(&mut self.heap.tuples, items));
        self.push(tuple)
    }

    fn list(&mut self, items: Vec<Value<P::Object>>) -> Result<(), Reason> {
        let list = Value::List(alloc(&mut self.heap.lists, items));
        self.push(list)
    }

    fn dict(&mut self, items: &[Value<P::Object>]) -> Result<(), Reason> {
        let dict = self.heap.new_dict();
        self.push(dict)?;
        self.set_items(items)
    }

    /// Adds to the list on top of the stack.
    fn append(&mut self, items: &[Value<P::Object>]) -> Result<(), Reason> {
        match self.top()? {
            Value::List(handle) => match self.heap.lists.get_mut(handle as usize) {
                Some(list) => list.extend_from_slice(items),
                None => return Err(Reason::malformed("a list is missing")),
            },
            Value::Object(object) if self.policy.drops_items(object) => {}
            _ => {
                return Err(Reason::malformed(
                    "an item for something that is not a list",
                ));
            }
        }
        Ok(())
    }

    /// Sets items in the dictionary on top of the stack, from alternating keys and values.
    fn set_items(&mut self, items: &[Value<P::Object>]) -> Result<(), Reason> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Reason::malformed("a key without a value"));
        }
        match self.top()? {
            Value::Dict(handle) => match self.heap.dicts.get_mut(handle as usize) {
                Some(dict) => dict.extend(pairs.iter().map(|&[key, item]| (key, item))),
                None => return Err(Reason::malformed("a dictionary is missing")),
            },
            Value::Object(object) if self.policy.drops_items(object) => {}
            _ => {
                return Err(Reason::malformed(
                    "a key for something that is not a dictionary",
                ));
            }
        }
        Ok(())
    }
}
