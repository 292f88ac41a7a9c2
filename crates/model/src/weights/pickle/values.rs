//! The descriptions of tensors that a pickle of weights builds, besides plain values.

use rounds_support::pickle::{self, Handle, Span};

use super::globals::KnownGlobal;
use crate::weights::Dtype;

/// A Python value.
pub(super) type Value = pickle::Value<Object>;
/// The containers that values refer to.
pub(super) type Heap = pickle::Heap<Object>;

/// What stands for a Python object. A handle is an index into the list of [`Described`] for the variant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Object {
    Known(KnownGlobal),
    /// An unknown name, or the result of calling it. The handle is an index into `names`.
    Opaque(Handle),
    Storage(Handle),
    Tensor(Handle),
}

/// A storage as described by the pickle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Storage {
    /// Its name.
    pub(super) key: Span,
    pub(super) class: StorageClass,
    /// Claimed number of elements.
    pub(super) elements: i64,
    /// The part of it that is meant; `None` for all of it.
    pub(super) view: Option<View>,
}

/// A part of a storage, which the oldest versions of PyTorch could save as a storage of its own. Not yet checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    /// Index of the first element.
    pub(super) start: i64,
    /// Number of elements.
    pub(super) elements: i64,
}

/// Claimed class of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Everything that objects refer to.
#[derive(Default)]
pub(super) struct Described {
    /// Whether the pickle has the form of PyTorch before 1.6, in which a storage may be a view.
    pub(super) legacy: bool,
    pub(super) storages: Vec<Storage>,
    pub(super) tensors: Vec<Tensor>,
    /// Module and name of unknown objects.
    pub(super) names: Vec<(Span, Span)>,
}

impl Described {
    /// An unknown name in the form `module.name`.
    pub(super) fn name(&self, handle: Handle, pickle: &[u8]) -> String {
        match self.names.get(handle as usize) {
            Some((module, name)) => format!("{}.{}", module.text(pickle), name.text(pickle)),
            None => String::new(),
        }
    }
}
