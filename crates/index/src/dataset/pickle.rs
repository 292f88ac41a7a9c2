//! Reads a Python pickle of a list of dictionaries without executing code.
//!
//! The machine of [`rounds_support::pickle`] reads it, under a policy that refuses every name, call and object. A pickle cannot
//! be read in parts, so its length and the number of values are limited.

use std::convert::Infallible;

use super::error::DatasetError;
use super::inputs::Input;
use super::record::{Entries, Entry, Record, Value};
use rounds_support::files;
use rounds_support::pickle::{self, PickleError, Policy, Reason, Span, unescape};

/// Largest file in bytes. The questions of PathVQA take 3 MiB.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Most values a pickle may build.
const MAX_VALUES: usize = 1 << 22;
/// Most items read of a list inside a record.
const MAX_ITEMS: usize = 64;
/// Deepest nesting of such lists that is read.
const MAX_DEPTH: usize = 2;
/// Largest record in bytes of texts: a pickle can refer to one text a million times.
const MAX_RECORD_BYTES: usize = 8 << 20;

/// A value of a pickle; the policy builds none of its own.
type PickleValue = pickle::Value<Infallible>;
type Heap = pickle::Heap<Infallible>;

/// The records of a pickle: the dictionaries in its list.
pub(super) fn entries(input: &Input) -> Result<Entries, DatasetError> {
    input.open()?;
    let bytes = files::read_limited(&input.path, MAX_FILE_BYTES)?;
    let (root, heap) = pickle::run(&bytes, MAX_VALUES, &mut PlainData)
        .map_err(|error| refusal(&input.name, error))?;
    let PickleValue::List(list) = root else {
        return Err(DatasetError::unsupported(
            &input.name,
            "the file is not a list of records",
        ));
    };
    let length = heap.list(list).len();
    let (name, split) = (input.name.clone(), input.split.clone());
    let iterator = Box::new((0..length).map(move |position| {
        let origin = format!("{name}, entry {}", position.saturating_add(1));
        let item = heap.list(list).get(position);
        let reader = Reader {
            pickle: &bytes,
            heap: &heap,
        };
        Ok(reader.entry(item, origin, &split))
    }));
    Ok(Entries {
        total: u64::try_from(length).ok(),
        iterator,
    })
}

fn refusal(name: &str, PickleError { at, reason }: PickleError) -> DatasetError {
    let reason = match reason {
        Reason::Malformed(reason) | Reason::Hostile(reason) => reason,
        Reason::TooMany { what, limit } => format!("it builds more than {limit} {what}"),
    };
    DatasetError::broken(&format!("{name}, byte {at}"), reason)
}

/// Refuses everything that Python would import, call or load.
struct PlainData;

fn code() -> Reason {
    Reason::malformed("it refers to code or objects; only lists of plain fields are supported")
}

impl Policy for PlainData {
    type Object = Infallible;

    fn global(&mut self, _: &[u8], _: Span, _: Span) -> Result<PickleValue, Reason> {
        Err(code())
    }

    fn call(
        &mut self,
        _: &[u8],
        _: &mut Heap,
        _: PickleValue,
        _: PickleValue,
    ) -> Result<PickleValue, Reason> {
        Err(code())
    }

    fn external(&mut self, _: &[u8], _: &Heap, _: PickleValue) -> Result<PickleValue, Reason> {
        Err(code())
    }

    fn unknown(&self, opcode: u8) -> Reason {
        match opcode {
            // INST, OBJ, PERSID, EXT1 to EXT4
            b'i' | b'o' | b'P' | 0x82..=0x84 => code(),
            _ => Reason::Malformed(format!("unknown instruction 0x{opcode:02x}")),
        }
    }
}

/// Reads values of a pickle as fields of records.
struct Reader<'a> {
    pickle: &'a [u8],
    heap: &'a Heap,
}

impl Reader<'_> {
    fn entry(&self, item: Option<&PickleValue>, origin: String, split: &str) -> Entry {
        let Some(PickleValue::Dict(dict)) = item else {
            let reason = "the entry is not a dictionary".to_owned();
            return Entry::Bad { origin, reason };
        };
        match self.fields(*dict) {
            Some(fields) => Entry::Record(Record::new(origin, split, fields)),
            None => Entry::Bad {
                origin,
                reason: "the entry is longer than 8 MiB".to_owned(),
            },
        }
    }

    /// The named fields of a dictionary; `None` if their texts exceed the limit.
    fn fields(&self, dict: pickle::Handle) -> Option<Vec<(String, Value)>> {
        let mut budget = MAX_RECORD_BYTES;
        let mut fields = Vec::new();
        for (name, value) in self.heap.dict(dict) {
            if let Value::Text(name) = self.value(name, 0, &mut budget)? {
                fields.push((name, self.value(value, 0, &mut budget)?));
            }
        }
        Some(fields)
    }

    /// Converts a value; `None` if its texts exceed `budget`, which is reduced by their size.
    fn value(&self, value: &PickleValue, depth: usize, budget: &mut usize) -> Option<Value> {
        let text = match value {
            PickleValue::Bool(truth) => truth.to_string(),
            PickleValue::Int(number) => number.to_string(),
            PickleValue::Float(number) => number.to_string(),
            PickleValue::Text(span) | PickleValue::Escaped(span) | PickleValue::Bytes(span) => {
                // Before the text is copied.
                *budget = budget.checked_sub(span.length())?;
                let text = String::from_utf8_lossy(span.bytes(self.pickle));
                match value {
                    PickleValue::Escaped(_) => unescape(&text),
                    _ => text.into_owned(),
                }
            }
            PickleValue::List(list) => return self.items(self.heap.list(*list), depth, budget),
            PickleValue::Tuple(tuple) => return self.items(self.heap.tuple(*tuple), depth, budget),
            PickleValue::Other => return Some(Value::Null),
            // Neither a text nor an image; a recipe that needs this field reports it.
            PickleValue::Dict(_) => return Some(Value::Object(Vec::new())),
            PickleValue::Object(never) => match *never {},
        };
        Some(Value::Text(text))
    }

    fn items(&self, items: &[PickleValue], depth: usize, budget: &mut usize) -> Option<Value> {
        if depth >= MAX_DEPTH {
            return Some(Value::Null);
        }
        let items = items.iter().take(MAX_ITEMS);
        let items = items.map(|item| self.value(item, depth.saturating_add(1), budget));
        Some(Value::List(items.collect::<Option<_>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pickle: &mut Vec<u8>, text: &str) {
        pickle.push(b'X');
        pickle.extend((text.len() as u32).to_le_bytes());
        pickle.extend(text.as_bytes());
    }

    #[test]
    fn a_text_referenced_many_times_is_not_copied_without_limit() {
        // A list; a memoised text; a dictionary with that text in a hundred fields; another with a short text.
        let mut pickle = b"\x80\x04]".to_vec();
        text(&mut pickle, &"long ".repeat(200_000));
        pickle.extend(b"q\x000}(");
        for field in 0..100 {
            text(&mut pickle, &format!("field {field}"));
            pickle.extend(b"h\x00");
        }
        pickle.extend(b"ua}(");
        text(&mut pickle, "question");
        text(&mut pickle, "short");
        pickle.extend(b"ua.");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train_qa.pkl");
        files::write_atomic(&path, &pickle).unwrap();
        let read: Vec<Entry> = entries(&Input::new(path))
            .unwrap()
            .iterator
            .map(Result::unwrap)
            .collect();
        let [Entry::Bad { reason, .. }, Entry::Record(short)] = &read[..] else {
            panic!("{} entries", read.len());
        };
        assert!(reason.contains("8 MiB"), "{reason}");
        assert_eq!(short.text("question").unwrap(), "short");
    }
}
