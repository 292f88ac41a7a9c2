//! The instructions that push a constant.

use super::super::cursor::Cursor;
use super::super::policy::{Policy, Reason};
use super::super::values::{Span, Value};
use super::Machine;

impl<P: Policy> Machine<'_, '_, P> {
    /// Pushes a constant; `false` if it is another instruction.
    pub(super) fn constant(&mut self, opcode: u8) -> Result<bool, Reason> {
        let value = match opcode {
            // NONE, NEWTRUE, NEWFALSE
            b'N' => Value::Other,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            // BINFLOAT; FLOAT, INT and LONG in a line
            b'G' => Value::Float(f64::from_be_bytes(self.operand(Cursor::array)?)),
            b'F' => Value::Float(self.decimal("a number that cannot be read")?),
            b'I' | b'L' => self.integer()?,
            // BININT, BININT1, BININT2, LONG1, LONG4
            b'J' => Value::Int(i64::from(i32::from_le_bytes(self.operand(Cursor::array)?))),
            b'K' => Value::Int(i64::from(self.operand(Cursor::u8)?)),
            b'M' => Value::Int(i64::from(self.operand(Cursor::u16)?)),
            0x8a => {
                let length = usize::from(self.operand(Cursor::u8)?);
                self.long(length)?
            }
            0x8b => {
                let length = self.length_32()?;
                self.long(length)?
            }
            // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8; SHORT_BINSTRING and BINSTRING of Python 2
            0x8c | b'U' => {
                let length = usize::from(self.operand(Cursor::u8)?);
                self.text(length)?
            }
            b'X' | b'T' => {
                let length = self.length_32()?;
                self.text(length)?
            }
            0x8d => {
                let length = self.length_64()?;
                self.text(length)?
            }
            // SHORT_BINBYTES, BINBYTES, BINBYTES8 and BYTEARRAY8
            b'C' => {
                let length = usize::from(self.operand(Cursor::u8)?);
                self.bytes(length)?
            }
            b'B' => {
                let length = self.length_32()?;
                self.bytes(length)?
            }
            0x8e | 0x96 => {
                let length = self.length_64()?;
                self.bytes(length)?
            }
            // STRING (a literal of Python), UNICODE, in a line
            b'S' => self.literal()?,
            b'V' => Value::Escaped(self.line()?.0),
            _ => return Ok(false),
        };
        self.push(value)?;
        Ok(true)
    }

    /// A length of four bytes.
    fn length_32(&mut self) -> Result<usize, Reason> {
        let length = self.operand(Cursor::u32)?;
        usize::try_from(length).map_err(|_| Reason::malformed("an invalid length"))
    }

    /// A length of eight bytes.
    fn length_64(&mut self) -> Result<usize, Reason> {
        let length = self.operand(Cursor::u64)?;
        usize::try_from(length).map_err(|_| Reason::malformed("an invalid length"))
    }

    /// A text. Python can write surrogates, which are not UTF-8; such a text becomes bytes.
    fn text(&mut self, length: usize) -> Result<Value<P::Object>, Reason> {
        let (span, bytes) = self.span(length)?;
        Ok(match std::str::from_utf8(bytes) {
            Ok(_) => Value::Text(span),
            Err(_) => Value::Bytes(span),
        })
    }

    fn bytes(&mut self, length: usize) -> Result<Value<P::Object>, Reason> {
        Ok(Value::Bytes(self.span(length)?.0))
    }

    /// A quoted literal in a line, without its prefix and quotes.
    fn literal(&mut self) -> Result<Value<P::Object>, Reason> {
        let start = self.cursor.position();
        let (_, line) = self.line()?;
        let literal = line.trim_ascii();
        let unprefixed = literal.strip_prefix(b"u").unwrap_or(literal);
        let inner = match unprefixed {
            [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
            _ => return Err(Reason::malformed("a text without quotes")),
        };
        let blanks = line.len() - line.trim_ascii_start().len();
        let prefix = literal.len() - unprefixed.len();
        let span = Span::new(start + blanks + prefix + 1, inner.len());
        span.map(Value::Escaped)
            .ok_or_else(|| Reason::malformed("an invalid length"))
    }

    /// An integer in a line; `00` and `01` are truth values, and one of more than 64 bits is ignored.
    fn integer(&mut self) -> Result<Value<P::Object>, Reason> {
        let (_, line) = self.line()?;
        let digits = line.trim_ascii();
        let digits = digits.strip_suffix(b"L").unwrap_or(digits);
        let unsigned = digits.strip_prefix(b"-").unwrap_or(digits);
        if unsigned.is_empty() || !unsigned.iter().all(u8::is_ascii_digit) {
            return Err(Reason::malformed("a number that cannot be read"));
        }
        let number = std::str::from_utf8(digits).ok();
        Ok(
            match (digits, number.and_then(|number| number.parse().ok())) {
                (b"00", _) => Value::Bool(false),
                (b"01", _) => Value::Bool(true),
                (_, Some(number)) => Value::Int(number),
                (_, None) => Value::Other,
            },
        )
    }

    /// An integer in two's complement; one of more than 64 bits is ignored.
    fn long(&mut self, length: usize) -> Result<Value<P::Object>, Reason> {
        let (_, bytes) = self.span(length)?;
        let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
        let mut wide = if negative { [0xff; 8] } else { [0; 8] };
        Ok(match wide.get_mut(..length) {
            Some(low) => {
                low.copy_from_slice(bytes);
                Value::Int(i64::from_le_bytes(wide))
            }
            None => Value::Other,
        })
    }
}
