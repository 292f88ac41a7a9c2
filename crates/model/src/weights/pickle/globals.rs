//! The few Python names a weight file may mean something by.
//!
//! A pickle is a program: it names functions and asks for them to be called. Here a name is only ever looked up in this
//! table; nothing is imported and nothing runs, whatever the table says. Never add an entry that makes more than a
//! container or a description of a tensor.

use crate::weights::Dtype;

/// A name that the reader understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownGlobal {
    /// `collections.OrderedDict`: read as a plain dictionary.
    OrderedDict,
    /// Storage, offset, size, stride and more: a tensor.
    RebuildTensor,
    /// A tensor and more: that tensor.
    RebuildParameter,
    /// One of the above, a class, and arguments: for tensors of a class of their own, or with attributes.
    RebuildFromType,
    /// A tuple of sizes.
    Size,
    /// A device; which one is of no interest.
    Device,
    /// The class of a storage; its elements may have no type of their own.
    Storage(Option<Dtype>),
}

/// What a name comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GlobalKind {
    /// The reader understands it.
    Known(KnownGlobal),
    /// An object of no interest: settings, a scheduler, a scalar of NumPy.
    Opaque,
    /// Code that no weight file has a reason to name.
    Code,
}

/// What `module`.`name` comes to.
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

/// Names that are the mark of an attack. None of them would run if it were missing here: the list only turns a file
/// that tries into a refusal that says so, where it would otherwise load without a word.
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
    fn what_torch_save_writes_is_known_and_the_rest_is_opaque_or_refused() {
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
