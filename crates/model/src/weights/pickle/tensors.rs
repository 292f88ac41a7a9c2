//! From what a pickle says about tensors to tensors whose bytes are known to be in the file.

use std::collections::{HashMap, HashSet};

use super::TensorInfo;
use super::layout::Layout;
use super::policy::Outcome;
use super::record::Record;
use super::values::{Object, Storage, Value};
use super::walk;
use crate::weights::WeightError;
use rounds_support::pickle::{Handle, Span};

/// Checks every tensor of the object that `pickle`, a part of `file`, has described. `locate` finds the storage of a name.
pub(super) fn check(
    file: &str,
    pickle: &[u8],
    outcome: &Outcome,
    locate: impl Fn(&str) -> Result<Record, WeightError>,
) -> Result<Vec<TensorInfo>, WeightError> {
    let wrong = |reason: String| WeightError::format(file, reason);
    if let Value::Object(Object::Opaque(name)) = outcome.root {
        let class = outcome.described.name(name, pickle);
        return Err(wrong(format!(
            "it has a Python object ({class}), not a state dictionary"
        )));
    }
    let named = walk::tensors(outcome.root, &outcome.heap, pickle, file)?;
    let mut storages = Storages {
        file,
        pickle,
        outcome,
        locate,
        records: HashMap::new(),
    };
    let tensors = named
        .into_iter()
        .map(|(name, tensor)| storages.tensor(name, tensor))
        .collect::<Result<Vec<_>, _>>()?;
    let mut names = HashSet::with_capacity(tensors.len());
    if let Some(twice) = tensors
        .iter()
        .find(|info| !names.insert(info.name.as_str()))
    {
        return Err(wrong(format!("two tensors are called {}", twice.name)));
    }
    Ok(tensors)
}

/// Looks up the storages of tensors, each only once.
struct Storages<'a, L> {
    file: &'a str,
    pickle: &'a [u8],
    outcome: &'a Outcome,
    locate: L,
    /// By the position of their name in the pickle, because comparing long names repeatedly is slow.
    records: HashMap<Span, Record>,
}

impl<L: Fn(&str) -> Result<Record, WeightError>> Storages<'_, L> {
    /// The record of the storage called `key`.
    fn record(&mut self, key: Span) -> Result<Record, WeightError> {
        if let Some(record) = self.records.get(&key) {
            return Ok(*record);
        }
        let record = (self.locate)(key.text(self.pickle))?;
        self.records.insert(key, record);
        Ok(record)
    }

    /// Checks the tensor called `name` against its storage.
    fn tensor(&mut self, name: String, handle: Handle) -> Result<TensorInfo, WeightError> {
        let (file, outcome) = (self.file, self.outcome);
        let wrong = |reason: &str| WeightError::format(file, format!("tensor {name}: {reason}"));
        let tensor = outcome.described.tensors.get(handle as usize);
        let tensor = tensor.ok_or_else(|| wrong("it is missing"))?;
        let storage = outcome.described.storages.get(tensor.storage as usize);
        let storage = storage.ok_or_else(|| wrong("its storage is missing"))?;
        let width = tensor.dtype.size();
        let whole = self.record(storage.key)?;
        let (elements, length) = lengths(storage.elements, width)
            .ok_or_else(|| wrong("its storage has an invalid length"))?;
        if length > whole.length {
            let reason = format!(
                "its storage is to have {length} bytes, but has {}",
                whole.length
            );
            return Err(wrong(&reason));
        }
        let (record, elements) = match storage.view {
            None => (whole, elements),
            Some(_) => view(storage, whole, width)
                .ok_or_else(|| wrong("its storage is a view that leaves the storage it is of"))?,
        };
        let size = outcome.heap.tuple(tensor.size);
        let stride = outcome.heap.tuple(tensor.stride);
        let layout = Layout::new(
            file,
            &name,
            (size, stride, tensor.offset),
            (elements, width),
        )?;
        Ok(TensorInfo {
            name,
            dtype: tensor.dtype,
            shape: layout.shape.clone(),
            storage: record,
            layout,
        })
    }
}

/// `elements` of `width` bytes: their number and the bytes they take.
fn lengths(elements: i64, width: usize) -> Option<(usize, u64)> {
    let elements = usize::try_from(elements).ok()?;
    let length = elements.checked_mul(width)?;
    Some((elements, u64::try_from(length).ok()?))
}

/// Where the view that `storage` is has its bytes in its `whole`, and its number of elements. `None` if it is not inside.
fn view(storage: &Storage, whole: Record, width: usize) -> Option<(Record, usize)> {
    let view = storage.view?;
    let (_, claimed) = lengths(storage.elements, width)?;
    let (_, offset) = lengths(view.start, width)?;
    let (elements, length) = lengths(view.elements, width)?;
    let claimed = whole.part(0, claimed)?;
    Some((claimed.part(offset, length)?, elements))
}
