//! Reads a Python pickle of a list of dictionaries without executing code.
//!
//! A pickle is a program that may call any Python function. The machine here supports only instructions that build lists,
//! dictionaries, texts and numbers, and refuses all others: names, calls, objects. A pickle cannot be read in parts, so its
//! length and the number of values are limited. Containers are indices into flat lists, so that self-reference and extreme
//! nesting cause neither loops nor deep recursion.

mod escapes;
mod machine;

use std::sync::Arc;

use super::error::DatasetError;
use super::inputs::Input;
use super::record::{Entries, Entry, Record, Value};
use rounds_support::files;

/// Largest file in bytes. The questions of PathVQA take 3 MiB.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Most items read of a list inside a record.
const MAX_ITEMS: usize = 64;
/// Deepest nesting of such lists that is read.
const MAX_DEPTH: usize = 2;
/// Largest record in bytes of texts: a pickle can refer to one text a million times.
const MAX_RECORD_BYTES: usize = 8 << 20;

/// The records of a pickle: the dictionaries in its list.
pub(super) fn entries(input: &Input) -> Result<Entries, DatasetError> {
    input.open()?;
    let bytes = files::read_limited(&input.path, MAX_FILE_BYTES)?;
    let (root, heap) = machine::run(&bytes).map_err(|(at, reason)| {
        DatasetError::broken(&format!("{}, byte {at}", input.name), reason)
    })?;
    let PickleValue::List(list) = root else {
        return Err(DatasetError::unsupported(
            &input.name,
            "the file is not a list of records",
        ));
    };
    let length = heap.lists.get(list).map_or(0, Vec::len);
    let (name, split) = (input.name.clone(), input.split.clone());
    let iterator = Box::new((0..length).map(move |position| {
        let origin = format!("{name}, entry {}", position.saturating_add(1));
        let item = heap.lists.get(list).and_then(|items| items.get(position));
        Ok(entry(item, &heap, origin, &split))
    }));
    Ok(Entries {
        total: u64::try_from(length).ok(),
        iterator,
    })
}

fn entry(item: Option<&PickleValue>, heap: &Heap, origin: String, split: &str) -> Entry {
    let Some(PickleValue::Dict(dict)) = item else {
        let reason = "the entry is not a dictionary".to_owned();
        return Entry::Bad { origin, reason };
    };
    match heap.fields(*dict) {
        Some(fields) => Entry::Record(Record::new(origin, split, fields)),
        None => Entry::Bad {
            origin,
            reason: "the entry is longer than 8 MiB".to_owned(),
        },
    }
}

/// A value built by a pickle. Containers are indices into the lists of the heap.
#[derive(Clone, Debug)]
enum PickleValue {
    Null,
    Text(Arc<str>),
    List(usize),
    Dict(usize),
}

#[derive(Default)]
struct Heap {
    lists: Vec<Vec<PickleValue>>,
    dicts: Vec<Vec<(PickleValue, PickleValue)>>,
}

impl Heap {
    /// The named fields of a dictionary; `None` if their texts exceed the limit.
    fn fields(&self, dict: usize) -> Option<Vec<(String, Value)>> {
        let mut budget = MAX_RECORD_BYTES;
        let mut fields = Vec::new();
        for (name, value) in self.dicts.get(dict).into_iter().flatten() {
            if let PickleValue::Text(name) = name {
                let name = copied(name, &mut budget)?;
                fields.push((name, self.value(value, 0, &mut budget)?));
            }
        }
        Some(fields)
    }

    /// Converts a value; `None` if its texts exceed `budget`, which is reduced by their size.
    fn value(&self, value: &PickleValue, depth: usize, budget: &mut usize) -> Option<Value> {
        Some(match value {
            PickleValue::Text(text) => Value::Text(copied(text, budget)?),
            PickleValue::List(list) if depth < MAX_DEPTH => {
                let items = self.lists.get(*list).map_or(&[][..], Vec::as_slice).iter();
                let items = items.take(MAX_ITEMS);
                let items = items.map(|item| self.value(item, depth.saturating_add(1), budget));
                Value::List(items.collect::<Option<_>>()?)
            }
            PickleValue::Null | PickleValue::List(_) => Value::Null,
            // Neither a text nor an image; a recipe that needs this field reports it.
            PickleValue::Dict(_) => Value::Object(Vec::new()),
        })
    }
}

fn copied(text: &str, budget: &mut usize) -> Option<String> {
    *budget = budget.checked_sub(text.len())?;
    Some(text.to_owned())
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
