//! What the machine does where Python would import and call: it looks up the name and builds a description.
//!
//! Only here do names in a pickle decide what is built. Never call anything that a pickle names.

use super::super::cursor::Cursor;
use super::super::globals::{GlobalKind, KnownGlobal, classify};
use super::super::values::{Handle, Span, Storage, StorageClass, Tensor, Value, alloc};
use super::{MAX_TENSORS, Machine};
use crate::weights::WeightError;

/// Maximum length in bytes of a module's name or of a name in it.
const MAX_NAME: usize = 1024;

impl Machine<'_> {
    /// Reads a name in two lines: module, then name.
    pub(super) fn global(&mut self) -> Result<(), WeightError> {
        let module = self.line()?;
        let name = self.line()?;
        self.look_up(module, name)
    }

    fn line(&mut self) -> Result<Span, WeightError> {
        let start = self.cursor.position();
        let line = self.operand(Cursor::line)?;
        if std::str::from_utf8(line).is_err() {
            return Err(self.malformed("a name that is not UTF-8"));
        }
        Span::new(start, line.len()).ok_or_else(|| self.malformed("an invalid length"))
    }

    /// Looks up a name and pushes its value.
    pub(super) fn look_up(&mut self, module: Span, name: Span) -> Result<(), WeightError> {
        // A pickle can cheaply recall a long text many times, and comparing it is slow.
        if module.length().max(name.length()) > MAX_NAME {
            return Err(self.malformed("a name that is too long"));
        }
        match classify(module.text(self.pickle), name.text(self.pickle)) {
            GlobalKind::Known(known) => self.push(Value::Known(known)),
            GlobalKind::Opaque => {
                let unknown = Value::Opaque(alloc(&mut self.heap.names, (module, name)));
                self.push(unknown)
            }
            GlobalKind::Code => {
                let code = format!("{}.{}", module.text(self.pickle), name.text(self.pickle));
                Err(self.hostile(&format!("it names {code}")))
            }
        }
    }

    fn hostile(&self, reason: &str) -> WeightError {
        WeightError::hostile(self.file, format!("data.pkl, byte {}: {reason}", self.at))
    }

    /// The error for tensors that come from an unknown name. PyTorch's own names are unsupported types of tensors.
    fn unknown(&self, name: Handle) -> WeightError {
        let name = self.heap.name(name, self.pickle);
        if name.starts_with("torch.") {
            self.malformed(&format!("a tensor of {name}, which is not supported"))
        } else {
            self.hostile(&format!("a tensor would come from {name}"))
        }
    }

    /// Handles a call of the value on top of the stack.
    pub(super) fn call(&mut self, arguments: Value) -> Result<(), WeightError> {
        match (self.pop()?, arguments) {
            (Value::Opaque(name), _) => self.push(Value::Opaque(name)),
            (Value::Known(known), Value::Tuple(arguments)) => self.build(known, arguments),
            _ => Err(self.malformed("a call of something that is not a function")),
        }
    }

    /// Builds the value of a call of `known`.
    fn build(&mut self, known: KnownGlobal, arguments: Handle) -> Result<(), WeightError> {
        match (known, self.heap.tuple(arguments)) {
            (KnownGlobal::OrderedDict, []) => self.dict(),
            // The seventh argument has flags such as "negated", which change the meaning of the elements.
            (KnownGlobal::RebuildTensor, &[_, _, _, _, _, _, bits, ..]) if !self.is_empty(bits) => {
                Err(self.malformed("a tensor with metadata, which is not supported"))
            }
            (KnownGlobal::RebuildTensor, &[storage, offset, size, stride, ..]) => {
                self.tensor(storage, offset, size, stride)
            }
            (KnownGlobal::RebuildFromType, &[inner, _, Value::Tuple(arguments), ..]) => match inner
            {
                Value::Known(
                    inner @ (KnownGlobal::RebuildTensor | KnownGlobal::RebuildParameter),
                ) => self.build(inner, arguments),
                Value::Opaque(name) => self.push(Value::Opaque(name)),
                _ => Err(self.malformed("a tensor built in an unknown way")),
            },
            (KnownGlobal::RebuildParameter, &[tensor @ Value::Tensor(_), ..]) => self.push(tensor),
            (KnownGlobal::RebuildParameter, &[Value::Opaque(name), ..]) => Err(self.unknown(name)),
            (KnownGlobal::Size, &[sizes @ Value::Tuple(_)]) => self.push(sizes),
            (KnownGlobal::Device, _) => self.push(Value::Other),
            _ => Err(self.malformed(&format!("{known:?} with invalid arguments"))),
        }
    }

    fn is_empty(&self, dict: Value) -> bool {
        matches!(dict, Value::Dict(_)) && self.heap.item(dict, 0).is_none()
    }

    fn tensor(
        &mut self,
        storage: Value,
        offset: Value,
        size: Value,
        stride: Value,
    ) -> Result<(), WeightError> {
        for part in [storage, offset, size, stride] {
            if let Value::Opaque(name) = part {
                return Err(self.unknown(name));
            }
        }
        let (Value::Storage(storage), Value::Int(offset), Value::Tuple(size), Value::Tuple(stride)) =
            (storage, offset, size, stride)
        else {
            return Err(self.malformed("a tensor without storage, offset, size and stride"));
        };
        let class = self.heap.storages.get(storage as usize).map(|s| s.class);
        let dtype = match class {
            Some(StorageClass::Typed(dtype)) => dtype,
            Some(StorageClass::Opaque(name)) => return Err(self.unknown(name)),
            _ => return Err(self.malformed("a tensor of a storage without a type")),
        };
        if self.heap.tensors.len() >= MAX_TENSORS {
            let what = "a pickle with too many tensors";
            return Err(WeightError::too_large(self.file, what, MAX_TENSORS));
        }
        let tensor = Tensor {
            storage,
            dtype,
            offset,
            size,
            stride,
        };
        let tensor = Value::Tensor(alloc(&mut self.heap.tensors, tensor));
        self.push(tensor)
    }

    /// Builds a storage from tag, class, key, location and number of elements.
    pub(super) fn storage(&mut self) -> Result<(), WeightError> {
        let Value::Tuple(handle) = self.pop()? else {
            return Err(self.malformed("a storage that is not given by a tuple"));
        };
        let &[
            Value::Text(tag),
            class,
            Value::Text(key),
            _,
            Value::Int(elements),
        ] = self.heap.tuple(handle)
        else {
            return Err(self.malformed("a storage without tag, class, key and length"));
        };
        if tag.text(self.pickle) != "storage" {
            return Err(self.malformed("an external object that is not a storage"));
        }
        let class = match class {
            Value::Known(KnownGlobal::Storage(Some(dtype))) => StorageClass::Typed(dtype),
            Value::Known(KnownGlobal::Storage(None)) => StorageClass::Untyped,
            Value::Opaque(name) => StorageClass::Opaque(name),
            _ => return Err(self.malformed("a storage without a class")),
        };
        let storage = Storage {
            key,
            class,
            elements,
        };
        let storage = Value::Storage(alloc(&mut self.heap.storages, storage));
        self.push(storage)
    }
}
