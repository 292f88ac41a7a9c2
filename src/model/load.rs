//! From a bundle's files to a store of tensors.

use candle_core::quantized::{GgmlDType, QTensor, gguf_file};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bundle::{Bundle, Weights};
use super::error::ModelError;
use super::files::Files;
use super::store::Store;

fn damaged(file: &Path, reason: impl ToString) -> ModelError {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    ModelError::Damaged {
        file: name.into_owned(),
        reason: reason.to_string(),
    }
}

/// The type that full tensors are computed in: candle multiplies f32 only on a CPU, and bf16 where the weights are no wider.
pub fn compute_dtype(bundle: &Bundle, device: &Device) -> DType {
    compute_dtype_of(&bundle.manifest.dtype, device)
}

/// The same for weights that are held as `held`.
pub fn compute_dtype_of(held: &str, device: &Device) -> DType {
    match (device.is_cpu(), held) {
        (false, "f16" | "bf16") => DType::BF16,
        _ => DType::F32,
    }
}

/// A store over the weights of `bundle`, full tensors in `dtype`.
///
/// Errors with the file's name where a file is not what it says.
pub fn store(bundle: &Bundle, device: &Device, dtype: DType) -> Result<Store<'static>, ModelError> {
    store_of(&bundle.weights, device, dtype)
}

/// The same over weights of any bundle.
pub fn store_of(
    weights: &Weights,
    device: &Device,
    dtype: DType,
) -> Result<Store<'static>, ModelError> {
    let paths = match weights {
        Weights::Bytes(bytes) => {
            let path = Path::new("model.safetensors");
            let full = match bytes {
                Cow::Borrowed(bytes) => VarBuilder::from_slice_safetensors(bytes, dtype, device),
                Cow::Owned(bytes) => {
                    VarBuilder::from_buffered_safetensors(bytes.clone(), dtype, device)
                }
            };
            return Ok(Store::full(full.map_err(|e| damaged(path, e))?));
        }
        Weights::Files(paths) => paths,
    };
    let is_gguf = |path: &PathBuf| path.extension().is_some_and(|e| e == "gguf");
    if !paths.iter().any(is_gguf) {
        let full = Files::open(paths).map_err(|(path, e)| damaged(&path, e))?;
        let full = VarBuilder::from_backend(Box::new(full), dtype, device.clone());
        return Ok(Store::full(full));
    }
    let (mut full, mut packed) = (HashMap::new(), HashMap::new());
    for path in paths {
        read_gguf(path, device, &mut full, &mut packed)?;
    }
    let full = VarBuilder::from_tensors(full, dtype, device);
    Ok(Store::with_packed(full, packed))
}

fn read_gguf(
    path: &Path,
    device: &Device,
    full: &mut HashMap<String, Tensor>,
    packed: &mut HashMap<String, Arc<QTensor>>,
) -> Result<(), ModelError> {
    let file = std::fs::File::open(path).map_err(|e| damaged(path, e))?;
    let length = file.metadata().map_err(|e| damaged(path, e))?.len();
    let mut reader = std::io::BufReader::new(file);
    let content = gguf_file::Content::read(&mut reader).map_err(|e| damaged(path, e))?;
    read_tensors(path, &content, &mut reader, length, device, full, packed)
}

/// Reads a GGUF file that is in memory; how many tensors it has. The fuzzer's way in.
pub fn check_gguf(bytes: &[u8]) -> Result<usize, ModelError> {
    let path = Path::new("model.gguf");
    let mut reader = std::io::Cursor::new(bytes);
    let content = gguf_file::Content::read(&mut reader).map_err(|e| damaged(path, e))?;
    let (mut full, mut packed) = (HashMap::new(), HashMap::new());
    let length = bytes.len() as u64;
    let cpu = Device::Cpu;
    read_tensors(
        path,
        &content,
        &mut reader,
        length,
        &cpu,
        &mut full,
        &mut packed,
    )?;
    Ok(full.len() + packed.len())
}

fn read_tensors<R: std::io::Read + std::io::Seek>(
    path: &Path,
    content: &gguf_file::Content,
    reader: &mut R,
    length: u64,
    device: &Device,
    full: &mut HashMap<String, Tensor>,
    packed: &mut HashMap<String, Arc<QTensor>>,
) -> Result<(), ModelError> {
    for (name, info) in &content.tensor_infos {
        let elements = info.shape.dims().iter().try_fold(1u64, |n, &d| {
            n.checked_mul(d as u64)
                .filter(|&n| n <= length.saturating_mul(8))
        });
        if elements.is_none() {
            return Err(damaged(path, format!("{name} is larger than the file")));
        }
        let tensor = content
            .tensor(reader, name, device)
            .map_err(|e| damaged(path, format!("{name}: {e}")))?;
        match tensor.dtype() {
            GgmlDType::F32 | GgmlDType::F16 | GgmlDType::BF16 => {
                let tensor = tensor.dequantize(device).map_err(|e| damaged(path, e))?;
                full.insert(name.clone(), tensor);
            }
            _ => {
                packed.insert(name.clone(), Arc::new(tensor));
            }
        }
    }
    Ok(())
}
