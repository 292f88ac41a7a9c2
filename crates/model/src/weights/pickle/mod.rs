//! Reads weights that `torch.save` wrote, without running any code in them.
//!
//! Most research models are published as such files: raw storages, and a pickle that says which tensors are in them, together
//! in a zip archive (`zipped`) or, before PyTorch 1.6, one after the other (`legacy`). A pickle is a program that may name any
//! Python function, and these files are untrusted. So a small interpreter reads it ([`rounds_support::pickle`]) that can only
//! build containers, and descriptions of tensors (`policy`) from the few names that PyTorch writes for those (`globals`).
//! Everything is bounded and checked when a file is opened; after that, reading a tensor can only fail with an I/O error.
//! Never execute, import, unpack or recurse over anything in a file.

mod archive;
mod directory;
mod globals;
mod layout;
mod legacy;
mod policy;
mod record;
mod tensors;
mod values;
mod walk;
mod zipped;

#[cfg(test)]
mod tests;

use std::path::Path;

use crate::weights::input::Input;
use crate::weights::{Dtype, WeightError};
use layout::Layout;
use record::Record;

/// First bytes of other file formats, and the message for each.
const OTHER_KINDS: [(&[u8], &str); 6] = [
    (
        b"version https://git-lfs",
        "it is a Git LFS pointer to the weights, not the weights",
    ),
    (
        b"\x89HDF\r\n\x1A\n",
        "it is an HDF5 file, not a PyTorch file",
    ),
    (b"GGUF", "it is a GGUF file, not a PyTorch file"),
    (b"<!DOCTYPE", "it is a web page, not weights"),
    (b"<html", "it is a web page, not weights"),
    (
        b"\x80",
        "it is a Python pickle without PyTorch's magic number; save the model's state_dict() with torch.save",
    ),
];

/// An opened, checked file of PyTorch weights. Tensors are read on request.
pub struct TorchFile {
    input: Input,
    tensors: Vec<TensorInfo>,
}

/// One tensor of a file.
#[derive(Clone, Debug)]
pub struct TensorInfo {
    /// Keys of the dictionaries that lead to it, joined by dots; indices for lists. Empty if the file is one bare
    /// tensor. Printable, and unique in the file.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Dimensions, the outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    storage: Record,
    layout: Layout,
}

impl TorchFile {
    /// Opens and checks the file at `path`. Reads its pickles, but no weights.
    ///
    /// Errors where the file cannot be read, is damaged, has another format, asks for code to be run, or exceeds a limit.
    pub fn open(path: &Path) -> Result<Self, WeightError> {
        Self::from_input(Input::open(path)?)
    }

    /// [`Self::open`] for a file in memory, called `name` in messages.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, WeightError> {
        Self::from_input(Input::memory(name, bytes))
    }

    fn from_input(input: Input) -> Result<Self, WeightError> {
        let tensors = match Format::of(&input)? {
            Format::Zipped => zipped::tensors(&input)?,
            Format::Legacy => legacy::tensors(&input)?,
        };
        Ok(Self { input, tensors })
    }

    /// Every tensor reachable through dictionaries, lists and tuples, in the order of the file. Tensors inside objects of
    /// unknown classes are not listed.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// The elements of the tensor at `index` of [`Self::tensors`]: little-endian, in its own type, contiguous in row-major
    /// order. A `bool` is one byte, 0 or 1 in a valid file.
    ///
    /// Errors where there is no such tensor, or the file can no longer be read.
    pub fn read(&self, index: usize) -> Result<Vec<u8>, WeightError> {
        let wrong = |reason: String| WeightError::format(self.input.name(), reason);
        let info = self.tensors.get(index);
        let info = info.ok_or_else(|| wrong(format!("it has no tensor number {index}")))?;
        let (offset, length) = info.layout.byte_range();
        let range_bytes = info.storage.read(&self.input, offset, length)?;
        let gathered = info.layout.gather(range_bytes);
        gathered.ok_or_else(|| wrong(format!("not enough memory for the tensor {}", info.name)))
    }
}

/// The formats of `torch.save`.
enum Format {
    /// Since PyTorch 1.6.
    Zipped,
    /// Before.
    Legacy,
}

impl Format {
    /// The format of a file; an error that says what it is where it is another kind of file.
    fn of(input: &Input) -> Result<Self, WeightError> {
        let head = input.read(0, input.length().min(64))?;
        if head.starts_with(b"PK\x03\x04") {
            return Ok(Self::Zipped);
        }
        if legacy::begins(&head) {
            return Ok(Self::Legacy);
        }
        let other = OTHER_KINDS
            .iter()
            .find(|(start, _)| head.starts_with(start));
        let reason = match other {
            _ if head.is_empty() => "it is empty",
            Some((_, what)) => what,
            None => {
                "it is neither a zip archive nor has it PyTorch's magic number, so it is not from torch.save"
            }
        };
        Err(WeightError::format(input.name(), reason))
    }
}
