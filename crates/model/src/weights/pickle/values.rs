//! The values that a pickle builds, and the heap that they refer to.
//!
//! Values are small and refer by handle into flat lists. So dropping a pickle nested a million deep does not recurse, and
//! one that contains itself is not a reference cycle.

use super::globals::KnownGlobal;
use crate::weights::Dtype;

/// A text, as a range of the pickle's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Span {
    start: u32,
    length: u32,
}

impl Span {
    /// `length` bytes from `start`; `None` beyond 4 GiB, longer than any accepted pickle.
    pub(super) fn new(start: usize, length: usize) -> Option<Self> {
        Some(Self {
            start: u32::try_from(start).ok()?,
            length: u32::try_from(length).ok()?,
        })
    }

    /// Length in bytes.
    pub(super) fn length(self) -> usize {
        self.length as usize
    }

    /// The text in its `pickle`; empty if it is not UTF-8.
    pub(super) fn text(self, pickle: &[u8]) -> &str {
        let start = self.start as usize;
        let bytes = pickle.get(start..start.saturating_add(self.length as usize));
        std::str::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
    }
}

/// An index into one of the heap's lists.
pub(super) type Handle = u32;

/// A Python value. A handle is an index into the heap's list for the variant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    /// `None`, a float, bytes, a set, an integer beyond 64 bits: values that describe no tensor.
    Other,
    Bool(bool),
    Int(i64),
    Text(Span),
    Known(KnownGlobal),
    /// An unknown name, or the result of calling it. The handle is an index into `names`.
    Opaque(Handle),
    Tuple(Handle),
    List(Handle),
    Dict(Handle),
    Storage(Handle),
    Tensor(Handle),
}

/// A storage as described by the pickle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Storage {
    /// Name of its record.
    pub(super) key: Span,
    pub(super) class: StorageClass,
    /// Claimed number of elements.
    pub(super) elements: i64,
}

/// Claimed class of a storage.
#[derive(Clone, Copy, Debug)]
pub(super) enum StorageClass {
    Typed(Dtype),
    /// Bytes without a type: valid, but not for a tensor.
    Untyped,
    /// An unknown name.
    Opaque(Handle),
}

/// A tensor as described by the pickle, not yet checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tensor {
    pub(super) storage: Handle,
    pub(super) dtype: Dtype,
    /// In elements.
    pub(super) offset: i64,
    /// Tuple of sizes.
    pub(super) size: Handle,
    /// Tuple of strides, in elements.
    pub(super) stride: Handle,
}

/// Everything that values refer to.
#[derive(Default)]
pub(super) struct Heap {
    pub(super) tuples: Vec<Vec<Value>>,
    pub(super) lists: Vec<Vec<Value>>,
    pub(super) dicts: Vec<Vec<(Value, Value)>>,
    pub(super) storages: Vec<Storage>,
    pub(super) tensors: Vec<Tensor>,
    /// Module and name of unknown objects.
    pub(super) names: Vec<(Span, Span)>,
}

/// Appends to one of the heap's lists and returns the handle.
pub(super) fn alloc<T>(list: &mut Vec<T>, item: T) -> Handle {
    let handle = list.len();
    list.push(item);
    // The machine's limit on values is far lower.
    Handle::try_from(handle).unwrap_or(Handle::MAX)
}

impl Heap {
    /// The items of a tuple.
    pub(super) fn tuple(&self, handle: Handle) -> &[Value] {
        self.tuples.get(handle as usize).map_or(&[], Vec::as_slice)
    }

    /// The item at `position` of a dictionary, list or tuple, with its key if it has one; `None` past the end.
    pub(super) fn item(&self, container: Value, position: usize) -> Option<(Option<Value>, Value)> {
        let plain = |items: &[Value]| items.get(position).map(|&item| (None, item));
        match container {
            Value::Dict(handle) => {
                let (key, item) = self.dicts.get(handle as usize)?.get(position)?;
                Some((Some(*key), *item))
            }
            Value::List(handle) => plain(self.lists.get(handle as usize)?),
            Value::Tuple(handle) => plain(self.tuple(handle)),
            _ => None,
        }
    }

    /// An unknown name in the form `module.name`.
    pub(super) fn name(&self, handle: Handle, pickle: &[u8]) -> String {
        match self.names.get(handle as usize) {
            Some((module, name)) => format!("{}.{}", module.text(pickle), name.text(pickle)),
            None => String::new(),
        }
    }
}
