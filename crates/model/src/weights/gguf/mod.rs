//! Reads GGUF files of llama.cpp without trusting them.
//!
//! A file is checked completely when it is opened: every length, name, type, offset and overlap. Its metadata is read once; lists
//! (such as a vocabulary) are skipped until they are asked for. After that, reading a tensor can only fail with an I/O error. Never allocate
//! memory for a count in the file before checking that the bytes for it exist.

mod header;
mod value;

#[cfg(test)]
mod tests;

use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{DType, Device, Tensor};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::input::Input;
use super::{Dtype, WeightError};
use crate::ops::SharedBytes;
use header::HeaderReader;
pub use value::Value;

/// Most tensors, and most metadata entries. A large model has about a thousand.
const MAX_ENTRIES: u64 = 65_536;
/// Maximum length of a tensor name or metadata key in bytes.
const MAX_NAME: u64 = 256;
/// Most axes of a tensor.
const MAX_AXES: u32 = 4;
/// Alignment of tensors, if the file does not give one.
const ALIGNMENT: u64 = 32;

/// An opened, checked file. Tensors are read on request.
pub struct GgufFile {
    input: Input,
    values: BTreeMap<String, Value>,
    tensors: Vec<TensorInfo>,
}

/// How the elements of a tensor are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Floating-point values, full or quantised in blocks.
    Float(GgmlDType),
    /// Another type: f64, or integers, which are not weights.
    Other(Dtype),
}

/// One tensor of a file.
#[derive(Clone, Debug)]
pub struct TensorInfo {
    /// Unique in the file.
    pub name: String,
    /// How it is stored.
    pub kind: Kind,
    /// Dimensions, the outermost first.
    pub shape: Vec<usize>,
    offset: u64,
    length: u64,
}

impl GgufFile {
    /// Opens and checks the file at `path` without reading weights.
    pub fn open(path: &Path) -> Result<Self, WeightError> {
        Self::from_input(Input::open(path)?)
    }

    /// [`Self::open`] for a file in memory, called `name` in messages.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, WeightError> {
        Self::from_input(Input::memory(name, bytes))
    }

    /// [`Self::open`] for a file that is part of the program, called `name` in messages.
    pub fn shipped(name: &str, bytes: &'static [u8]) -> Result<Self, WeightError> {
        Self::from_input(Input::shipped(name, bytes))
    }

    fn from_input(input: Input) -> Result<Self, WeightError> {
        let mut reader = HeaderReader::new(&input);
        let (tensors, pairs) = reader.counts()?;
        let values = read_values(&mut reader, pairs)?;
        let alignment =
            alignment(&values).ok_or_else(|| reader.error("its alignment is invalid"))?;
        let mut read = Vec::new();
        for _ in 0..tensors {
            read.push(read_info(&mut reader)?);
        }
        let start = reader.at().next_multiple_of(alignment);
        for info in &mut read {
            locate(info, start, alignment, &input)?;
        }
        check_overlaps(&read, &input)?;
        Ok(Self {
            input,
            values,
            tensors: read,
        })
    }

    /// All tensors, in the order of the file.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// The metadata value of `key`.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// The texts of a list; `None` where `key` is missing or something else.
    pub fn texts(&self, key: &str) -> Result<Option<Vec<String>>, WeightError> {
        match self.values.get(key) {
            Some(Value::List(at)) => HeaderReader::from(&self.input, *at).texts(),
            _ => Ok(None),
        }
    }

    /// The 32-bit integers of a list; `None` where `key` is missing or something else.
    pub fn integers(&self, key: &str) -> Result<Option<Vec<u32>>, WeightError> {
        match self.values.get(key) {
            Some(Value::List(at)) => HeaderReader::from(&self.input, *at).integers(),
            _ => Ok(None),
        }
    }

    fn info(&self, index: usize) -> Result<&TensorInfo, WeightError> {
        let missing = || WeightError::format(self.input.name(), "it has no such tensor");
        self.tensors.get(index).ok_or_else(missing)
    }

    /// The bytes of the tensor at `index` of [`Self::tensors`] as stored.
    pub fn bytes(&self, index: usize) -> Result<Vec<u8>, WeightError> {
        let info = self.info(index)?;
        self.input.read(info.offset, info.length)
    }

    /// [`Self::bytes`] without a copy where the file is part of the program.
    pub fn shared_bytes(&self, index: usize) -> Result<SharedBytes, WeightError> {
        let info = self.info(index)?;
        Ok(match self.input.borrow(info.offset, info.length) {
            Some(bytes) => SharedBytes::Static(bytes),
            None => SharedBytes::Owned(Arc::new(self.bytes(index)?)),
        })
    }

    /// The tensor at `index` of [`Self::tensors`] in f32 on the CPU, dequantised if necessary.
    ///
    /// Errors where it is not of a floating-point type.
    pub fn read(&self, index: usize) -> Result<Tensor, WeightError> {
        let info = self.info(index)?;
        let full = match info.kind {
            Kind::Float(GgmlDType::F32) => DType::F32,
            Kind::Float(GgmlDType::F16) => DType::F16,
            Kind::Float(GgmlDType::BF16) => DType::BF16,
            Kind::Other(Dtype::F64) => DType::F64,
            Kind::Float(_) => {
                let tensor = self.packed(index, &Device::Cpu)?.dequantize(&Device::Cpu);
                return tensor.map_err(|error| self.wrong(info, &error.to_string()));
            }
            Kind::Other(other) => {
                return Err(self.wrong(
                    info,
                    &format!("it has type {other}, which is not a type of weights"),
                ));
            }
        };
        let bytes = self.bytes(index)?;
        Tensor::from_raw_buffer(&bytes, full, &info.shape, &Device::Cpu)
            .and_then(|tensor| tensor.to_dtype(DType::F32))
            .map_err(|error| self.wrong(info, &error.to_string()))
    }

    /// The tensor at `index` of [`Self::tensors`] as stored, on `device`.
    ///
    /// Errors where it is not of a floating-point type.
    pub fn packed(&self, index: usize, device: &Device) -> Result<QTensor, WeightError> {
        let info = self.info(index)?;
        let Kind::Float(dtype) = info.kind else {
            return Err(self.wrong(info, "it is not packed"));
        };
        let bytes = self.bytes(index)?;
        QStorage::from_data(Cow::Borrowed(&bytes), device, dtype)
            .and_then(|storage| QTensor::new(storage, info.shape.as_slice()))
            .map_err(|error| self.wrong(info, &error.to_string()))
    }

    fn wrong(&self, info: &TensorInfo, reason: &str) -> WeightError {
        WeightError::format(self.input.name(), format!("{}: {reason}", info.name))
    }
}

fn read_values(
    reader: &mut HeaderReader,
    pairs: u64,
) -> Result<BTreeMap<String, Value>, WeightError> {
    let mut values = BTreeMap::new();
    for _ in 0..pairs {
        let key = reader.name(MAX_NAME)?;
        let value = reader.value()?;
        if values.contains_key(&key) {
            return Err(reader.error(&format!("two entries are called {key}")));
        }
        values.insert(key, value);
    }
    Ok(values)
}

fn alignment(values: &BTreeMap<String, Value>) -> Option<u64> {
    match values.get("general.alignment") {
        None => Some(ALIGNMENT),
        Some(value) => value
            .whole()
            .filter(|n| n.is_power_of_two() && *n <= 1 << 16),
    }
}

/// The description of the next tensor; its `offset` is still relative to the first tensor.
fn read_info(reader: &mut HeaderReader) -> Result<TensorInfo, WeightError> {
    let name = reader.name(MAX_NAME)?;
    let axes = reader.u32()?;
    if !(1..=MAX_AXES).contains(&axes) {
        return Err(reader.error(&format!("{name} has {axes} axes")));
    }
    let mut shape = Vec::new();
    for _ in 0..axes {
        let size = usize::try_from(reader.u64()?).ok().filter(|&size| size > 0);
        shape.push(size.ok_or_else(|| reader.error(&format!("{name} has an absurd shape")))?);
    }
    // GGUF counts axes from the innermost.
    shape.reverse();
    let kind = kind(reader.u32()?).map_err(|found| {
        reader.error(&format!(
            "{name} has type {found}, which is not supported: use a file of F16, BF16, Q8_0, Q6_K, Q5_K or Q4_K"
        ))
    })?;
    Ok(TensorInfo {
        name,
        kind,
        shape,
        offset: reader.u64()?,
        length: 0,
    })
}

/// Elements per block and bytes per block.
fn block(kind: Kind) -> (usize, usize) {
    match kind {
        Kind::Float(dtype) => (dtype.block_size(), dtype.type_size()),
        Kind::Other(dtype) => (1, dtype.size()),
    }
}

/// Computes the offset and length of a tensor in the file, and checks them.
fn locate(
    info: &mut TensorInfo,
    start: u64,
    alignment: u64,
    input: &Input,
) -> Result<(), WeightError> {
    let wrong =
        |reason: &str| WeightError::format(input.name(), format!("tensor {}: {reason}", info.name));
    let (elements, bytes) = block(info.kind);
    let width = info.shape.last().copied().unwrap_or(0);
    if !width.is_multiple_of(elements) {
        return Err(wrong("its rows are not a whole number of blocks"));
    }
    let length = info
        .shape
        .iter()
        .try_fold(1_u64, |n, &size| n.checked_mul(size as u64))
        .map(|n| n / elements as u64)
        .and_then(|blocks| blocks.checked_mul(bytes as u64))
        .ok_or_else(|| wrong("it has an absurd shape"))?;
    if !info.offset.is_multiple_of(alignment) {
        return Err(wrong("its offset is not aligned"));
    }
    let end = info
        .offset
        .checked_add(start)
        .and_then(|from| from.checked_add(length));
    if end.is_none_or(|end| end > input.length()) {
        return Err(wrong(
            "it is outside the file: the file is truncated or damaged",
        ));
    }
    info.offset += start;
    info.length = length;
    Ok(())
}

/// Errors where two tensors have the same name or overlap.
fn check_overlaps(tensors: &[TensorInfo], input: &Input) -> Result<(), WeightError> {
    let mut names = HashSet::with_capacity(tensors.len());
    if let Some(twice) = tensors.iter().find(|info| !names.insert(&info.name)) {
        let reason = format!("two tensors are called {}", twice.name);
        return Err(WeightError::format(input.name(), reason));
    }
    let mut sorted: Vec<&TensorInfo> = tensors.iter().collect();
    sorted.sort_by_key(|info| info.offset);
    let shared = sorted
        .windows(2)
        .find(|pair| pair[0].offset + pair[0].length > pair[1].offset);
    match shared {
        Some(pair) => {
            let reason = format!("the tensors {} and {} overlap", pair[0].name, pair[1].name);
            Err(WeightError::format(input.name(), reason))
        }
        None => Ok(()),
    }
}

/// The type with this ggml id. Errors with its name where it is not supported.
fn kind(number: u32) -> Result<Kind, String> {
    let dtype = match number {
        0 => GgmlDType::F32,
        1 => GgmlDType::F16,
        2 => GgmlDType::Q4_0,
        3 => GgmlDType::Q4_1,
        6 => GgmlDType::Q5_0,
        7 => GgmlDType::Q5_1,
        8 => GgmlDType::Q8_0,
        10 => GgmlDType::Q2K,
        11 => GgmlDType::Q3K,
        12 => GgmlDType::Q4K,
        13 => GgmlDType::Q5K,
        14 => GgmlDType::Q6K,
        30 => GgmlDType::BF16,
        24 => return Ok(Kind::Other(Dtype::I8)),
        25 => return Ok(Kind::Other(Dtype::I16)),
        26 => return Ok(Kind::Other(Dtype::I32)),
        27 => return Ok(Kind::Other(Dtype::I64)),
        28 => return Ok(Kind::Other(Dtype::F64)),
        _ => return Err(type_name(number)),
    };
    Ok(Kind::Float(dtype))
}

fn type_name(number: u32) -> String {
    const NAMES: [(u32, &str); 16] = [
        (9, "Q8_1"),
        (15, "Q8_K"),
        (16, "IQ2_XXS"),
        (17, "IQ2_XS"),
        (18, "IQ3_XXS"),
        (19, "IQ1_S"),
        (20, "IQ4_NL"),
        (21, "IQ3_S"),
        (22, "IQ2_S"),
        (23, "IQ4_XS"),
        (29, "IQ1_M"),
        (34, "TQ1_0"),
        (35, "TQ2_0"),
        (39, "MXFP4"),
        (40, "NVFP4"),
        (41, "Q1_0"),
    ];
    let known = NAMES.iter().find(|(n, _)| *n == number);
    known.map_or_else(|| number.to_string(), |(_, name)| (*name).to_string())
}
