//! Reads weights that `torch.save` wrote, without running any code in them.
//!
//! Most research models are published as such files: a zip archive of raw storages, and a pickle that says which
//! tensors are in them. A pickle is a program that may name any Python function, and these files are untrusted. So a
//! small interpreter reads it ([`rounds_support::pickle`]) that can only build containers, and descriptions of tensors
//! (`policy`) from the few names that PyTorch writes for those (`globals`). Everything is bounded and checked when a file is opened; after that, reading
//! a tensor can only fail with an I/O error. Never execute, import, unpack or recurse over anything in a file.

mod archive;
mod directory;
mod globals;
mod layout;
mod policy;
mod values;
mod walk;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::weights::input::Input;
use crate::weights::{Dtype, WeightError};
use archive::{Archive, Record};
use layout::Layout;
use rounds_support::errors::bytes;
use rounds_support::pickle::{Handle, Span};
use values::{Described, Heap, Object, Value};

/// Maximum length of a pickle in bytes. Ten thousand tensors take about 2 MiB.
const MAX_PICKLE: u64 = 64 << 20;
/// Bytes to read of the record with the byte order.
const MAX_BYTE_ORDER: u64 = 16;

/// First bytes of other file formats, and the message for each.
const OTHER_KINDS: [(&[u8], &str); 5] = [
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
];
/// The magic number of files written by PyTorch before 1.6, as a pickled long.
const LEGACY: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

/// An opened, checked file of PyTorch weights. Tensors are read on request.
pub struct TorchFile {
    archive: Archive,
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
    /// Opens and checks the file at `path`. Reads its pickle, but no weights.
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
        refuse_other_kinds(&input)?;
        let archive = Archive::open(input)?;
        let wrong = |reason: &str| WeightError::format(archive.file(), reason);
        let folder = archive.folder().ok_or_else(|| {
            wrong("it is a zip archive without a single data.pkl, so not from torch.save")
        })?;
        if archive.has(&format!("{folder}constants.pkl")) {
            return Err(wrong("it is a TorchScript program, not just weights"));
        }
        check_byte_order(&archive, &folder)?;
        let pickle = read_pickle(&archive, &folder)?;
        let outcome = policy::run(&pickle, archive.file())?;
        if let Value::Object(Object::Opaque(name)) = outcome.root {
            let class = outcome.described.name(name, &pickle);
            return Err(wrong(&format!(
                "it has a Python object ({class}), not a state dictionary"
            )));
        }
        let named = walk::tensors(outcome.root, &outcome.heap, &pickle, archive.file())?;
        let mut storages = Storages {
            archive: &archive,
            folder: &folder,
            pickle: &pickle,
            heap: &outcome.heap,
            described: &outcome.described,
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
            return Err(wrong(&format!("two tensors are called {}", twice.name)));
        }
        Ok(Self { archive, tensors })
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
        let wrong = |reason: String| WeightError::format(self.archive.file(), reason);
        let info = self.tensors.get(index);
        let info = info.ok_or_else(|| wrong(format!("it has no tensor number {index}")))?;
        let (offset, length) = info.layout.byte_range();
        let range_bytes = self.archive.bytes(info.storage, offset, length)?;
        let gathered = info.layout.gather(range_bytes);
        gathered.ok_or_else(|| wrong(format!("not enough memory for the tensor {}", info.name)))
    }
}

/// Looks up the storages of tensors, each only once.
struct Storages<'a> {
    archive: &'a Archive,
    folder: &'a str,
    pickle: &'a [u8],
    heap: &'a Heap,
    described: &'a Described,
    /// By the position of their name in the pickle, because comparing long names repeatedly is slow.
    records: HashMap<Span, Record>,
}

impl Storages<'_> {
    /// The record of the storage called `key`.
    fn record(&mut self, key: Span) -> Result<Record, WeightError> {
        if let Some(record) = self.records.get(&key) {
            return Ok(*record);
        }
        let name = key.text(self.pickle);
        let record = self
            .archive
            .record(&format!("{}data/{name}", self.folder))?;
        let record = record.ok_or_else(|| {
            let reason = format!("the storage {name} is not in the archive");
            WeightError::format(self.archive.file(), reason)
        })?;
        self.records.insert(key, record);
        Ok(record)
    }

    /// Checks the tensor called `name` against the archive.
    fn tensor(&mut self, name: String, handle: Handle) -> Result<TensorInfo, WeightError> {
        let file = self.archive.file();
        let wrong = |reason: &str| WeightError::format(file, format!("tensor {name}: {reason}"));
        let tensor = self.described.tensors.get(handle as usize);
        let tensor = tensor.ok_or_else(|| wrong("it is missing"))?;
        let storage = self.described.storages.get(tensor.storage as usize);
        let storage = storage.ok_or_else(|| wrong("its storage is missing"))?;
        let record = self.record(storage.key)?;
        let elements = usize::try_from(storage.elements).ok();
        let length = elements.and_then(|elements| elements.checked_mul(tensor.dtype.size()));
        let (Some(elements), Some(length)) = (elements, length) else {
            return Err(wrong("its storage has an invalid length"));
        };
        if length as u64 > record.length {
            let reason = format!(
                "its storage is to have {length} bytes, but has {}",
                record.length
            );
            return Err(wrong(&reason));
        }
        let size = self.heap.tuple(tensor.size);
        let stride = self.heap.tuple(tensor.stride);
        let layout = Layout::new(
            file,
            &name,
            (size, stride, tensor.offset),
            (elements, tensor.dtype.size()),
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

/// Errors, saying what it is, where the file is not a zip archive.
fn refuse_other_kinds(input: &Input) -> Result<(), WeightError> {
    let wrong = |reason: &str| Err(WeightError::format(input.name(), reason));
    let head = input.read(0, input.length().min(64))?;
    if head.is_empty() {
        return wrong("it is empty");
    }
    if head.starts_with(b"PK\x03\x04") {
        return Ok(());
    }
    if head.windows(LEGACY.len()).any(|window| window == LEGACY) {
        return wrong(
            "it has the format of PyTorch before 1.6; load it and save it again with a newer version",
        );
    }
    let other = OTHER_KINDS
        .iter()
        .find(|(start, _)| head.starts_with(start));
    wrong(other.map_or(
        "it is not a zip archive, so not from torch.save",
        |(_, what)| what,
    ))
}

/// Errors where the storages are not little-endian. Files without this record are older than big-endian support.
fn check_byte_order(archive: &Archive, folder: &str) -> Result<(), WeightError> {
    let Some(record) = archive.record(&format!("{folder}byteorder"))? else {
        return Ok(());
    };
    let length = record.length.min(MAX_BYTE_ORDER);
    match archive.bytes(record, 0, length)?.trim_ascii() {
        b"little" => Ok(()),
        b"big" => Err(WeightError::format(
            archive.file(),
            "it was written on a big-endian machine",
        )),
        _ => Err(WeightError::format(
            archive.file(),
            "its byte order is unknown",
        )),
    }
}

fn read_pickle(archive: &Archive, folder: &str) -> Result<Vec<u8>, WeightError> {
    let record = archive.record(&format!("{folder}data.pkl"))?;
    let record =
        record.ok_or_else(|| WeightError::format(archive.file(), "data.pkl is missing"))?;
    if record.length > MAX_PICKLE {
        let what = format!("a data.pkl of {}", bytes(record.length));
        return Err(WeightError::too_large(
            archive.file(),
            what,
            bytes(MAX_PICKLE),
        ));
    }
    archive.bytes(record, 0, record.length)
}
