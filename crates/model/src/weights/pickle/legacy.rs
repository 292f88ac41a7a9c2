//! Files of PyTorch before 1.6: five pickles and then the storages, one after the other.
//!
//! The pickles are a magic number, the version of the format, a description of the machine that wrote it, the saved object, and the
//! names of the storages in order; each storage is its number of elements and then the elements, always little-endian
//! (`_legacy_save` in PyTorch's `torch/serialization.py`). Only the last instruction of a pickle says where it ends. So a pickle
//! is read from a part of the file that grows until it is in it. Never read a storage here, only the count before it; and never
//! trust a count that differs from what the object says.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::TensorInfo;
use super::policy::{self, MAX_PICKLE, MAX_TENSORS, Outcome};
use super::record::Record;
use super::tensors::check;
use super::values::{StorageClass, Value};
use crate::weights::WeightError;
use crate::weights::input::Input;
use rounds_support::errors::bytes;
use rounds_support::pickle::Span;

/// The pickled magic number.
const MAGIC: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
/// The only version of the format.
const VERSION: i64 = 1001;
/// Bytes of the count before each storage.
const COUNT_LENGTH: u64 = 8;
/// Bytes in which a pickle is looked for first, and by what they grow.
const FIRST_PART: u64 = 1 << 18;
const GROWTH: u64 = 4;

/// One of the pickles.
struct Part {
    pickle: Vec<u8>,
    outcome: Outcome,
    /// Offset of the byte after it.
    end: u64,
}

/// What the object says about a storage.
#[derive(Clone, Copy, PartialEq)]
struct Claim {
    class: StorageClass,
    elements: i64,
}

/// Whether a file with these first bytes has this format.
pub(super) fn begins(head: &[u8]) -> bool {
    head.windows(MAGIC.len()).any(|window| window == MAGIC)
}

/// The checked tensors of the file `input`.
pub(super) fn tensors(input: &Input) -> Result<Vec<TensorInfo>, WeightError> {
    let wrong = |reason: &str| WeightError::format(input.name(), reason);
    let magic = part(input, 0, "the magic number")?;
    // The machine does not read an integer of this length.
    if magic.outcome.root != Value::Other || !magic.pickle.ends_with(MAGIC) {
        return Err(wrong(
            "it does not begin with PyTorch's magic number, so it is not from torch.save",
        ));
    }
    let version = part(input, magic.end, "the version")?;
    if version.outcome.root != Value::Int(VERSION) {
        return Err(wrong(
            "it has an unknown version of the format before PyTorch 1.6; load it and save it again with a newer PyTorch",
        ));
    }
    let machine = part(input, version.end, "the description of the machine")?;
    check_byte_order(input, &machine)?;
    let object = part(input, machine.end, "the saved object")?;
    let names = part(input, object.end, "the list of storages")?;
    let claims = claims(input, &object)?;
    let records = records(input, &names, &claims)?;
    check(input.name(), &object.pickle, &object.outcome, |name| {
        let record = records.get(name).copied();
        record.ok_or_else(|| {
            wrong(&format!(
                "the storage {name} is not in the list of storages"
            ))
        })
    })
}

/// Reads the pickle that begins at the byte `start`; `what` it is, for messages.
fn part(input: &Input, start: u64, what: &str) -> Result<Part, WeightError> {
    let rest = input.length().saturating_sub(start);
    let mut wanted = FIRST_PART;
    loop {
        let length = wanted.min(rest).min(MAX_PICKLE);
        let mut pickle = input.read(start, length)?;
        if let Some((outcome, used)) = policy::run_legacy(&pickle, input.name(), what)? {
            pickle.truncate(used);
            return Ok(Part {
                end: start.saturating_add(pickle.len() as u64),
                pickle,
                outcome,
            });
        }
        if length == rest {
            return Err(truncated(input, what));
        }
        if length == MAX_PICKLE {
            let what = format!("a pickle that is too long ({what})");
            return Err(WeightError::too_large(
                input.name(),
                what,
                bytes(MAX_PICKLE),
            ));
        }
        // No overflow: it is at most four times the limit.
        wanted *= GROWTH;
    }
}

fn truncated(input: &Input, what: &str) -> WeightError {
    let reason = format!("it ends within {what}; it may be truncated, so download it again");
    WeightError::format(input.name(), reason)
}

/// Errors where the machine that wrote the file was not little-endian.
fn check_byte_order(input: &Input, machine: &Part) -> Result<(), WeightError> {
    let wrong = |reason: &str| Err(WeightError::format(input.name(), reason));
    let Value::Dict(fields) = machine.outcome.root else {
        return wrong("it does not describe the machine that wrote it");
    };
    let fields = machine.outcome.heap.dict(fields).iter();
    // Of two equal keys, Python takes the last.
    let little = fields.rev().find(|(key, _)| match key {
        Value::Text(key) => key.bytes(&machine.pickle) == b"little_endian",
        _ => false,
    });
    match little {
        Some((_, Value::Bool(true))) => Ok(()),
        Some((_, Value::Bool(false))) => wrong("it was written on a big-endian machine"),
        _ => wrong("its byte order is unknown"),
    }
}

/// What the saved `object` says about each storage, by name. Errors where it says two things about one.
fn claims<'a>(input: &Input, object: &'a Part) -> Result<HashMap<&'a str, Claim>, WeightError> {
    let differs = |name: &str| {
        let reason = format!("the storage {name} is described in two ways");
        WeightError::format(input.name(), reason)
    };
    let mut claims = HashMap::new();
    // By the position of the name first, because comparing long names repeatedly is slow.
    let mut known: HashMap<Span, Claim> = HashMap::new();
    for storage in &object.outcome.described.storages {
        let claim = Claim {
            class: storage.class,
            elements: storage.elements,
        };
        let first = match known.entry(storage.key) {
            Entry::Occupied(first) => *first.get(),
            Entry::Vacant(first) => {
                first.insert(claim);
                *claims
                    .entry(storage.key.text(&object.pickle))
                    .or_insert(claim)
            }
        };
        if first != claim {
            return Err(differs(storage.key.text(&object.pickle)));
        }
    }
    Ok(claims)
}

/// Where each of the storages listed in `names` is, by name. Errors where they do not fill the rest of the file.
fn records<'a>(
    input: &Input,
    names: &'a Part,
    claims: &HashMap<&str, Claim>,
) -> Result<HashMap<&'a str, Record>, WeightError> {
    let wrong = |reason: String| WeightError::format(input.name(), reason);
    let Value::List(list) = names.outcome.root else {
        return Err(wrong("it has no list of its storages".into()));
    };
    let list = names.outcome.heap.list(list);
    if list.len() > MAX_TENSORS {
        let what = format!("{} storages", list.len());
        return Err(WeightError::too_large(input.name(), what, MAX_TENSORS));
    }
    let mut records = HashMap::new();
    let mut at = names.end;
    for name in list {
        let Value::Text(name) = name else {
            return Err(wrong("the name of a storage is not a text".into()));
        };
        let name = name.text(&names.pickle);
        let claim = claims
            .get(name)
            .ok_or_else(|| wrong(format!("nothing is known about the storage {name}")))?;
        let record = record(input, at, name, *claim)?;
        // No overflow: the record is inside the file.
        at = record.start + record.length;
        if records.insert(name, record).is_some() {
            return Err(wrong(format!("the storage {name} is listed twice")));
        }
    }
    if at < input.length() {
        let length = input.length();
        return Err(wrong(format!(
            "its last storage ends at byte {at}, but the file at byte {length}; it is damaged, so download it again"
        )));
    }
    Ok(records)
}

/// Where the elements of the storage called `name` are, whose count is at the byte `at`.
fn record(input: &Input, at: u64, name: &str, claim: Claim) -> Result<Record, WeightError> {
    let wrong =
        |reason: &str| WeightError::format(input.name(), format!("the storage {name} {reason}"));
    let width = match claim.class {
        StorageClass::Typed(dtype) => dtype.size() as u64,
        StorageClass::Untyped => 1,
        StorageClass::Opaque(_) => return Err(wrong("has elements of an unsupported type")),
    };
    let ends = || truncated(input, &format!("the storage {name}"));
    let start = at.checked_add(COUNT_LENGTH).ok_or_else(ends)?;
    if start > input.length() {
        return Err(ends());
    }
    let count = input.read(at, COUNT_LENGTH)?;
    let count = <[u8; 8]>::try_from(count).map_err(|_| ends())?;
    let count = i64::from_le_bytes(count);
    if count != claim.elements {
        let reason = format!("is to have {} elements, but has {count}", claim.elements);
        return Err(wrong(&reason));
    }
    let count = u64::try_from(count).ok();
    let length = count.and_then(|count| count.checked_mul(width));
    let length = length.ok_or_else(|| wrong("has an invalid length"))?;
    let end = start.checked_add(length).ok_or_else(ends)?;
    if end > input.length() {
        return Err(ends());
    }
    Ok(Record { start, length })
}
