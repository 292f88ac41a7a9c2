//! The machine's stack, marks and memo, and the operands of its instructions.
//!
//! Every value goes through [`Machine::push`], which counts it; marks and memo entries are counted too. Never grow anything
//! here without counting.

use std::str::FromStr;

use super::super::cursor::Cursor;
use super::super::policy::{Policy, Reason};
use super::super::values::{Span, Value};
use super::Machine;

/// Maximum length in bytes of a module's name or of a name in it.
const MAX_NAME: usize = 1024;

impl<'a, P: Policy> Machine<'a, '_, P> {
    /// Reads an operand with `read`.
    pub(super) fn operand<T>(
        &mut self,
        read: impl FnOnce(&mut Cursor<'a>) -> Option<T>,
    ) -> Result<T, Reason> {
        read(&mut self.cursor).ok_or_else(|| {
            self.ended = true;
            Reason::malformed("the pickle ends within an instruction")
        })
    }

    /// Reads the next `length` bytes.
    pub(super) fn span(&mut self, length: usize) -> Result<(Span, &'a [u8]), Reason> {
        let start = self.cursor.position();
        let bytes = self.operand(|cursor| cursor.take(length))?;
        let span =
            Span::new(start, length).ok_or_else(|| Reason::malformed("an invalid length"))?;
        Ok((span, bytes))
    }

    /// Reads up to the next line break, which is skipped.
    pub(super) fn line(&mut self) -> Result<(Span, &'a [u8]), Reason> {
        let start = self.cursor.position();
        let line = self.operand(Cursor::line)?;
        let span = Span::new(start, line.len());
        let span = span.ok_or_else(|| Reason::malformed("an invalid length"))?;
        Ok((span, line))
    }

    /// A number in a line.
    pub(super) fn decimal<T: FromStr>(&mut self, otherwise: &str) -> Result<T, Reason> {
        let (_, line) = self.line()?;
        let number = std::str::from_utf8(line).ok();
        let number = number.and_then(|number| number.trim().parse().ok());
        number.ok_or_else(|| Reason::malformed(otherwise))
    }

    /// A line with the name of a module, or of something in it.
    pub(super) fn name(&mut self) -> Result<Span, Reason> {
        let (span, line) = self.line()?;
        match std::str::from_utf8(line) {
            Ok(_) => Ok(span),
            Err(_) => Err(Reason::malformed("a name that is not UTF-8")),
        }
    }

    /// Pushes what stands for a name.
    pub(super) fn global(&mut self, module: Span, name: Span) -> Result<(), Reason> {
        // A pickle can cheaply recall a long text many times, and comparing it is slow.
        if module.length().max(name.length()) > MAX_NAME {
            return Err(Reason::malformed("a name that is too long"));
        }
        let value = self.policy.global(self.pickle, module, name)?;
        self.push(value)
    }

    /// Counts one more value.
    pub(super) fn count(&mut self) -> Result<(), Reason> {
        self.value_count += 1;
        if self.value_count > self.max_values {
            return Err(Reason::TooMany {
                what: "values",
                limit: self.max_values,
            });
        }
        Ok(())
    }

    pub(super) fn push(&mut self, value: Value<P::Object>) -> Result<(), Reason> {
        self.count()?;
        self.stack.push(value);
        Ok(())
    }

    /// Height of the stack below which nothing may be popped.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    pub(super) fn top(&self) -> Result<Value<P::Object>, Reason> {
        let above = self.stack.get(self.floor()..).unwrap_or_default();
        let top = above.last().copied();
        top.ok_or_else(|| Reason::malformed("the stack is empty"))
    }

    pub(super) fn pop(&mut self) -> Result<Value<P::Object>, Reason> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// Pops `count` values and returns them in the order they were pushed.
    pub(super) fn pop_many(&mut self, count: usize) -> Result<Vec<Value<P::Object>>, Reason> {
        let start = self.stack.len().checked_sub(count);
        match start.filter(|&start| start >= self.floor()) {
            Some(start) => Ok(self.pop_from(start)),
            None => Err(Reason::malformed("the stack is empty")),
        }
    }

    /// Pops everything above the last mark, and the mark.
    pub(super) fn pop_mark(&mut self) -> Result<Vec<Value<P::Object>>, Reason> {
        match self.marks.pop() {
            Some(mark) => Ok(self.pop_from(mark)),
            None => Err(Reason::malformed("there is no mark")),
        }
    }

    /// Pops everything from the height `start`, into a vector without spare capacity, as it may be kept as a tuple.
    fn pop_from(&mut self, start: usize) -> Vec<Value<P::Object>> {
        let popped = self.stack.get(start..).unwrap_or_default().to_vec();
        self.stack.truncate(start);
        popped
    }

    pub(super) fn memoise(&mut self, index: u32) -> Result<(), Reason> {
        let value = self.top()?;
        self.count()?;
        self.memo.insert(index, value);
        Ok(())
    }

    pub(super) fn recall(&mut self, index: u32) -> Result<(), Reason> {
        match self.memo.get(&index).copied() {
            Some(value) => self.push(value),
            None => Err(Reason::malformed(
                "it recalls a value that was never stored",
            )),
        }
    }
}
