//! Reads the header of a GGUF file, up to the description of the last tensor.
//!
//! The file is read in chunks of fixed length. What is not needed is skipped, after checking that it is inside the file.

use super::{MAX_ENTRIES, Value};
use crate::weights::WeightError;
use crate::weights::input::Input;

/// Bytes read at once.
const CHUNK: u64 = 1 << 18;
/// Maximum length in bytes of a text that is stored.
const MAX_TEXT: u64 = 4096;
/// Most entries of a list that is read: the largest vocabularies have a quarter of it.
const MAX_LIST: u64 = 1 << 20;
/// Maximum nesting of lists.
const MAX_LIST_DEPTH: usize = 4;

/// GGUF's ids of value types.
const UNSIGNED: u32 = 4;
const SIGNED: u32 = 5;
const TEXT: u32 = 8;
const LIST: u32 = 9;

/// A position in the header of a file.
pub(super) struct HeaderReader<'a> {
    input: &'a Input,
    at: u64,
    chunk: Vec<u8>,
    chunk_start: u64,
}

impl<'a> HeaderReader<'a> {
    pub(super) fn new(input: &'a Input) -> Self {
        Self {
            input,
            at: 0,
            chunk: Vec::new(),
            chunk_start: 0,
        }
    }

    /// A reader that begins at a byte of the file.
    pub(super) fn from(input: &'a Input, at: u64) -> Self {
        Self {
            at: at.min(input.length()),
            ..Self::new(input)
        }
    }

    /// Bytes read and skipped so far.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn error(&self, reason: &str) -> WeightError {
        WeightError::format(self.input.name(), reason)
    }

    fn remaining(&self) -> u64 {
        self.input.length() - self.at
    }

    fn skip(&mut self, length: u64) -> Result<(), WeightError> {
        if length > self.remaining() {
            return Err(self.error(&format!("it ends early, at byte {}", self.input.length())));
        }
        self.at += length;
        Ok(())
    }

    /// The next `length` bytes, at most [`MAX_TEXT`] of them.
    fn take(&mut self, length: u64) -> Result<&[u8], WeightError> {
        let start = self.at;
        self.skip(length)?;
        let chunk_end = self.chunk_start + self.chunk.len() as u64;
        if start < self.chunk_start || self.at > chunk_end {
            let wanted = length.max(CHUNK).min(self.input.length() - start);
            self.chunk = self.input.read(start, wanted)?;
            self.chunk_start = start;
        }
        let from = (start - self.chunk_start) as usize;
        let ends = || WeightError::format(self.input.name(), "it ends early");
        self.chunk
            .get(from..from + length as usize)
            .ok_or_else(ends)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WeightError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N as u64)?);
        Ok(out)
    }

    pub(super) fn u32(&mut self) -> Result<u32, WeightError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, WeightError> {
        self.array().map(u64::from_le_bytes)
    }

    /// Reads the numbers of tensors and metadata entries.
    pub(super) fn counts(&mut self) -> Result<(u64, u64), WeightError> {
        if self.remaining() < 4 || self.take(4)? != b"GGUF" {
            return Err(self.error("it does not begin with GGUF"));
        }
        match self.u32()? {
            2 | 3 => {}
            1 => {
                return Err(
                    self.error("it has GGUF version 1; convert it again with a newer llama.cpp")
                );
            }
            version if version & 0xFFFF == 0 => {
                return Err(self.error("it was written for big-endian machines"));
            }
            version => {
                return Err(self.error(&format!(
                    "it has GGUF version {version}, which is not supported"
                )));
            }
        }
        let (tensors, pairs) = (self.u64()?, self.u64()?);
        for (count, what) in [(tensors, "tensors"), (pairs, "entries of metadata")] {
            if count > MAX_ENTRIES {
                let what = format!("{count} {what}");
                return Err(WeightError::too_large(self.input.name(), what, MAX_ENTRIES));
            }
        }
        Ok((tensors, pairs))
    }

    /// A name of at most `max` bytes.
    pub(super) fn name(&mut self, max: u64) -> Result<String, WeightError> {
        let length = self.u64()?;
        if length > max.min(MAX_TEXT) {
            let what = format!("a name of {length} bytes");
            return Err(WeightError::too_large(self.input.name(), what, max));
        }
        let bytes = self.take(length)?.to_vec();
        String::from_utf8(bytes).map_err(|_| self.error("a name in it is not UTF-8"))
    }

    /// Reads a value, preceded by its type.
    pub(super) fn value(&mut self) -> Result<Value, WeightError> {
        let kind = self.u32()?;
        Ok(match kind {
            0 => Value::Whole(self.array().map(u8::from_le_bytes)?.into()),
            1 => Value::Whole(self.array().map(i8::from_le_bytes)?.into()),
            2 => Value::Whole(self.array().map(u16::from_le_bytes)?.into()),
            3 => Value::Whole(self.array().map(i16::from_le_bytes)?.into()),
            4 => Value::Whole(self.u32()?.into()),
            5 => Value::Whole(self.array().map(i32::from_le_bytes)?.into()),
            6 => Value::Real(decimal(self.array().map(f32::from_le_bytes)?)),
            7 => Value::Flag(self.array::<1>()? != [0]),
            TEXT => self.text()?,
            LIST => {
                let at = self.at;
                self.skip_list(0)?;
                Value::List(at)
            }
            10 => Value::Whole(self.u64()?.into()),
            11 => Value::Whole(self.array().map(i64::from_le_bytes)?.into()),
            12 => Value::Real(self.array().map(f64::from_le_bytes)?),
            _ => return Err(self.unknown(kind)),
        })
    }

    fn unknown(&self, kind: u32) -> WeightError {
        self.error(&format!(
            "its metadata has a value of the unknown type {kind}"
        ))
    }

    fn text(&mut self) -> Result<Value, WeightError> {
        let length = self.u64()?;
        if length > MAX_TEXT {
            self.skip(length)?;
            return Ok(Value::Skipped);
        }
        let bytes = self.take(length)?;
        Ok(Value::Text(String::from_utf8_lossy(bytes).into_owned()))
    }

    /// The entries of the list that begins here, each read by `read`; `None` where they have another type than one of `kinds`.
    ///
    /// Errors where there are too many.
    pub(super) fn list<T>(
        &mut self,
        kinds: &[u32],
        read: impl Fn(&mut Self) -> Result<T, WeightError>,
    ) -> Result<Option<Vec<T>>, WeightError> {
        let (kind, count) = (self.u32()?, self.u64()?);
        if !kinds.contains(&kind) {
            return Ok(None);
        }
        if count > MAX_LIST {
            let what = format!("a list of {count} entries");
            return Err(WeightError::too_large(self.input.name(), what, MAX_LIST));
        }
        // No memory is reserved for the count: each entry must be there first.
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push(read(self)?);
        }
        Ok(Some(entries))
    }

    /// The texts of the list that begins here; `None` where it has other entries.
    pub(super) fn texts(&mut self) -> Result<Option<Vec<String>>, WeightError> {
        self.list(&[TEXT], |reader| reader.name(MAX_TEXT))
    }

    /// The 32-bit integers of the list that begins here; `None` where it has other entries.
    pub(super) fn integers(&mut self) -> Result<Option<Vec<u32>>, WeightError> {
        self.list(&[UNSIGNED, SIGNED], Self::u32)
    }

    fn skip_list(&mut self, depth: usize) -> Result<(), WeightError> {
        if depth == MAX_LIST_DEPTH {
            return Err(self.error("its metadata has lists nested too deeply"));
        }
        let (kind, count) = (self.u32()?, self.u64()?);
        let size = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            10..=12 => 8,
            // Every entry begins with its length, so too high a count fails at the end of the file.
            TEXT => {
                for _ in 0..count {
                    let length = self.u64()?;
                    self.skip(length)?;
                }
                return Ok(());
            }
            LIST => {
                for _ in 0..count {
                    self.skip_list(depth + 1)?;
                }
                return Ok(());
            }
            _ => return Err(self.unknown(kind)),
        };
        let length = count.checked_mul(size);
        self.skip(length.unwrap_or(u64::MAX))
    }
}

/// The number as f64, converted through its shortest decimal form.
fn decimal(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}
