//! The Python names in a weights file that the reader understands.
//!
//! A pickle is a program: it names functions and asks for them to be called. Here a name is only looked up in this
//! table; nothing is imported and nothing runs. Never add an entry that builds more than a container or a description
//! of a tensor.

use crate::weights::Dtype;

/// A name that the reader understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownGlobal {
    /// `collections.OrderedDict`: read as a plain dictionary.
    OrderedDict,
    /// A tensor from storage, offset, size, stride and more.
    RebuildTensor,
    /// A parameter: the tensor that is its first argument.
    RebuildParameter,
    /// A tensor subclass or a tensor with attributes: one of the above, a class, and arguments.
    RebuildFromType,
    /// A tuple of sizes.
    Size,
    /// A device, which is ignored.
    Device,
    /// The class of a storage, with its element type unless it is untyped.
    Storage(Option<Dtype>),
}

/// How a name is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GlobalKind {
    /// The reader understands it.
    Known(KnownGlobal),
    /// An object that is ignored: settings, a scheduler, a NumPy scalar.
    Opaque,
    /// Code that no weights file has a reason to name.
    Code,
}

/// How `module`.`name` is treated.
pub(super) fn classify(module: &str, name: &str) -> GlobalKind {
    let known = match (module, name) {
        ("collections", "OrderedDict") => KnownGlobal::OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2") => KnownGlobal::RebuildTensor,
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
            KnownGlobal::RebuildParameter
        }
        ("torch._tensor", "_rebuild_from_type_v2") => KnownGlobal::RebuildFromType,
        ("torch", "Size") => KnownGlobal::Size,
        ("torch", "device") => KnownGlobal::Device,
        ("torch.storage", "UntypedStorage" | "TypedStorage") => KnownGlobal::Storage(None),
        ("torch", storage) => match element(storage) {
            Some(dtype) => KnownGlobal::Storage(Some(dtype)),
            None => return GlobalKind::Opaque,
        },
        _ if is_code(module, name) => return GlobalKind::Code,
        _ => return GlobalKind::Opaque,
    };
    GlobalKind::Known(known)
}

/// Element type of the storage class `torch.{storage}`.
fn element(storage: &str) -> Option<Dtype> {
    Some(match storage {
        "HalfStorage" => Dtype::F16,
        "BFloat16Storage" => Dtype::BF16,
        "FloatStorage" => Dtype::F32,
        "DoubleStorage" => Dtype::F64,
        "ByteStorage" => Dtype::U8,
        "CharStorage" => Dtype::I8,
        "ShortStorage" => Dtype::I16,
        "IntStorage" => Dtype::I32,
        "LongStorage" => Dtype::I64,
        "BoolStorage" => Dtype::Bool,
        _ => return None,
    })
}

/// Whether a name indicates an attack. Nothing would run if it were not listed: the list only makes such a file an error
/// with a clear message, where it would otherwise load silently.
fn is_code(module: &str, name: &str) -> bool {
    let package = module.split('.').next().unwrap_or(module);
    match package {
        "os" | "posix" | "nt" | "subprocess" | "commands" | "pty" | "sys" | "runpy"
        | "importlib" | "shutil" | "socket" | "ctypes" | "code" | "pickle" | "_pickle"
        | "marshal" | "webbrowser" | "pip" => true,
        "builtins" | "__builtin__" => matches!(
            name,
            "eval" | "exec" | "execfile" | "compile" | "open" | "__import__" | "apply" | "globals"
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_opaque_or_refused() {
        let float = GlobalKind::Known(KnownGlobal::Storage(Some(Dtype::F32)));
        assert_eq!(classify("torch", "FloatStorage"), float);
        assert_eq!(classify("argparse", "Namespace"), GlobalKind::Opaque);
        assert_eq!(classify("torch", "ComplexFloatStorage"), GlobalKind::Opaque);
        for (module, name) in [
            ("posix", "system"),
            ("os.path", "join"),
            ("builtins", "eval"),
        ] {
            assert_eq!(classify(module, name), GlobalKind::Code, "{module}.{name}");
        }
        assert_eq!(classify("builtins", "set"), GlobalKind::Opaque);
    }
}
