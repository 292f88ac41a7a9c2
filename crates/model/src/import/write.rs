//! Writes weights tensor by tensor: safetensors for full types, GGUF for quantised ones. Only one tensor is in memory at a time.
//!
//! Both formats begin with a table of all tensors and their offsets, so the lengths are computed first and must then be met.

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Tensor};
use sha2::{Digest, Sha256};
use std::io::{BufWriter, Write};
use std::path::Path;

use super::ImportError;
use crate::manifest_files::MANIFESTS;
use crate::store::TensorSpec;
use rounds_support::FileError;
use rounds_support::files::{self, Staged};

/// How weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum WeightFormat {
    /// 32-bit floats.
    F32,
    /// IEEE half precision.
    F16,
    /// bfloat16.
    Bf16,
    /// Linear layers in 8 bits.
    #[cfg_attr(feature = "clap", value(name = "q8_0"))]
    Q8_0,
    /// Linear layers in 4 bits (K-quants), the most sensitive ones in 6.
    #[cfg_attr(feature = "clap", value(name = "q4_k"))]
    Q4K,
}

impl WeightFormat {
    /// Its name in `model.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8_0 => "q8_0",
            Self::Q4K => "q4_k",
        }
    }

    /// Name of the weights file.
    pub fn file(self) -> &'static str {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => "model.safetensors",
            Self::Q8_0 | Self::Q4K => "model.gguf",
        }
    }

    /// Whether linear layers are quantised.
    pub fn is_packed(self) -> bool {
        matches!(self, Self::Q8_0 | Self::Q4K)
    }

    /// How one tensor is stored. Only linear layers are quantised, and only if their rows divide into whole blocks. K-quants store the
    /// output head and the most sensitive layers (value and down projections) in six bits.
    fn dtype_for(self, spec: &TensorSpec) -> GgmlDType {
        let width = spec.shape.last().copied().unwrap_or(0);
        let plain = match self {
            Self::F32 => return GgmlDType::F32,
            Self::F16 => return GgmlDType::F16,
            Self::Bf16 => return GgmlDType::BF16,
            // Small tensors (norms, gates) cost little in f32.
            _ if spec.shape.iter().product::<usize>() < 1 << 20 => GgmlDType::F32,
            _ => GgmlDType::F16,
        };
        if !spec.linear {
            return plain;
        }
        let sensitive = ["v_proj", "down_proj", "lm_head", "mlm_projection"];
        let sensitive = sensitive.iter().any(|d| spec.name.contains(d));
        match self {
            Self::Q4K if width.is_multiple_of(256) && sensitive => GgmlDType::Q6K,
            Self::Q4K if width.is_multiple_of(256) => GgmlDType::Q4K,
            _ if width.is_multiple_of(32) => GgmlDType::Q8_0,
            _ => plain,
        }
    }
}

/// Rows of packed weights are padded to a multiple of this, as candle's fast CPU kernels require.
const ROWS: usize = 16;

struct Slot {
    name: String,
    shape: Vec<usize>,
    dtype: GgmlDType,
    bytes: u64,
}

/// Values of a tensor to write.
pub(super) enum TensorData {
    /// Values to convert to the stored type.
    Full(Tensor),
    /// Quantised blocks of the type that was announced, without padding rows.
    Packed(Vec<u8>),
}

/// The type of a tensor's published blocks, if they can be copied.
pub(super) type PackingOf<'a> = &'a dyn Fn(&TensorSpec) -> Option<GgmlDType>;

/// 256 times the average bits per value of `dtype`.
fn bits(dtype: GgmlDType) -> usize {
    256 * 8 * dtype.type_size() / dtype.block_size()
}

fn slot(format: WeightFormat, spec: &TensorSpec, packing_of: PackingOf) -> Slot {
    let dtype = slot_dtype(format, spec, packing_of);
    let mut shape = spec.shape.clone();
    let packed = !matches!(dtype, GgmlDType::F32 | GgmlDType::F16 | GgmlDType::BF16);
    if packed && let Some(rows) = shape.first_mut() {
        *rows = rows.next_multiple_of(ROWS);
    }
    let elements: usize = shape.iter().product();
    Slot {
        name: spec.name.clone(),
        bytes: (elements / dtype.block_size() * dtype.type_size()) as u64,
        shape,
        dtype,
    }
}

/// Published blocks are copied unless requantising makes them smaller, because requantising always loses precision.
fn slot_dtype(format: WeightFormat, spec: &TensorSpec, packing_of: PackingOf) -> GgmlDType {
    let default_dtype = format.dtype_for(spec);
    match spec.linear && format.is_packed() {
        true => packing_of(spec)
            .filter(|&dtype| bits(dtype) <= bits(default_dtype))
            .unwrap_or(default_dtype),
        false => default_dtype,
    }
}

/// A file that is hashed while it is written.
struct HashingWriter {
    out: BufWriter<Staged>,
    hash: Sha256,
    length: u64,
}

impl Write for HashingWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.hash.update(&bytes[..n]);
        self.length += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// A weights file that is written but not yet moved into place.
pub struct StagedWeights {
    /// SHA-256 of the file.
    pub sha256: String,
    /// Length of the file in bytes.
    pub length: u64,
    staged: Staged,
}

impl StagedWeights {
    /// Completes the bundle in `folder` with this `tokenizer.json` and a manifest of this name, replacing any old bundle. The old
    /// manifest is deleted first and the new one put in place last, so no manifest ever describes other weights.
    ///
    /// Errors before that leave `folder` unchanged.
    pub fn commit(
        self,
        folder: &Path,
        tokenizer: &str,
        (name, manifest): (&str, &str),
    ) -> Result<(), FileError> {
        let tokenizer = Staged::with_content(&folder.join("tokenizer.json"), tokenizer.as_bytes())?;
        let manifest = Staged::with_content(&folder.join(name), manifest.as_bytes())?;
        for old in MANIFESTS {
            files::delete(&folder.join(old))?;
        }
        self.staged.commit()?;
        tokenizer.commit()?;
        manifest.commit()
    }
}

/// Approximate length in bytes of a file with `tensors`.
pub fn size(format: WeightFormat, tensors: &[TensorSpec]) -> u64 {
    tensors
        .iter()
        .map(|t| slot(format, t, &|_| None).bytes + 32)
        .sum()
}

/// Writes `tensors` to `folder`, each made by `make` in f32 when its turn comes. The file is staged until
/// [`StagedWeights::commit`].
pub fn write(
    folder: &Path,
    format: WeightFormat,
    tensors: &[TensorSpec],
    make: &mut dyn FnMut(&TensorSpec) -> Result<Tensor, ImportError>,
) -> Result<StagedWeights, ImportError> {
    write_with_published_blocks(folder, format, tensors, &|_| None, &mut |spec, _| {
        make(spec).map(TensorData::Full)
    })
}

/// [`write`], but copying published blocks where `packing_of` gives their type and `format` would not make them smaller. The flag that
/// `make` gets says whether blocks are wanted.
pub(super) fn write_with_published_blocks(
    folder: &Path,
    format: WeightFormat,
    tensors: &[TensorSpec],
    packing_of: PackingOf,
    make: &mut dyn FnMut(&TensorSpec, bool) -> Result<TensorData, ImportError>,
) -> Result<StagedWeights, ImportError> {
    let path = folder.join(format.file());
    let io = |e: std::io::Error| ImportError::File(FileError::from_io(&path, "write", &e));
    let slots: Vec<Slot> = tensors
        .iter()
        .map(|t| slot(format, t, packing_of))
        .collect();
    let mut sink = HashingWriter {
        out: BufWriter::with_capacity(1 << 20, Staged::new(&path)?),
        hash: Sha256::new(),
        length: 0,
    };
    let header = match format.is_packed() {
        true => gguf_header(&slots),
        false => safetensors_header(&slots),
    };
    sink.write_all(&header).map_err(io)?;
    for (spec, slot) in tensors.iter().zip(&slots) {
        let wants_blocks =
            format.is_packed() && spec.linear && packing_of(spec) == Some(slot.dtype);
        let bytes = match make(spec, wants_blocks)? {
            TensorData::Full(tensor) => bytes_of(&tensor, slot)?,
            TensorData::Packed(blocks) => padded(blocks, slot, spec),
        };
        let before = sink.length;
        sink.write_all(&bytes).map_err(io)?;
        let wrote = sink.length - before;
        if wrote != slot.bytes {
            let reason = format!(
                "{} has {wrote} bytes, but {} were expected",
                slot.name, slot.bytes
            );
            return Err(ImportError::Tensor(candle_core::Error::msg(reason)));
        }
        if format.is_packed() {
            let padding = sink.length.next_multiple_of(ALIGNMENT) - sink.length;
            sink.write_all(&vec![0; padding as usize]).map_err(io)?;
        }
    }
    let staged = sink.out.into_inner().map_err(|e| io(e.into_error()))?;
    staged.sync()?;
    Ok(StagedWeights {
        sha256: format!("{:x}", sink.hash.finalize()),
        length: sink.length,
        staged,
    })
}

/// Appends padding rows. Zero bytes mean zero values in every type.
fn padded(mut blocks: Vec<u8>, slot: &Slot, spec: &TensorSpec) -> Vec<u8> {
    let rows = |shape: &[usize]| shape.first().copied().unwrap_or(0);
    let missing = rows(&slot.shape) - rows(&spec.shape);
    let row = blocks.len() / rows(&spec.shape).max(1);
    blocks.resize(blocks.len() + missing * row, 0);
    blocks
}

fn bytes_of(tensor: &Tensor, slot: &Slot) -> Result<Vec<u8>, ImportError> {
    let full = match slot.dtype {
        GgmlDType::F32 => Some(DType::F32),
        GgmlDType::F16 => Some(DType::F16),
        GgmlDType::BF16 => Some(DType::BF16),
        _ => None,
    };
    if let Some(dtype) = full {
        let tensor = tensor.to_dtype(dtype)?.flatten_all()?.contiguous()?;
        let mut out = Vec::with_capacity(slot.bytes as usize);
        match dtype {
            DType::F16 => {
                for v in tensor.to_vec1::<half::f16>()? {
                    // Values outside the range of f16 must not silently become infinite.
                    if !v.is_finite() {
                        return Err(ImportError::Range(slot.name.clone()));
                    }
                    out.extend(v.to_le_bytes());
                }
            }
            DType::BF16 => {
                for v in tensor.to_vec1::<half::bf16>()? {
                    out.extend(v.to_le_bytes());
                }
            }
            _ => {
                for v in tensor.to_vec1::<f32>()? {
                    out.extend(v.to_le_bytes());
                }
            }
        }
        return Ok(out);
    }
    let (rows, width) = tensor.dims2()?;
    let missing = slot.shape.first().copied().unwrap_or(rows) - rows;
    let tensor = match missing {
        0 => tensor.clone(),
        _ => tensor.pad_with_zeros(0, 0, missing)?,
    };
    debug_assert_eq!(tensor.dims(), [rows + missing, width]);
    // candle quantises the storage from its start even if the tensor is a view into it, so copy the values first.
    let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
    let contiguous = Tensor::from_vec(values, tensor.shape(), tensor.device())?;
    let packed = QTensor::quantize(&contiguous, slot.dtype)?;
    Ok(packed.data()?.into_owned())
}

/// Names, types, shapes and offsets as JSON, preceded by its length and padded with spaces to a multiple of 8.
fn safetensors_header(slots: &[Slot]) -> Vec<u8> {
    let mut at = 0;
    let mut table = serde_json::Map::new();
    for slot in slots {
        let dtype = match slot.dtype {
            GgmlDType::F16 => "F16",
            GgmlDType::BF16 => "BF16",
            _ => "F32",
        };
        let entry = serde_json::json!({
            "dtype": dtype, "shape": slot.shape, "data_offsets": [at, at + slot.bytes]
        });
        table.insert(slot.name.clone(), entry);
        at += slot.bytes;
    }
    let mut json = serde_json::Value::Object(table).to_string().into_bytes();
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut out = (json.len() as u64).to_le_bytes().to_vec();
    out.extend(json);
    out
}

const ALIGNMENT: u64 = 32;

/// A GGUF version 3 header whose only metadata is the architecture.
fn gguf_header(slots: &[Slot]) -> Vec<u8> {
    let text = |out: &mut Vec<u8>, s: &str| {
        out.extend((s.len() as u64).to_le_bytes());
        out.extend(s.as_bytes());
    };
    let mut out = b"GGUF".to_vec();
    out.extend(3u32.to_le_bytes());
    out.extend((slots.len() as u64).to_le_bytes());
    out.extend(1u64.to_le_bytes());
    text(&mut out, "general.architecture");
    out.extend(8u32.to_le_bytes());
    text(&mut out, "rounds-flamingo");
    let mut at = 0u64;
    for slot in slots {
        text(&mut out, &slot.name);
        out.extend((slot.shape.len() as u32).to_le_bytes());
        // GGUF counts axes from the innermost.
        for &dim in slot.shape.iter().rev() {
            out.extend((dim as u64).to_le_bytes());
        }
        out.extend(ggml_type_id(slot.dtype).to_le_bytes());
        out.extend(at.to_le_bytes());
        at += slot.bytes.next_multiple_of(ALIGNMENT);
    }
    out.resize((out.len() as u64).next_multiple_of(ALIGNMENT) as usize, 0);
    out
}

/// ggml's id of a type.
fn ggml_type_id(dtype: GgmlDType) -> u32 {
    match dtype {
        GgmlDType::F16 => 1,
        GgmlDType::Q8_0 => 8,
        GgmlDType::Q4K => 12,
        GgmlDType::Q6K => 14,
        GgmlDType::BF16 => 30,
        _ => 0,
    }
}
