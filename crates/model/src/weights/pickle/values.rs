//! What a pickle builds, as data: values, and the heap that holds what they refer to.
//!
//! Values are small copies with handles into flat lists, so that a pickle nested a million deep, or one that contains
//! itself, is neither a deep recursion when it is dropped nor a loop when it is built.

use super::globals::Known;
use crate::weights::Dtype;

/// A piece of the pickle: the bytes of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Span {
    start: u32,
    length: u32,
}

impl Span {
    /// `length` bytes from `start` on; `None` beyond 4 GiB, where no pickle is read.
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

    /// The text, in the pickle it was found in; empty if it is none.
    pub(super) fn text(self, pickle: &[u8]) -> &str {
        let start = self.start as usize;
        let bytes = pickle.get(start..start.saturating_add(self.length as usize));
        std::str::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
    }
}

/// A place in one of the lists of the heap.
pub(super) type Handle = u32;

/// One Python value. Handles are into the list of the heap that goes by the variant's name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    /// `None`, a float, bytes, a set, an integer beyond 64 bits: nothing that a tensor is made of.
    Other,
    Bool(bool),
    Int(i64),
    Text(Span),
    Known(KnownGlobal),
    /// An unknown name, or whatever came of calling it. The handle is into `names`.
    Opaque(Handle),
    Tuple(Handle),
    List(Handle),
    Dict(Handle),
    Storage(Handle),
    Tensor(Handle),
}

/// A storage as the pickle describes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Storage {
    /// Name of its record.
    pub(super) key: Span,
    pub(super) class: StorageClass,
    /// How many elements it is said to have.
    pub(super) elements: i64,
}

/// The class that a storage is said to have.
#[derive(Clone, Copy, Debug)]
pub(super) enum StorageClass {
    Typed(Dtype),
    /// Bytes without a type: fine by itself, of no use to a tensor.
    Untyped,
    /// A name that is not known.
    Opaque(Handle),
}

/// A tensor as the pickle describes it; nothing is checked yet.
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
    /// Module and name of what is not known.
    pub(super) names: Vec<(Span, Span)>,
}

/// Appends to one of the heap's lists.
pub(super) fn alloc<T>(list: &mut Vec<T>, item: T) -> Handle {
    let handle = list.len();
    list.push(item);
    // The machine makes far fewer values than this.
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

    /// An unknown name as it stands in the pickle: `module.name`.
    pub(super) fn name(&self, handle: Handle, pickle: &[u8]) -> String {
        match self.names.get(handle as usize) {
            Some((module, name)) => format!("{}.{}", module.text(pickle), name.text(pickle)),
            None => String::new(),
        }
    }
}
