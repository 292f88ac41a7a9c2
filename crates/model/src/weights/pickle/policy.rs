//! Reads the pickle of a weights file: what stands for the names, calls and storages in it.
//!
//! The machine of [`rounds_support::pickle`] does the rest. A call of an unknown name gives an opaque value, whose items and
//! state are dropped. Only here do names in a pickle decide what is built. Never call anything that a pickle names.

use rounds_support::pickle::{self, Handle, PickleError, Policy, Reason, Span, alloc};

use super::globals::{GlobalKind, KnownGlobal, classify};
use super::values::{Described, Heap, Object, Storage, StorageClass, Tensor, Value, View};
use crate::weights::WeightError;

/// Maximum length of a pickle in bytes. Ten thousand tensors take about 2 MiB.
pub(super) const MAX_PICKLE: u64 = 64 << 20;
/// Most values that a pickle may build. A checkpoint of a thousand tensors with its optimiser builds about 100,000.
pub(super) const MAX_VALUES: usize = 1 << 21;
/// Most tensors that a pickle may describe.
pub(super) const MAX_TENSORS: usize = 1 << 17;

/// The result of a pickle.
pub(super) struct Outcome {
    pub(super) root: Value,
    pub(super) heap: Heap,
    pub(super) described: Described,
}

/// Runs `pickle`, the one of the archive `file`, to its end.
pub(super) fn run(pickle: &[u8], file: &str) -> Result<Outcome, WeightError> {
    let mut described = Described::default();
    let (root, heap) =
        pickle::run(pickle, MAX_VALUES, &mut described).map_err(|e| error(file, "data.pkl", e))?;
    Ok(Outcome {
        root,
        heap,
        described,
    })
}

/// Runs the pickle at the start of `bytes`: `what` of `file`, which PyTorch before 1.6 wrote. Returns its length too; `None` where
/// `bytes` end within it.
pub(super) fn run_legacy(
    bytes: &[u8],
    file: &str,
    what: &str,
) -> Result<Option<(Outcome, usize)>, WeightError> {
    let mut described = Described {
        legacy: true,
        ..Described::default()
    };
    let first =
        pickle::run_first(bytes, MAX_VALUES, &mut described).map_err(|e| error(file, what, e))?;
    Ok(first.map(|first| {
        let outcome = Outcome {
            root: first.value,
            heap: first.heap,
            described,
        };
        (outcome, first.length)
    }))
}

/// The error for `part` of `file`.
fn error(file: &str, part: &str, PickleError { at, reason }: PickleError) -> WeightError {
    let placed = |reason: String| format!("{part}, byte {at}: {reason}");
    match reason {
        Reason::Malformed(reason) => WeightError::format(file, placed(reason)),
        Reason::Hostile(reason) => WeightError::hostile(file, placed(reason)),
        Reason::TooMany { what, limit } => {
            WeightError::too_large(file, format!("a pickle with too many {what}"), limit)
        }
    }
}

impl Policy for Described {
    type Object = Object;

    fn global(&mut self, pickle: &[u8], module: Span, name: Span) -> Result<Value, Reason> {
        match classify(module.text(pickle), name.text(pickle)) {
            GlobalKind::Known(known) => Ok(Value::Object(Object::Known(known))),
            GlobalKind::Opaque => {
                let unknown = alloc(&mut self.names, (module, name));
                Ok(Value::Object(Object::Opaque(unknown)))
            }
            GlobalKind::Code => {
                let code = format!("{}.{}", module.text(pickle), name.text(pickle));
                Err(Reason::Hostile(format!("it names {code}")))
            }
        }
    }

    fn call(
        &mut self,
        pickle: &[u8],
        heap: &mut Heap,
        function: Value,
        arguments: Value,
    ) -> Result<Value, Reason> {
        match (function, arguments) {
            (Value::Object(Object::Opaque(name)), _) => Ok(Value::Object(Object::Opaque(name))),
            (Value::Object(Object::Known(known)), Value::Tuple(arguments)) => {
                self.build(pickle, heap, known, arguments)
            }
            _ => Err(Reason::malformed(
                "a call of something that is not a function",
            )),
        }
    }

    /// A storage, from tag, class, key, location and number of elements, and in the older format a view of it or `None`.
    fn external(&mut self, pickle: &[u8], heap: &Heap, id: Value) -> Result<Value, Reason> {
        let Value::Tuple(handle) = id else {
            return Err(Reason::malformed("a storage that is not given by a tuple"));
        };
        let parts = heap.tuple(handle);
        if self.legacy
            && let [Value::Text(tag), ..] = parts
            && tag.bytes(pickle) == b"module"
        {
            return Err(Reason::malformed(
                "a model with its Python classes; save its state_dict() with torch.save instead",
            ));
        }
        let (parts, view) = match parts {
            [parts @ .., last] if self.legacy && parts.len() == 5 => (parts, view(heap, *last)?),
            parts => (parts, None),
        };
        let &[
            Value::Text(tag),
            class,
            Value::Text(key),
            _,
            Value::Int(elements),
        ] = parts
        else {
            return Err(Reason::malformed(
                "a storage without tag, class, key and length",
            ));
        };
        if tag.bytes(pickle) != b"storage" {
            return Err(Reason::malformed(
                "an external object that is not a storage",
            ));
        }
        let class = match class {
            Value::Object(Object::Known(KnownGlobal::Storage(Some(dtype)))) => {
                StorageClass::Typed(dtype)
            }
            Value::Object(Object::Known(KnownGlobal::Storage(None))) => StorageClass::Untyped,
            Value::Object(Object::Opaque(name)) => StorageClass::Opaque(name),
            _ => return Err(Reason::malformed("a storage without a class")),
        };
        let storage = Storage {
            key,
            class,
            elements,
            view,
        };
        let storage = alloc(&mut self.storages, storage);
        Ok(Value::Object(Object::Storage(storage)))
    }

    fn drops_items(&self, object: Object) -> bool {
        matches!(object, Object::Opaque(_))
    }
}

impl Described {
    /// The error for tensors that come from an unknown name. PyTorch's own names are unsupported types of tensors.
    fn unknown(&self, pickle: &[u8], name: Handle) -> Reason {
        let name = self.name(name, pickle);
        if name.starts_with("torch.") {
            Reason::Malformed(format!("a tensor of {name}, which is not supported"))
        } else {
            Reason::Hostile(format!("a tensor would come from {name}"))
        }
    }

    /// Builds the value of a call of `known`.
    fn build(
        &mut self,
        pickle: &[u8],
        heap: &mut Heap,
        known: KnownGlobal,
        arguments: Handle,
    ) -> Result<Value, Reason> {
        match (known, heap.tuple(arguments)) {
            (KnownGlobal::OrderedDict, []) => Ok(heap.new_dict()),
            // The seventh argument has flags such as "negated", which change the meaning of the elements.
            (KnownGlobal::RebuildTensor, &[_, _, _, _, _, _, bits, ..])
                if !is_empty(heap, bits) =>
            {
                Err(Reason::malformed(
                    "a tensor with metadata, which is not supported",
                ))
            }
            (KnownGlobal::RebuildTensor, &[storage, offset, size, stride, ..]) => {
                self.tensor(pickle, [storage, offset, size, stride])
            }
            (KnownGlobal::RebuildFromType, &[inner, _, Value::Tuple(arguments), ..]) => match inner
            {
                Value::Object(Object::Known(
                    inner @ (KnownGlobal::RebuildTensor | KnownGlobal::RebuildParameter),
                )) => self.build(pickle, heap, inner, arguments),
                Value::Object(Object::Opaque(_)) => Ok(inner),
                _ => Err(Reason::malformed("a tensor built in an unknown way")),
            },
            (KnownGlobal::RebuildParameter, &[tensor @ Value::Object(Object::Tensor(_)), ..]) => {
                Ok(tensor)
            }
            (KnownGlobal::RebuildParameter, &[Value::Object(Object::Opaque(name)), ..]) => {
                Err(self.unknown(pickle, name))
            }
            (KnownGlobal::Size, &[sizes @ Value::Tuple(_)]) => Ok(sizes),
            (KnownGlobal::Device, _) => Ok(Value::Other),
            _ => Err(Reason::Malformed(format!(
                "{known:?} with invalid arguments"
            ))),
        }
    }

    /// A tensor, from storage, offset, size and stride.
    fn tensor(&mut self, pickle: &[u8], parts: [Value; 4]) -> Result<Value, Reason> {
        for part in parts {
            if let Value::Object(Object::Opaque(name)) = part {
                return Err(self.unknown(pickle, name));
            }
        }
        let [
            Value::Object(Object::Storage(storage)),
            Value::Int(offset),
            Value::Tuple(size),
            Value::Tuple(stride),
        ] = parts
        else {
            return Err(Reason::malformed(
                "a tensor without storage, offset, size and stride",
            ));
        };
        let class = self.storages.get(storage as usize).map(|s| s.class);
        let dtype = match class {
            Some(StorageClass::Typed(dtype)) => dtype,
            Some(StorageClass::Opaque(name)) => return Err(self.unknown(pickle, name)),
            _ => return Err(Reason::malformed("a tensor of a storage without a type")),
        };
        if self.tensors.len() >= MAX_TENSORS {
            return Err(Reason::TooMany {
                what: "tensors",
                limit: MAX_TENSORS,
            });
        }
        let tensor = Tensor {
            storage,
            dtype,
            offset,
            size,
            stride,
        };
        let tensor = alloc(&mut self.tensors, tensor);
        Ok(Value::Object(Object::Tensor(tensor)))
    }
}

/// The view of a storage from its own key, first element and number of elements.
fn view(heap: &Heap, view: Value) -> Result<Option<View>, Reason> {
    match view {
        Value::Other => Ok(None),
        Value::Tuple(handle) => match *heap.tuple(handle) {
            [Value::Text(_), Value::Int(start), Value::Int(elements)] => {
                Ok(Some(View { start, elements }))
            }
            _ => Err(Reason::malformed(
                "a view of a storage without key, start and length",
            )),
        },
        _ => Err(Reason::malformed("a view of a storage that is not a tuple")),
    }
}

fn is_empty(heap: &Heap, dict: Value) -> bool {
    matches!(dict, Value::Dict(_)) && heap.item(dict, 0).is_none()
}
