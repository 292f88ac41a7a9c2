//! Loads a bundle's weights into a [`Store`].

use candle_core::quantized::GgmlDType;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bundle::{Bundle, Weights};
use super::error::ModelError;
use super::ops::Q4Weight;
use super::safetensors_backend::SafetensorsBackend;
use super::store::{Packed, Store};
use super::weights::WeightError;
use super::weights::gguf::{GgufFile, Kind};

fn damaged(file: &Path, reason: impl ToString) -> ModelError {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    ModelError::Damaged {
        file: name.into_owned(),
        reason: reason.to_string(),
    }
}

/// The dtype to compute in: f32 on a CPU, where candle's fast kernels need it; elsewhere bf16 if the weights have 16 bits.
pub fn compute_dtype(bundle: &Bundle, device: &Device) -> DType {
    compute_dtype_for(&bundle.manifest.dtype, device)
}

/// [`compute_dtype`] for weights stored as `weights`, the manifest's `dtype`.
pub fn compute_dtype_for(weights: &str, device: &Device) -> DType {
    match (device.is_cpu(), weights) {
        (false, "f16" | "bf16") => DType::BF16,
        _ => DType::F32,
    }
}

/// A store with the weights of `bundle`: unquantised tensors in `dtype`, quantised ones as stored.
///
/// Errors with the file's name where a file is damaged.
pub fn store(bundle: &Bundle, device: &Device, dtype: DType) -> Result<Store<'static>, ModelError> {
    store_from_weights(&bundle.weights, device, dtype)
}

/// [`store`] for the weights of any kind of bundle.
pub fn store_from_weights(
    weights: &Weights,
    device: &Device,
    dtype: DType,
) -> Result<Store<'static>, ModelError> {
    let paths = match weights {
        Weights::Shipped(files) => return shipped(files, device, dtype),
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
        let full = SafetensorsBackend::open(paths).map_err(|(path, e)| damaged(&path, e))?;
        let full = VarBuilder::from_backend(Box::new(full), dtype, device.clone());
        return Ok(Store::full(full));
    }
    let mut tensors = GgufTensors::default();
    for path in paths {
        let file = GgufFile::open(path).map_err(|e| damaged(path, e))?;
        tensors.add(&file, device).map_err(|e| damaged(path, e))?;
    }
    let full = VarBuilder::from_tensors(tensors.full, dtype, device);
    Ok(Store::with_packed(full, tensors.packed))
}

/// A store of GGUF files that are part of the program.
fn shipped(
    files: &[(String, &'static [u8])],
    device: &Device,
    dtype: DType,
) -> Result<Store<'static>, ModelError> {
    let mut tensors = GgufTensors::default();
    for (name, bytes) in files {
        let wrong = |e| damaged(Path::new(name), e);
        let file = GgufFile::shipped(name, bytes).map_err(wrong)?;
        tensors.add(&file, device).map_err(wrong)?;
    }
    let full = VarBuilder::from_tensors(tensors.full, dtype, device);
    Ok(Store::with_packed(full, tensors.packed))
}

/// Reads a GGUF file in memory and returns its number of tensors. Public for the fuzzer.
pub fn check_gguf(bytes: &[u8]) -> Result<usize, ModelError> {
    let name = "model.gguf";
    let wrong = |e| damaged(Path::new(name), e);
    let file = GgufFile::from_bytes(name, bytes.to_vec()).map_err(wrong)?;
    let mut tensors = GgufTensors::default();
    tensors.add(&file, &Device::Cpu).map_err(wrong)?;
    Ok(tensors.full.len() + tensors.packed.len())
}

/// Tensors of GGUF files by name.
#[derive(Default)]
struct GgufTensors {
    full: HashMap<String, Tensor>,
    packed: HashMap<String, Packed>,
}

impl GgufTensors {
    fn add(&mut self, file: &GgufFile, device: &Device) -> Result<(), WeightError> {
        for (index, info) in file.tensors().iter().enumerate() {
            let name = info.name.clone();
            match info.kind {
                Kind::Float(GgmlDType::F32 | GgmlDType::F16 | GgmlDType::BF16) | Kind::Other(_) => {
                    let tensor = file.read(index)?.to_device(device);
                    let tensor = tensor.map_err(|e| WeightError::format(&name, e.to_string()))?;
                    self.full.insert(name, tensor);
                }
                Kind::Float(GgmlDType::Q4_1) if device.is_cpu() && info.shape.len() == 2 => {
                    let bytes = file.shared_bytes(index)?;
                    let weight = Q4Weight::new(bytes, info.shape[0], info.shape[1]);
                    let weight = weight.map_err(|e| WeightError::format(&name, e.to_string()))?;
                    self.packed.insert(name, Packed::Q4(weight));
                }
                Kind::Float(_) => {
                    let weight = Packed::Candle(Arc::new(file.packed(index, device)?));
                    self.packed.insert(name, weight);
                }
            }
        }
        Ok(())
    }
}
