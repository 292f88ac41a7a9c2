//! Reads safetensors files tensor by tensor.
//!
//! The `safetensors` crate checks the header: offsets in order, without overlap or gap, and matching shapes. Never map a file: its
//! pages would stay in memory in addition to the tensors copied from them.

use safetensors::tensor::Metadata;
use std::path::Path;

use super::input::Input;
use super::{Dtype, WeightError};

/// Maximum length of the header in bytes, as in the reference library.
const MAX_HEADER: u64 = 100_000_000;
/// Bytes before the header, which give its length.
const LENGTH: u64 = 8;

/// An opened, checked file.
pub struct SafetensorsFile {
    input: Input,
    tensors: Vec<Entry>,
}

struct Entry {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    offset: u64,
    length: u64,
}

fn dtype(found: safetensors::Dtype) -> Option<Dtype> {
    use safetensors::Dtype as D;
    Some(match found {
        D::F16 => Dtype::F16,
        D::BF16 => Dtype::BF16,
        D::F32 => Dtype::F32,
        D::F64 => Dtype::F64,
        D::U8 => Dtype::U8,
        D::I8 => Dtype::I8,
        D::I16 => Dtype::I16,
        D::I32 => Dtype::I32,
        D::I64 => Dtype::I64,
        D::BOOL => Dtype::Bool,
        _ => return None,
    })
}

impl SafetensorsFile {
    /// Opens and checks the file at `path` without reading weights.
    pub fn open(path: &Path) -> Result<Self, WeightError> {
        Self::from_input(Input::open(path)?)
    }

    fn from_input(input: Input) -> Result<Self, WeightError> {
        let tensors = entries(&input)?;
        Ok(Self { input, tensors })
    }

    /// Name, type and shape of every tensor, in the file's order.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, Dtype, &[usize])> {
        self.tensors
            .iter()
            .map(|t| (t.name.as_str(), t.dtype, t.shape.as_slice()))
    }

    /// Bytes of the tensor at `index` of [`Self::tensors`], little-endian.
    pub fn read(&self, index: usize) -> Result<Vec<u8>, WeightError> {
        let missing = || WeightError::format(self.input.name(), "it has no such tensor");
        let entry = self.tensors.get(index).ok_or_else(missing)?;
        self.input.read(entry.offset, entry.length)
    }
}

/// The tensors listed in the header.
fn entries(input: &Input) -> Result<Vec<Entry>, WeightError> {
    let wrong = |reason: String| WeightError::format(input.name(), reason);
    let first = input.read(0, LENGTH.min(input.length()))?;
    let length = <[u8; 8]>::try_from(first).map(u64::from_le_bytes);
    let length = length.map_err(|_| wrong("it is too short for a header".into()))?;
    if length > MAX_HEADER {
        let what = format!("a header of {length} bytes");
        return Err(WeightError::too_large(input.name(), what, MAX_HEADER));
    }
    let header = input.read(LENGTH, length)?;
    let metadata: Metadata = serde_json::from_slice(&header).map_err(|e| wrong(e.to_string()))?;
    let start = LENGTH + length;
    let end = start.checked_add(metadata.data_len() as u64);
    if end != Some(input.length()) {
        return Err(wrong(
            "its length is not what its header says; it may be truncated".into(),
        ));
    }
    let mut out = Vec::new();
    for (name, info) in metadata.tensors() {
        let (from, to) = info.data_offsets;
        out.push(Entry {
            dtype: dtype(info.dtype).ok_or_else(|| {
                wrong(format!(
                    "{name} has type {:?}, which is not supported",
                    info.dtype
                ))
            })?,
            shape: info.shape.clone(),
            offset: start + from as u64,
            length: (to - from) as u64,
            name,
        });
    }
    out.sort_by_key(|e| e.offset);
    Ok(out)
}

/// Checks the bytes of a file and returns its number of tensors. Public for the fuzzer.
pub fn check(bytes: &[u8]) -> Result<usize, String> {
    let input = Input::memory("model.safetensors", bytes.to_vec());
    let file = SafetensorsFile::from_input(input).map_err(|e| e.to_string())?;
    Ok(file.tensors.len())
}
